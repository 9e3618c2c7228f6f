//! Credentials for TURN servers that end by themselves: the user name is the second at which they do, and the
//! password is its hash with a secret that the relay and the TURN server share (draft-uberti-behave-turn-rest).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::secret::Secret;

/// How long they are good for. A TURN server refuses to refresh an allocation after it, so it is longer than
/// nearly every visit.
const LIFE: u64 = 12 * 3600;

/// User name and password, made at this second since 1970.
pub(crate) fn credentials(secret: &Secret, now: u64) -> (String, String) {
    let user = format!("{}:viewer", now + LIFE);
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(user.as_bytes());
    let password = STANDARD.encode(mac.finalize().into_bytes());
    (user, password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_hash_that_a_turn_server_makes() {
        // By: printf '1700043200:viewer' | openssl dgst -sha1 -hmac north -binary | base64
        let (user, password) = credentials(&Secret::new("north"), 1_700_000_000);
        assert_eq!(user, "1700043200:viewer");
        assert_eq!(password, "JWLeKnS7UI3F7JfRH8GUqHL3QVk=");
    }
}
