//! The signature of a request: HMAC-SHA256 over `TIME.BODY`, so that a receiver knows who sent it and when.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// The header's name.
pub(super) const HEADER: &str = "footlight-signature";

/// The header's value: `t=SECONDS,v1=HEX`. A receiver makes the same HMAC with its copy of the secret over the
/// text of `t`, a dot and the body's bytes, compares in constant time, and refuses what is older than some
/// minutes: a request that somebody recorded cannot be sent again later.
pub(super) fn signature(secret: &Secret, seconds: u64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("any length is a key");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_other_implementations() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec
        let made = signature(&Secret::new("whsec"), 1_700_000_000, b"{\"a\":1}");
        assert_eq!(made, "t=1700000000,v1=8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032");
    }
}
