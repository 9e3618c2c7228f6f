//! Lower layers of a picture that comes in one quality (RTMP, most of WHIP), made by a program of its own.
//!
//! The relay decodes no video. It hands the picture over a pipe to `footlight-renditions`, which runs at the lowest
//! priority and decides by measuring how many smaller ones it makes ([`footlight_media::handoff`]); they come back as
//! layers like those of a simulcast publisher. Nothing waits for that program: what it does not take is left out, and
//! where it fails the room has its one quality as before. Without that program beside the relay nothing is tapped.

mod maker;

use footlight_media::Packet;
use footlight_media::handoff::Message;
use footlight_protocol::studio::LayerLimit;
use serde::Deserialize;
use str0m::media::Rid;
use tokio::sync::mpsc;

pub use maker::Program;
pub(crate) use maker::{Maker, Setup};

/// Messages that wait for the maker: a second of pictures. Full ⇒ pictures are left out up to the next keyframe, and it
/// is told so.
const WAITING: usize = 60;

/// Whether the relay has lower layers made, and how many at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Renditions {
    Off,
    Made(LayerLimit),
}

impl Default for Renditions {
    fn default() -> Self {
        Self::Made(LayerLimit::Auto)
    }
}

impl TryFrom<String> for Renditions {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "off" => Ok(Self::Off),
            other => other.parse().map(Self::Made).map_err(|_| "renditions are off, auto, 2 or 3"),
        }
    }
}

/// What viewers call the layers that are made, from the first step below the picture itself.
const NAMES: [&str; 2] = ["half", "quarter"];

/// The name of the layer that is `layer` steps below the picture itself; none where none is made.
pub(crate) fn name(layer: u8) -> Option<Rid> {
    NAMES.get(usize::from(layer).checked_sub(1)?).map(|name| (*name).into())
}

/// The media thread's end, one a room. It takes the pictures of a source that sends one quality.
pub(crate) struct Tap {
    messages: mpsc::Sender<Message>,
    /// Counts sources.
    run: u32,
    /// Pictures are left out until a keyframe.
    skipping: bool,
    /// Some were left out because the maker did not take them.
    gap: bool,
    resting: bool,
}

impl Tap {
    /// The tap, and where what it takes comes out.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (messages, receiver) = mpsc::channel(WAITING);
        (Self { messages, run: 0, skipping: true, gap: false, resting: true }, receiver)
    }

    /// Another source begins: what was made of the one before is worth nothing any more.
    pub(crate) fn begin(&mut self) {
        self.run = self.run.wrapping_add(1);
        (self.skipping, self.gap) = (true, false);
    }

    /// Whether that was made of what this source sends.
    pub(crate) fn is_current(&self, run: u32) -> bool {
        self.run == run && !self.resting
    }

    pub(crate) fn offer(&mut self, packet: &Packet) {
        if self.skipping && !packet.keyframe {
            return;
        }
        let (run, gap) = (self.run, self.gap);
        let picture = Message::Picture { run, layer: 0, gap, packet: packet.clone() };
        self.skipping = self.messages.try_send(picture).is_err();
        self.gap = self.skipping;
        self.resting &= self.skipping;
    }

    /// Nobody has a use for lower layers.
    pub(crate) fn rest(&mut self) {
        if !self.resting {
            self.resting = self.messages.try_send(Message::Rest).is_ok();
            self.skipping = true;
        }
    }

    /// Of the layer of that name.
    pub(crate) fn want_keyframe(&self, rid: Rid) {
        if let Some(above) = NAMES.iter().position(|name| *name == &*rid) {
            // Full ⇒ it has pictures to work on first; who waits asks again.
            let _ = self.messages.try_send(Message::KeyframeWanted { layer: above as u8 + 1 });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use footlight_media::{Codec, Time};

    use super::*;

    fn picture(keyframe: bool) -> Packet {
        Packet {
            codec: Codec::H264,
            captured: Time::default(),
            composition: Duration::ZERO,
            keyframe,
            data: Bytes::new(),
        }
    }

    #[test]
    fn it_begins_with_a_keyframe_and_tells_of_what_was_left_out() {
        let (mut tap, mut receiver) = Tap::new();
        tap.begin();
        tap.offer(&picture(false));
        assert!(receiver.try_recv().is_err());
        tap.offer(&picture(true));
        for _ in 0..2 * WAITING {
            tap.offer(&picture(false));
        }
        let mut taken = 0;
        while let Ok(message) = receiver.try_recv() {
            assert!(matches!(message, Message::Picture { run: 1, gap: false, .. }));
            taken += 1;
        }
        assert_eq!(taken, WAITING);
        tap.offer(&picture(false));
        assert!(receiver.try_recv().is_err(), "what depends on a picture that was left out is of no use");
        tap.offer(&picture(true));
        assert!(matches!(receiver.try_recv(), Ok(Message::Picture { gap: true, .. })));
    }

    #[test]
    fn what_was_made_of_another_source_or_before_a_rest_is_not_taken() {
        let (mut tap, mut receiver) = Tap::new();
        tap.begin();
        tap.offer(&picture(true));
        assert!(tap.is_current(1) && !tap.is_current(0));
        tap.want_keyframe("half".into());
        tap.rest();
        tap.rest();
        assert!(!tap.is_current(1));
        let said: Vec<_> = std::iter::from_fn(|| receiver.try_recv().ok()).skip(1).collect();
        assert_eq!(said, [Message::KeyframeWanted { layer: 1 }, Message::Rest], "once");
        tap.begin();
        tap.offer(&picture(true));
        assert!(tap.is_current(2));
    }

    #[test]
    fn settings_are_read() {
        for (text, expected) in [
            ("off", Ok(Renditions::Off)),
            ("auto", Ok(Renditions::Made(LayerLimit::Auto))),
            ("2", Ok(Renditions::Made(LayerLimit::Most(2)))),
            ("on", Err("renditions are off, auto, 2 or 3")),
        ] {
            assert_eq!(Renditions::try_from(text.to_owned()), expected);
        }
    }
}
