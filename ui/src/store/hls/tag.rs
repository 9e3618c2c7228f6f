//! Attribute lists (RFC 8216bis section 4.2) and dates.

/// The value of `name` in `NAME=value,OTHER="quoted, value"`, without its quotes.
pub(super) fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next.strip_prefix(',').unwrap_or(next))
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim() == name {
            return Some(value);
        }
        rest = next;
    }
    None
}

/// A positive, finite number of seconds.
pub(super) fn seconds(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)
}

/// `YYYY-MM-DDThh:mm:ss[.fff](Z|±hh[:]mm)` (ISO 8601) in milliseconds since the Unix epoch.
pub(super) fn date_ms(text: &str) -> Option<f64> {
    let (day, clock) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = day.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..10_000).contains(&year) {
        return None;
    }
    let (clock, offset_min) = match clock.find(['Z', 'z', '+', '-']) {
        Some(at) => (&clock[..at], offset_minutes(&clock[at..])?),
        None => (clock, 0.0),
    };
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<f64>().ok().filter(|n| n.is_finite()));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let minutes = days_since_epoch(year, month, day) as f64 * 1_440.0 + hour * 60.0 + minute - offset_min;
    Some((minutes * 60.0 + second) * 1_000.0)
}

fn offset_minutes(zone: &str) -> Option<f64> {
    let sign = match zone.as_bytes().first()? {
        b'+' => 1.0,
        b'-' => -1.0,
        _ => return (zone.len() == 1).then_some(0.0),
    };
    let digits: String = zone[1..].chars().filter(char::is_ascii_digit).collect();
    let number: u32 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    Some(sign * f64::from(number / 100 * 60 + number % 100))
}

/// Days from 1970-01-01 in the Gregorian calendar, by counting years from March so that the leap day is last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (from_march * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_behind_quoted_commas() {
        let list = r#"BANDWIDTH=2000000,CODECS="avc1.64001f,mp4a.40.2",AUDIO="sound",DEFAULT=YES"#;
        for (name, value) in [
            ("BANDWIDTH", Some("2000000")),
            ("CODECS", Some("avc1.64001f,mp4a.40.2")),
            ("AUDIO", Some("sound")),
            ("DEFAULT", Some("YES")),
            ("WIDTH", None),
        ] {
            assert_eq!(attribute(list, name), value, "{name}");
        }
        for broken in ["", "A", "A=\"x", ",,,", "=,="] {
            assert_eq!(attribute(broken, "B"), None, "{broken:?}");
        }
    }

    #[test]
    fn dates_are_read_in_every_zone() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", Some(0.0)),
            ("2026-11-24T20:15:33.123Z", Some(1_795_551_333_123.0)),
            ("2026-11-24T21:15:33.123+01:00", Some(1_795_551_333_123.0)),
            ("2026-11-24T15:15:33.123-0500", Some(1_795_551_333_123.0)),
            ("2024-02-29T12:00:00.000Z", Some(1_709_208_000_000.0)),
            ("2024-13-01T00:00:00Z", None),
            ("yesterday", None),
            ("2024-01-01T00:00:00+1", None),
        ] {
            assert_eq!(date_ms(text), ms, "{text}");
        }
    }
}
