//! The room as a viewer sees it: what is on air, in which qualities, who is here, and what it takes.

use serde::{Deserialize, Serialize};

use crate::moderation::Rules;
use crate::room::{Member, UnixMillis};
use crate::studio::Held;
use crate::{LayerId, MessageId, RoomId};

/// The room as a viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RoomState {
    pub room: RoomId,
    pub stream: StreamState,
    pub presence: Presence,
    /// What the creator should know about the stream that is coming in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The creator's words for viewers while nobody publishes; at most [`MAX_CARD`](crate::room::MAX_CARD) long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Whether the broadcast is being recorded. Told to everybody: who is in a room may know that it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recording>,
    /// The qualities that a WebRTC viewer can choose from, best first. Empty or a single one where there is no choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// Set while the relay itself makes lower qualities, or would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renditions: Option<Renditions>,
    /// How often the broadcast that is on air was liked.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub likes: u64,
    /// How many follow the room, here or not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub followers: u64,
    /// What it takes of guests now, without the list of words.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rules: Rules,
    /// Until when the room is shielded, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shield: Option<UnixMillis>,
    /// What stands above the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
}

/// A message that stands above the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Pinned {
    pub message: MessageId,
    pub by: Member,
    pub text: String,
}

fn is_default(rules: &Rules) -> bool {
    *rules == Rules::default()
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Lower qualities that the relay makes, for the viewers on narrow links, of a picture that comes in one quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Renditions {
    /// How many it makes.
    pub made: u8,
    /// Why there are no more; none where all are made that make sense for this picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// One quality of the picture: the publisher sends the same picture in several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Layer {
    pub id: LayerId,
    /// Pixels, from the stream itself.
    pub width: u32,
    pub height: u32,
    /// What it takes of a viewer's link, measured, in kbit/s.
    pub kbps: u32,
}

/// Body of `POST {WHEP session}/layer`: what this viewer wants to see.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LayerChoice {
    /// One of [`RoomState::layers`]; none: the best that the viewer's link carries.
    #[serde(default)]
    pub layer: Option<LayerId>,
}

/// What becomes of the broadcast on the relay's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Recording {
    /// It is being kept.
    On {
        since: UnixMillis,
        /// Seconds until there is no room left for it, rounded down to minutes. Told when it is less than an
        /// hour; the owner gets exact figures over the API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        full_in_s: Option<u32>,
    },
    /// It goes on without being kept, until the reason is gone.
    Paused { since: UnixMillis, why: Pause },
}

/// Why a recording is paused. The broadcast itself goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pause {
    /// The disk has no space left beyond what is to stay free.
    DiskFull,
    /// Recordings fill what they may fill, and none is left to delete.
    BudgetSpent,
    /// The disk refuses to write for another reason.
    DiskFailed,
}

/// Something about the publisher's stream that keeps a part of the viewers from seeing it as they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// The encoder reorders pictures (B-frames), which WebRTC cannot show: viewers get the slower HLS and FLV.
    BFrames,
    /// The video is of a codec that WebRTC viewers are not offered: they get the slower HLS and FLV.
    NotForWebRtc { codec: VideoCodec },
}

/// Video codecs other than H.264 that a publisher may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VideoCodec {
    Hevc,
    Av1,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StreamState {
    /// Nobody publishes.
    Offline,
    /// On air.
    Live { since: UnixMillis, clock: MediaClock },
    /// The publisher is gone without saying goodbye and may be back.
    Interrupted { since: UnixMillis, clock: MediaClock },
}

/// Ties RTP to the clock, so that a page can tell the age of the frame it shows: the video RTP timestamp
/// `rtp` (90 kHz, wraps) was captured at `at_us`, microseconds since the Unix epoch on the relay's clock.
/// Holds for as long as the room lives; the room makes its viewers' timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MediaClock {
    pub rtp: u32,
    pub at_us: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Presence {
    /// Media sessions that watch now.
    pub viewers: u32,
    /// Chat sessions, the owner's not counted.
    pub members: u32,
    /// Viewers' own measured latency, capture to screen, in milliseconds: median and 95th percentile of those
    /// who reported in the last ten seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p50_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p95_ms: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_without_layers_reads_as_before() {
        let older = r#"{"room":"main","stream":{"state":"offline"},"presence":{"viewers":0,"members":0}}"#;
        let mut room: RoomState = serde_json::from_str(older).unwrap();
        assert_eq!(room.layers, []);
        assert!(!serde_json::to_string(&room).unwrap().contains("layers"));
        room.layers.push(Layer { id: "h".parse().unwrap(), width: 1280, height: 720, kbps: 2500 });
        let json = serde_json::to_value(&room).unwrap();
        assert_eq!(json["layers"], serde_json::json!([{"id":"h","width":1280,"height":720,"kbps":2500}]));
        assert_eq!(serde_json::from_value::<RoomState>(json).unwrap(), room);
    }

    #[test]
    fn no_layer_is_the_automatic_choice_and_a_misspelt_one_is_none() {
        let read = |json| serde_json::from_str::<LayerChoice>(json);
        assert_eq!(read(r#"{"layer":null}"#).unwrap(), LayerChoice { layer: None });
        assert_eq!(read("{}").unwrap(), LayerChoice::default());
        assert_eq!(read(r#"{"layer":"l"}"#).unwrap().layer.unwrap().as_str(), "l");
        for bad in [r#"{"leyer":"l"}"#, r#"{"layer":""}"#, r#"{"layer":"l/h"}"#, r#"{"layer":1}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
