//! The SDP fragments of trickled candidates and ICE restarts (RFC 8840 section 9), read and written as values.
//!
//! WHIP and WHEP bundle everything on one transport, so a fragment names one ICE user name and password, at
//! whichever level it likes. An ICE-lite agent learns its peer's addresses from the peer's own checks, so
//! candidates are looked at for their form only.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// RFC 8839 section 5.4: lengths of the user name fragment and the password.
const UFRAG: RangeInclusive<usize> = 4..=256;
const PASSWORD: RangeInclusive<usize> = 22..=256;
/// Foundation, component, transport, priority, address, port, `typ`, type (RFC 8839 section 5.1).
const CANDIDATE_FIELDS: usize = 8;

/// How a peer proves itself in ICE.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// What a peer says about its ICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Those of the ICE session that it speaks of; some clients leave them out and rely on the entity tag.
    pub(crate) credentials: Option<Credentials>,
    pub(crate) candidates: usize,
    /// No more candidates will come.
    pub(crate) complete: bool,
}

impl Fragment {
    /// Reads a fragment, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (mut ufrag, mut password) = (None, None);
        let mut fragment = Self { credentials: None, candidates: 0, complete: false };
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if let Some(media) = line.strip_prefix("m=") {
                if media.split(' ').filter(|field| !field.is_empty()).count() < 4 {
                    return Err("an m= line of the fragment is cut short");
                }
                continue;
            }
            let attribute =
                line.strip_prefix("a=").ok_or("a fragment has lines that start with a= or m= only")?;
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            match name {
                "ice-ufrag" => once(&mut ufrag, value, UFRAG)?,
                "ice-pwd" => once(&mut password, value, PASSWORD)?,
                "candidate" if is_candidate(value) => fragment.candidates += 1,
                "candidate" => return Err("a candidate of the fragment cannot be read"),
                "end-of-candidates" => fragment.complete = true,
                _ => {}
            }
        }
        fragment.credentials = match (ufrag, password) {
            (Some(ufrag), Some(password)) => {
                Some(Credentials { ufrag: ufrag.to_owned(), password: password.to_owned() })
            }
            (None, None) => None,
            _ => return Err("ice-ufrag and ice-pwd come together"),
        };
        if fragment.credentials.is_none() && fragment.candidates == 0 && !fragment.complete {
            return Err("the fragment says nothing about ICE");
        }
        Ok(fragment)
    }
}

/// Takes the value of an attribute that may be repeated in every media section, but not with another value.
fn once<'a>(
    slot: &mut Option<&'a str>,
    value: &'a str,
    length: RangeInclusive<usize>,
) -> Result<(), &'static str> {
    if !length.contains(&value.len()) || !value.bytes().all(is_ice_char) {
        return Err("ice-ufrag or ice-pwd has the wrong length or characters");
    }
    if slot.is_some_and(|before| before != value) {
        return Err("the fragment names two ICE sessions");
    }
    *slot = Some(value);
    Ok(())
}

fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// Whether it has the form of a candidate. Its transport and address are its peer's business: what cannot be
/// used is silently left aside (RFC 9725 section 4.3.2).
fn is_candidate(value: &str) -> bool {
    let fields: Vec<&str> = value.split(' ').collect();
    fields.len() >= CANDIDATE_FIELDS
        && (1..=32).contains(&fields[0].len())
        && fields[0].bytes().all(is_ice_char)
        && fields[1].parse::<u16>().is_ok_and(|component| (1..=256).contains(&component))
        && fields[3].parse::<u32>().is_ok()
        && fields[5].parse::<u16>().is_ok()
        && fields[6] == "typ"
}

/// The ICE part of an answer: what the session tells of itself after a restart. The media section is the one
/// whose transport all others share (RFC 9143 section 7.2), the first.
pub(crate) fn of_answer(answer: &str) -> String {
    let mut fragment = String::new();
    let mut sections = 0;
    for line in answer.lines() {
        sections += usize::from(line.starts_with("m="));
        let wanted = match sections {
            0 => ["a=ice-lite", "a=group:BUNDLE"].iter().any(|start| line.starts_with(start)),
            1 => ["m=", "a=mid:", "a=ice-", "a=candidate:"].iter().any(|start| line.starts_with(start)),
            _ => break,
        };
        if wanted {
            let _ = write!(fragment, "{line}\r\n");
        }
    }
    fragment + "a=end-of-candidates\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";
    const CANDIDATE: &str = "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0";

    #[test]
    fn fragments_of_clients_are_read() {
        let example = format!(
            "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{CREDENTIALS}{CANDIDATE}\r\n\
             a=candidate:4 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\na=end-of-candidates\r\n"
        );
        let fragment = Fragment::parse(&example).unwrap();
        assert_eq!((fragment.candidates, fragment.complete), (2, true));
        assert_eq!(fragment.credentials.unwrap().ufrag, "EsAw");
        // One transport, so every section may repeat the same credentials, and some clients name none.
        let twice = format!("{CREDENTIALS}m=audio 9 UDP/TLS/RTP/SAVPF 0\n{CREDENTIALS}");
        assert!(Fragment::parse(&twice).unwrap().credentials.is_some());
        assert_eq!(Fragment::parse(CANDIDATE).unwrap().candidates, 1);
        assert!(Fragment::parse("a=end-of-candidates\n").unwrap().complete);
        // What this relay cannot use is no reason to refuse the rest.
        let odd = "a=candidate:1 1 sctp 1 never.example 5000 typ host\r\na=x-unknown\r\n";
        assert_eq!(Fragment::parse(odd).unwrap().candidates, 1);
    }

    #[test]
    fn what_is_no_fragment_is_refused() {
        for (text, says) in [
            ("", "nothing"),
            ("hello", "a= or m="),
            ("v=0\r\na=end-of-candidates", "a= or m="),
            ("a=mid:0\r\n", "nothing"),
            ("m=audio 9\r\na=end-of-candidates\r\n", "cut short"),
            ("a=ice-ufrag:EsAw\r\n", "together"),
            ("a=ice-ufrag:x\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", "length"),
            ("a=ice-ufrag:Es w\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n", "characters"),
            ("a=ice-ufrag:EsAw\r\na=ice-ufrag:EsAx\r\n", "two"),
            ("a=candidate:1 1 udp\r\n", "candidate"),
            ("a=candidate:1 0 udp 1 192.0.2.1 5000 typ host\r\n", "candidate"),
            ("a=candidate:1 1 udp x 192.0.2.1 5000 typ host\r\n", "candidate"),
            ("a=candidate:1 1 udp 1 192.0.2.1 70000 typ host\r\n", "candidate"),
        ] {
            let refused = Fragment::parse(text).unwrap_err();
            assert!(refused.contains(says), "{text:?}: {refused}");
        }
    }

    #[test]
    fn a_restart_answers_with_the_transport_that_all_media_shares() {
        let answer = "v=0\r\ns=-\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=ice-lite\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=ice-ufrag:abcd\r\n\
            a=ice-pwd:secret\r\na=ice-options:trickle\r\na=fingerprint:x\r\na=mid:0\r\na=recvonly\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ice-ufrag:abcd\r\n";
        let expected = "a=group:BUNDLE 0 1\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
            a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\n\
            a=ice-options:trickle\r\na=mid:0\r\na=end-of-candidates\r\n";
        assert_eq!(of_answer(answer), expected);
    }
}
