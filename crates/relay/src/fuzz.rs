//! What the fuzz targets of the relay do with the bytes they are given. Its parsers are private, so their targets
//! are here; those of the media crate are in `fuzz/targets/media.rs`. Not part of the interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use footlight_protocol::key::NameStreamKey;
use footlight_protocol::replay::{ClipRequest, Edit, MAX_TITLE};
use footlight_protocol::room::{ClientMessage, MAX_NAME, MAX_TEXT};
use tokio::sync::watch;

use crate::auth::bearer;
use crate::bus::wire::{Answer, Down, Flush, Knock, Up};
use crate::chat::text::clean;
use crate::picture::{Shape, made_anew};
use crate::reach::{Transaction, igd};
use crate::room::patch::Condition;
use crate::rtc::fragment::Fragment;
use crate::rtc::{Answerer, Role};
use crate::secret::Secret;
use crate::stripe::{Told, is_by_stripe};

/// Name and function of a target. The folder of its corpus has the same name.
pub type Target = (&'static str, fn(&[u8]));

pub const TARGETS: &[Target] = &[
    ("api_body", api_body),
    ("bus", bus_message),
    ("igd", igd_answer),
    ("passkey", passkey),
    ("picture", picture),
    ("room_message", room_message),
    ("sdp_fragment", sdp_fragment),
    ("sdp_offer", sdp_offer),
    ("stripe", stripe),
    ("stun", stun_answer),
    ("whip_headers", whip_headers),
];

/// A body that the JSON API takes.
fn api_body(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<ClipRequest>(data) {
        let written = serde_json::to_vec(&request).expect("a request is plain data");
        assert_eq!(serde_json::from_slice::<ClipRequest>(&written).ok(), Some(request));
    }
    if let Ok(Edit { title: Some(title), .. }) = serde_json::from_slice(data)
        && let Ok(title) = clean(&title, MAX_TITLE)
    {
        assert!((1..=MAX_TITLE).contains(&title.chars().count()));
    }
    let _ = serde_json::from_slice::<NameStreamKey>(data);
}

/// What another relay says over the bus.
fn bus_message(data: &[u8]) {
    if let Ok(down) = serde_json::from_slice::<Down>(data) {
        for flush in &down.flushes {
            let written = serde_json::to_vec(flush).expect("messages are plain data");
            assert_eq!(serde_json::from_slice::<Flush>(&written).ok().as_ref(), Some(flush));
        }
    }
    let _ = serde_json::from_slice::<Up>(data);
    let _ = serde_json::from_slice::<Knock>(data);
    let _ = serde_json::from_slice::<Answer>(data);
}

/// What answers a search for routers, describes itself as one, or answers what it is asked to do.
fn igd_answer(data: &[u8]) {
    const ROUTER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 168, 1, 1)), 5000);
    let Ok(text) = std::str::from_utf8(data) else { return };
    for url in igd::location(text).into_iter().chain([text]) {
        if let Some(path) = igd::path_at(url, ROUTER) {
            assert!(path.starts_with('/') && url.ends_with(path) || path == "/", "{path}");
        }
    }
    if let Some(description) = igd::Description::parse(text, ROUTER) {
        for control in [Some(description.connection), description.line].into_iter().flatten() {
            // It stands in the first line of a request.
            assert!(control.path.starts_with('/') && !control.path.contains(char::is_whitespace));
        }
    }
    if let Ok(Some(value)) = igd::answer(text, "NewExternalIPAddress") {
        assert_eq!(value.trim(), value);
    }
}

/// A datagram that may be a STUN server's answer to the question of its own transaction.
fn stun_answer(data: &[u8]) {
    let id = data.get(8..20).and_then(|id| id.try_into().ok()).unwrap_or_default();
    let transaction = Transaction(id);
    if transaction.answer(data).is_some() {
        assert_eq!(
            Transaction(id.map(|byte: u8| !byte)).answer(data),
            None,
            "the answer to another question"
        );
    }
}

/// What a device says of a passkey: client data, an attestation object, or authenticator data.
fn passkey(data: &[u8]) {
    crate::passkey::read_anything(data);
}

/// A picture that is uploaded. What is kept is a picture, and made anew it stays the same.
fn picture(data: &[u8]) {
    for shape in [Shape::Code, Shape::Avatar, Shape::Emote] {
        if let Ok(made) = made_anew(data, shape) {
            assert_eq!(made_anew(&made.png, shape), Ok(made));
        }
    }
}

/// What says that it is Stripe: the header is the first line, the body the rest.
fn stripe(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    if let Ok(header) = std::str::from_utf8(header) {
        let secret = Secret::new("whsec_of_nobody");
        assert!(!is_by_stripe(header, body, &secret, 1_800_000_000), "nobody signs with this secret");
    }
    if let Ok(Told::Paid(paid)) = Told::read(body) {
        assert!(
            paid.session.len() < body.len() && paid.payment.is_none_or(|payment| payment.len() < body.len())
        );
    }
}

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
