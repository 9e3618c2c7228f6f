//! Whether a request is by Stripe: HMAC-SHA256 over `TIME.BODY` with the webhook's secret, in a header of the form
//! `t=SECONDS,v1=HEX[,v1=HEX…]`. Several are there while the secret is being changed; one has to be right.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::secret::Secret;

pub(crate) const HEADER: &str = "stripe-signature";
/// A request that is older, or as far in the future, may be one that somebody recorded. Seconds.
const TOLERANCE: u64 = 300;
/// Longest header that is looked at, and most signatures in it.
const LONGEST: usize = 2_048;
const MOST: usize = 16;

/// `now` in seconds since the Unix epoch.
pub(crate) fn is_by_stripe(header: &str, body: &[u8], secret: &Secret, now: u64) -> bool {
    if header.len() > LONGEST {
        return false;
    }
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
    // The digits themselves were signed: `+5` and `05` are other texts than `5`.
    let is_number = !time.is_empty() && time.len() <= 12 && time.bytes().all(|b| b.is_ascii_digit());
    let Some(seconds) = time.parse::<u64>().ok().filter(|_| is_number) else { return false };
    if seconds.abs_diff(now) > TOLERANCE {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else { return false };
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    let signatures = parts().filter(|(name, _)| *name == "v1").take(MOST);
    // In constant time each; how many there are is no secret.
    signatures.filter_map(|(_, hex)| unhex(hex)).any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stripe_signed_is_taken_and_nothing_else() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec
        const GOOD: &str = "8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032";
        let (secret, body, now) = (Secret::new("whsec"), b"{\"a\":1}".as_slice(), 1_700_000_000);
        let zeros = "0".repeat(64);
        let many = format!("t=1700000000{},v1={GOOD}", format!(",v1={zeros}").repeat(MOST));
        for (header, ok) in [
            (format!("t=1700000000,v1={GOOD}"), true),
            (format!("t=1700000000,v0=abc,v1={zeros},v1={GOOD}"), true),
            (format!(" t=1700000000 , v1={GOOD}"), true),
            (format!("t=1700000000,v0={GOOD}"), false),
            (format!("t=1700000000,v1={zeros}"), false),
            (format!("t=1700000001,v1={GOOD}"), false),
            (format!("t=+1700000000,v1={GOOD}"), false),
            (format!("v1={GOOD}"), false),
            ("t=1700000000".to_owned(), false),
            (format!("t=1700000000,v1={}", &GOOD[..63]), false),
            (format!("t=1700000000,v1={}é", &GOOD[..62]), false),
            (String::new(), false),
            (many, false),
            ("x".repeat(LONGEST + 1), false),
        ] {
            assert_eq!(is_by_stripe(&header, body, &secret, now), ok, "{header}");
        }
        let header = format!("t=1700000000,v1={GOOD}");
        for (body, secret, now, ok) in [
            (body, "whsec", now + TOLERANCE, true),
            (body, "whsec", now + TOLERANCE + 1, false),
            (body, "whsec", now - TOLERANCE - 1, false),
            (b"{\"a\":2}", "whsec", now, false),
            (body, "other", now, false),
        ] {
            assert_eq!(is_by_stripe(&header, body, &Secret::new(secret), now), ok);
        }
    }
}
