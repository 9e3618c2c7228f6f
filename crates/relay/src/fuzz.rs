//! What the fuzz targets of the relay do with the bytes they are given. Its parsers are private, so their targets
//! are here; those of the media crate are in `fuzz/targets/media.rs`. Not part of the interface.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use footlight_protocol::room::{ClientMessage, MAX_NAME, MAX_TEXT};
use tokio::sync::watch;

use crate::auth::bearer;
use crate::chat::text::clean;
use crate::room::patch::Condition;
use crate::rtc::fragment::Fragment;
use crate::rtc::{Answerer, Role};

/// Name and function of a target. The folder of its corpus has the same name.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: &[Target] = &[
    ("room_message", room_message),
    ("sdp_fragment", sdp_fragment),
    ("sdp_offer", sdp_offer),
    ("whip_headers", whip_headers),
];

/// A text frame of the room's WebSocket.
fn room_message(data: &[u8]) {
    let Ok(message) = serde_json::from_slice::<ClientMessage>(data) else { return };
    let written = serde_json::to_string(&message).expect("room messages are plain data");
    let again: ClientMessage = serde_json::from_str(&written).expect("what is written can be read");
    assert_eq!(serde_json::to_string(&again).ok(), Some(written));
    let (text, most) = match &message {
        ClientMessage::Say { text, .. } => (text, MAX_TEXT),
        ClientMessage::Name { name } => (name, MAX_NAME),
        _ => return,
    };
    if let Ok(text) = clean(text, most) {
        assert!((1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control));
        assert_eq!(clean(&text, most).as_ref(), Ok(&text), "what is clean stays as it is");
    }
}

/// The body of a PATCH.
fn sdp_fragment(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(fragment) = Fragment::parse(text)
    {
        assert!(fragment.candidates <= text.lines().count());
    }
}

/// An offer to publish, and to watch.
fn sdp_offer(data: &[u8]) {
    static ANSWERER: LazyLock<Answerer> = LazyLock::new(|| {
        let answerer = Answerer::new(vec![[127, 0, 0, 1].into()], 8080, watch::channel(Vec::new()).1);
        answerer.expect("the crypto library makes a certificate")
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    for role in [Role::Publisher, Role::Viewer] {
        if let Ok((_, answer)) = ANSWERER.answer(text, role) {
            assert!(answer.starts_with("v=0\r\n") && answer.contains("a=ice-ufrag:"), "{answer}");
        }
    }
}

/// The headers that WHIP and WHEP read.
fn whip_headers(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, value.clone());
    if let Some(token) = bearer(&headers) {
        assert!(token.len() < data.len());
    }
    if let Ok(text) = value.to_str()
        && let Condition::Tags(tags) = Condition::parse(text)
    {
        assert!(tags.iter().map(String::len).sum::<usize>() <= text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpora_of_the_relays_parsers_replay() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        for (name, target) in TARGETS {
            let folder = corpus.join(name);
            let files =
                std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let mut count = 0;
            for entry in files {
                let path = entry.unwrap().path();
                let data = std::fs::read(&path).unwrap();
                let replayed = std::panic::catch_unwind(|| target(&data));
                assert!(replayed.is_ok(), "{name} fails on {}", path.display());
                count += 1;
            }
            assert!(count >= 3, "{name} has a corpus");
        }
    }
}
