//! What reaches a person when something cannot be done: a code that programs match on and a sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A refusal or an error as it is shown: the body of every HTTP error, of `refused` and of a failed command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    pub code: Code,
    /// One plain English sentence; faces translate by `code` and fall back to this. Never holds a secret.
    pub message: String,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Why. Snake case on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// The stream key or token is missing or wrong.
    Unauthorized,
    /// Known, but not allowed to do this.
    Forbidden,
    /// No such room, session or message.
    NotFound,
    /// The body is not what the route takes (not SDP, not JSON, not UTF-8).
    Malformed,
    /// The offer has no codec that this relay can serve or take.
    UnsupportedMedia,
    /// Longer than the limit.
    TooLong,
    /// Nothing left after trimming.
    Empty,
    /// Too many in too short a time; `retry_after_ms` says when again.
    TooFast,
    /// Timed out by a moderator until a given time.
    TimedOut,
    /// Banned from the room.
    Banned,
    /// Somebody else is publishing to this room.
    RoomBusy,
    /// The relay has no seat left.
    Full,
    /// The relay is about to stop and takes nobody new; the same address answers again soon.
    Draining,
    /// A nickname is needed before the first message.
    NameNeeded,
    /// The message waits for a moderator.
    Held,
    /// The person came too short a time ago; `retry_after_ms` says when they may write.
    TooNew,
    /// The room takes no links, no letters, or nothing that was said before: the message says which.
    AgainstRules,
    /// Only members of the room may write at the moment.
    MembersOnly,
    /// Only those who follow the room may write; `retry_after_ms` says when to somebody who does, but not for long enough.
    FollowersOnly,
    /// The network is the relay's own, or of too many who are here, so that it is not banned.
    NetworkShared,
    /// The person has fewer coins than this costs.
    TooFewCoins,
    /// As many of this gift as one person may send within an hour; `retry_after_ms` says when to try again.
    GiftCap,
    /// Nothing is left in the red packet, or its time is over.
    PacketOver,
    /// The red packet was put up before this person was known here.
    CameLate,
    /// The membership is paid for as far ahead as it can be.
    PaidAhead,
    /// There are as many of them at once as there may be; `retry_after_ms` says when to try again.
    TooMany,
    /// The nickname is somebody's who has an account, or looks like it.
    NameTaken,
    /// There is no account of that name and password.
    NotSignedIn,
    /// The passkey is not known, or what it answered is not right: the message says which of its checks failed.
    PasskeyRefused,
    /// Without this nobody could sign in to the account any more.
    LastWayIn,
    /// The messages of another version.
    Version,
    CameraMissing,
    CameraBusy,
    CameraFailed,
    /// The window is not open.
    WindowClosed,
    /// The window is minimised, so that there is nothing to be seen of it.
    WindowHidden,
    /// The screen is not connected.
    ScreenMissing,
    /// The system does not let screens or windows be seen: the message says what to do.
    CaptureFailed,
    MicrophoneMissing,
    MicrophoneFailed,
    /// What this computer plays cannot be recorded here.
    DesktopSoundMissing,
    DesktopSoundFailed,
    /// There is nothing to listen with, or it failed.
    SpeakersFailed,
    /// The media file cannot be read or decoded.
    FileUnreadable,
    /// The encoder refused its settings or failed.
    EncoderFailed,
    /// There is too little space left on the disk.
    DiskFull,
    /// The disk or the folder cannot be written.
    DiskFailed,
    /// The relay or target cannot be reached.
    Unreachable,
    /// The relay or target refused the stream key.
    KeyRefused,
    /// The target closed the connection as soon as it had the stream key, as platforms do with a wrong one.
    HungUp,
    /// The target's certificate is not one to trust, or it does not speak TLS.
    Untrusted,
    /// Already live, or not live.
    WrongPhase,
    /// A setting has a value that cannot be used.
    BadSetting,
    /// A fault of our own; details are in the log.
    Internal,
}

/// Why the relay closed a WebSocket (application range, RFC 6455 section 7.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// The client does not read fast enough. It may reconnect and resume.
    Slow = 4000,
    /// A message that cannot be parsed, or none of this version.
    Malformed = 4001,
    /// Banned. Reconnecting is useless.
    Banned = 4003,
    /// No such room.
    NotFound = 4004,
    /// The relay is going away; reconnect.
    GoingAway = 4005,
    /// Too many sessions.
    Full = 4006,
}

impl CloseCode {
    pub fn from_u16(code: u16) -> Option<Self> {
        [Self::Slow, Self::Malformed, Self::Banned, Self::NotFound, Self::GoingAway, Self::Full]
            .into_iter()
            .find(|c| *c as u16 == code)
    }

    /// Whether the same client may try again.
    pub fn may_retry(self) -> bool {
        matches!(self, Self::Slow | Self::GoingAway | Self::Full)
    }
}
