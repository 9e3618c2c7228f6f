//! The outline of an SDP offer: its media sections, and whether WHIP or WHEP let it be offered.
//!
//! Read before str0m reads the whole: what makes no sense for this relay gets a sentence that says so.

use std::collections::BTreeSet;

use super::Role;
use crate::layers::MOST;

/// Media sections in an offer. A publisher or viewer has two.
const SECTIONS: usize = 8;
/// Codecs that are named to somebody whose codecs are not carried; browsers offer about a dozen formats.
const NAMED: usize = 12;
/// Longest name of a layer. Header extensions carry 16 bytes, str0m half of it; browsers' pages say `h` or `high`.
const LAYER: usize = 8;
/// Longest name of a codec that is repeated to who sent it.
const NAME: usize = 32;

/// Why an offer got no answer; each with a sentence for who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not SDP, or SDP that contradicts itself.
    Malformed(&'static str),
    /// Sound SDP that WHIP or WHEP rule out, or this relay does not do.
    Unsuited(&'static str),
    /// Codecs that this relay does not carry.
    Codecs(String),
}

/// One `m=` section.
#[derive(Debug, Default)]
struct Section<'a> {
    kind: &'a str,
    direction: Option<&'a str>,
    /// Names as in `a=rtpmap`, without those that carry no media of their own.
    codecs: BTreeSet<&'a str>,
    /// Port 0 outside of a bundle, or the answer's no.
    port: &'a str,
    bundle_only: bool,
    /// What follows `a=simulcast:`.
    simulcast: Option<&'a str>,
}

/// Whether a peer in this role may make the offer. `Ok` holds what str0m is given: the direction that the
/// answer has to have turns round the one that is offered.
pub(crate) fn examine(offer: &str, role: Role) -> Result<String, Refused> {
    let sections = sections(offer);
    if sections.is_empty() || sections.len() > SECTIONS {
        return Err(Refused::Malformed("The body is not an SDP offer that makes sense"));
    }
    let offered: Vec<_> = sections.iter().filter(|section| section.is_offered()).collect();
    if offered.iter().any(|section| !matches!(section.kind, "audio" | "video")) {
        return Err(Refused::Unsuited("Only sound and pictures are carried, no data channel"));
    }
    for kind in ["audio", "video"] {
        // RFC 9725 section 4.4.2.
        if offered.iter().filter(|section| section.kind == kind).count() > 1 {
            return Err(Refused::Unsuited("The offer has two tracks of the same kind; one is carried"));
        }
    }
    let (right, wrong) = match role {
        Role::Publisher => ("sendonly", "A publisher's media have to be sendonly"),
        Role::Viewer => ("recvonly", "A viewer's media have to be recvonly"),
    };
    let fits = |section: &&Section<'_>| {
        section.direction.is_none_or(|direction| direction == right || direction == "sendrecv")
    };
    if !offered.iter().all(fits) {
        return Err(Refused::Unsuited(wrong));
    }
    if role == Role::Publisher {
        offered.iter().try_for_each(|section| layers(section))?;
    }
    // RFC 9725 section 4.2: the answer is one-way whatever the offer allows.
    Ok(offer.replace("a=sendrecv", &format!("a={right}")))
}

/// Whether the layers of a section can be carried (RFC 8853 section 5.1): `send h;m;l`, a `~` in front of those that
/// begin paused, alternatives behind commas.
fn layers(section: &Section<'_>) -> Result<(), Refused> {
    let Some(simulcast) = section.simulcast else { return Ok(()) };
    let mut words = simulcast.split_ascii_whitespace();
    let Some(list) = words.by_ref().find(|word| *word == "send").and_then(|_| words.next()) else {
        return Err(Refused::Unsuited("A publisher's simulcast has to be of what it sends"));
    };
    if section.kind != "video" {
        return Err(Refused::Unsuited("Only the picture can be sent in layers"));
    }
    let names: Vec<&str> = list
        .split(';')
        .filter_map(|one| one.split(',').next())
        .map(|name| name.trim_start_matches('~'))
        .collect();
    if names.len() > MOST {
        return Err(Refused::Unsuited(
            "The picture is offered in more layers than three; send the best three",
        ));
    }
    let plain = |name: &&str| {
        (1..=LAYER).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let distinct: BTreeSet<&str> = names.iter().copied().collect();
    if !names.iter().all(plain) || distinct.len() != names.len() {
        return Err(Refused::Unsuited("Layers need different names of one to eight letters or digits"));
    }
    Ok(())
}

/// Whether the answer takes enough of the offer: for a publisher everything, because half a broadcast misleads
/// (RFC 9725 section 4.4.3); for a viewer anything.
pub(crate) fn judge(offer: &str, answer: &str, role: Role) -> Result<(), Refused> {
    let answered = sections(answer);
    let refused: Vec<_> = sections(offer)
        .into_iter()
        .enumerate()
        .filter(|(at, section)| section.is_offered() && !answered.get(*at).is_some_and(Section::carries))
        .map(|(_, section)| section)
        .collect();
    let carried = answered.iter().any(Section::carries);
    match role {
        Role::Publisher if refused.is_empty() && carried => Ok(()),
        Role::Viewer if carried => Ok(()),
        _ => Err(Refused::Codecs(explain(&refused))),
    }
}

/// The answer with what RFC 9725 section 4.4.1 asks of every bundled section.
pub(crate) fn finish(answer: &str) -> String {
    answer.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n")
}

fn explain(refused: &[Section<'_>]) -> String {
    let mut parts = Vec::new();
    for section in refused {
        let names: Vec<_> = section.codecs.iter().copied().filter(is_nameable).take(NAMED).collect();
        let names = if names.is_empty() { "no codec".to_owned() } else { names.join(", ") };
        parts.push(match section.kind {
            "video" if section.codecs.contains("H264") => {
                format!(
                    "The video is offered as {names}, and H.264 only in another packetization-mode than 1"
                )
            }
            "video" => {
                format!("The video is offered as {names}; this relay carries H.264 (packetization-mode=1)")
            }
            _ => format!("The sound is offered as {names}; this relay carries Opus"),
        });
    }
    if parts.is_empty() {
        parts.push("The offer has neither H.264 (packetization-mode=1) nor Opus".to_owned());
    }
    parts.join(". ")
}

/// Names come from a stranger and go back to the same; nothing odd travels that way.
fn is_nameable(name: &&str) -> bool {
    name.len() <= NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Section<'_> {
    /// A section with port 0 is withdrawn, unless it rides on the bundle's transport (RFC 9143 section 6).
    fn is_offered(&self) -> bool {
        self.port != "0" || self.bundle_only
    }

    /// As part of an answer.
    fn carries(&self) -> bool {
        self.port != "0" && !self.codecs.is_empty()
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    /// Formats that repair or fill a stream of another codec.
    const AUXILIARY: [&str; 7] = ["rtx", "red", "ulpfec", "flexfec-03", "CN", "telephone-event", "parityfec"];
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            let mut fields = media.split(' ');
            let (kind, port) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            sections.push(Section { kind, port, ..Section::default() });
            if sections.len() > SECTIONS {
                break;
            }
            continue;
        }
        let (Some(section), Some(attribute)) = (sections.last_mut(), line.strip_prefix("a=")) else {
            continue;
        };
        match attribute {
            "sendrecv" | "sendonly" | "recvonly" | "inactive" => section.direction = Some(attribute),
            "bundle-only" => section.bundle_only = true,
            _ => {
                section.simulcast = attribute.strip_prefix("simulcast:").or(section.simulcast);
                let codec = attribute
                    .strip_prefix("rtpmap:")
                    .and_then(|map| map.split_once(' '))
                    .and_then(|(_, codec)| codec.split('/').next());
                section.codecs.extend(codec.filter(|codec| !AUXILIARY.contains(codec)));
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(kind: &str, direction: &str, codecs: &[&str]) -> String {
        let mut text = format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\na={direction}\r\na=rtcp-mux\r\n");
        for (at, codec) in codecs.iter().enumerate() {
            text += &format!("a=rtpmap:{} {codec}\r\n", 96 + at);
        }
        text
    }

    #[test]
    fn what_whip_rules_out_is_refused_and_sendrecv_is_taken_one_way() {
        let audio = |direction| section("audio", direction, &["opus/48000/2"]);
        let both = |direction| audio(direction) + &section("video", direction, &["H264/90000"]);
        let publisher = examine(&both("sendrecv"), Role::Publisher).unwrap();
        assert!(publisher.contains("a=sendonly") && !publisher.contains("sendrecv"));
        assert!(examine(&both("sendrecv"), Role::Viewer).unwrap().contains("a=recvonly"));
        for (offer, role, says) in [
            (both("recvonly"), Role::Publisher, "sendonly"),
            (both("inactive"), Role::Publisher, "sendonly"),
            (both("sendonly"), Role::Viewer, "recvonly"),
            (both("inactive"), Role::Viewer, "recvonly"),
            (audio("sendonly") + &audio("sendonly"), Role::Publisher, "two tracks"),
            (
                both("sendonly") + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
                Role::Publisher,
                "data channel",
            ),
            (String::from("v=0\r\n"), Role::Publisher, "makes sense"),
            (audio("sendonly").repeat(20), Role::Publisher, "makes sense"),
        ] {
            match examine(&offer, role).unwrap_err() {
                Refused::Malformed(why) | Refused::Unsuited(why) => assert!(why.contains(says), "{why}"),
                Refused::Codecs(why) => panic!("{why}"),
            }
        }
    }

    #[test]
    fn up_to_three_layers_with_plain_names_are_taken() {
        let video = |simulcast: &str| {
            section("video", "sendonly", &["H264/90000"])
                + "a=rid:h send\r\na=simulcast:"
                + simulcast
                + "\r\n"
        };
        for simulcast in ["send h;l", "send h;m;l", "send h,x;~l", "send h", "recv x send h;l"] {
            assert!(examine(&video(simulcast), Role::Publisher).is_ok(), "{simulcast}");
        }
        for (simulcast, says) in [
            ("send a;b;c;d", "three"),
            ("recv a;b", "sends"),
            ("", "sends"),
            ("send", "sends"),
            ("send high;veryverylow", "names"),
            ("send h;h", "different"),
            ("send h;;l", "names"),
            ("send h;l/..", "names"),
        ] {
            match examine(&video(simulcast), Role::Publisher) {
                Err(Refused::Unsuited(why)) => assert!(why.contains(says), "{simulcast}: {why}"),
                other => panic!("{simulcast}: {other:?}"),
            }
        }
        let sound = section("audio", "sendonly", &["opus/48000/2"]) + "a=simulcast:send a;b\r\n";
        assert!(examine(&sound, Role::Publisher).is_err());
    }

    #[test]
    fn codecs_that_cannot_be_carried_are_named() {
        let sound = section("audio", "sendonly", &["opus/48000/2"]);
        let offer = sound.clone() + &section("video", "sendonly", &["VP8/90000", "rtx/90000", "AV1/90000"]);
        let answer = sound.clone() + "m=video 0 UDP/TLS/RTP/SAVPF 0\r\n";
        let Err(Refused::Codecs(why)) = judge(&offer, &answer, Role::Publisher) else { panic!() };
        assert!(why.contains("offered as AV1, VP8;") && why.contains("H.264"), "{why}");
        assert_eq!(judge(&offer, &answer, Role::Viewer), Ok(()));
        assert_eq!(judge(&sound, &sound, Role::Publisher), Ok(()));
        let odd = section("audio", "sendonly", &["<script>/8000", "PCMU/8000"]);
        let Err(Refused::Codecs(why)) = judge(&odd, "m=audio 0 X 0\r\n", Role::Publisher) else { panic!() };
        assert!(why.contains("as PCMU;") && !why.contains('<'), "{why}");
        let wrong_mode = section("video", "sendonly", &["H264/90000"]);
        let Err(Refused::Codecs(why)) = judge(&wrong_mode, "m=video 0 X 0\r\n", Role::Publisher) else {
            panic!()
        };
        assert!(why.contains("packetization-mode"), "{why}");
    }

    #[test]
    fn the_answer_says_that_rtcp_shares_the_port() {
        let answer = finish(&section("audio", "recvonly", &["opus/48000/2"]));
        assert!(answer.contains("a=rtcp-mux\r\na=rtcp-mux-only\r\n"));
    }
}
