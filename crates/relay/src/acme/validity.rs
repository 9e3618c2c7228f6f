//! From when to when a certificate is good: the one field of it (RFC 5280 section 4.1.2.5) that a renewal needs.

use footlight_media::Time;
use footlight_media::time::Date;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which is left out where it is the first.
const VERSION: u8 = 0xa0;

/// Of the first certificate in a PEM text.
pub(super) fn of_pem(text: &str) -> Option<(Time, Time)> {
    of_der(&CertificateDer::pem_slice_iter(text.as_bytes()).next()?.ok()?)
}

fn of_der(der: &[u8]) -> Option<(Time, Time)> {
    let (certificate, _) = field(der, SEQUENCE)?;
    let (mut fields, _) = field(certificate, SEQUENCE)?;
    if let Some((_, rest)) = field(fields, VERSION) {
        fields = rest;
    }
    // Serial number, signature algorithm, issuer.
    for kind in [INTEGER, SEQUENCE, SEQUENCE] {
        fields = field(fields, kind)?.1;
    }
    let (validity, _) = field(fields, SEQUENCE)?;
    let (begins, rest) = time(validity)?;
    Some((begins, time(rest)?.0))
}

/// The content of the first element, where it is of that kind, and what is behind it (X.690 section 8.1).
fn field(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (found == kind).then(|| rest.split_at_checked(length))?
}

fn time(der: &[u8]) -> Option<(Time, &[u8])> {
    let (text, years, rest) = match field(der, UTC_TIME) {
        Some((text, rest)) => (text, 2, rest),
        None => field(der, GENERALIZED_TIME).map(|(text, rest)| (text, 4, rest))?,
    };
    let digits = text.strip_suffix(b"Z").filter(|digits| digits.len() == years + 10)?;
    let number = |at: std::ops::Range<usize>| {
        let digits = digits.get(at)?;
        digits
            .iter()
            .try_fold(0u64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
    };
    let year = number(0..years)?;
    let pair = |n: usize| number(years + 2 * n..years + 2 * n + 2);
    let date = Date {
        // Two digits are of 1950 to 2049.
        year: if years == 4 {
            year
        } else if year < 50 {
            2000 + year
        } else {
            1900 + year
        },
        month: pair(0)?,
        day: pair(1)?,
        hour: pair(2)?,
        minute: pair(3)?,
        second: pair(4)?,
    };
    Some((date.time()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_time_are_read_and_damage_is_no_time() {
        for (from, to) in [((2026, 11, 25), (2027, 2, 23)), ((1999, 12, 31), (2051, 3, 1))] {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
            params.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
            let made = params.self_signed(&key).unwrap();
            let (begins, ends) = of_pem(&format!("# words\n{}{}", key.serialize_pem(), made.pem())).unwrap();
            let day = |time: Time| (time.date().year as i32, time.date().month as u8, time.date().day as u8);
            assert_eq!((day(begins), day(ends)), (from, to));
            let der = made.der().to_vec();
            for at in 0..der.len() {
                let _ = of_der(&der[..at]);
                let mut damaged = der.clone();
                damaged[at] ^= 0x55;
                let _ = of_der(&damaged);
            }
        }
        assert_eq!(of_pem("nothing"), None);
    }
}
