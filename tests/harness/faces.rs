//! Where things are on the two pages: the one file to change when a page's marks change.

/// The viewer page (`GET /{room}`).
pub mod viewer {
    /// Carries [`STATE`] and [`LATENCY`].
    pub const PLAYER: &str = "#player";
    /// `connecting`, `playing`, `offline`, `interrupted`, `failed` or `banned`.
    pub const STATE: &str = "data-state";
    /// Measured latency, capture to screen, in milliseconds.
    pub const LATENCY: &str = "data-latency-ms";
    /// A line over the picture.
    pub const STRIP: &str = ".strip";
    /// What stands in the picture's place where something is wrong.
    pub const FAILED: &str = ".board.failed";
    /// The way on the stage: `udp`, `tcp` or `hls`.
    pub const PATH: &str = "data-path";
    pub const VIDEO: &str = "#video";
    pub const UNMUTE: &str = "#unmute";
    /// The canvas over the picture; is not shown while nothing is on it.
    pub const SKY: &str = ".danmaku canvas";
    /// How many comments are on it.
    pub const FLYING: &str = "data-flying";
    pub const CHAT_INPUT: &str = "#chat-input";
    pub const NAME_INPUT: &str = "#name-input";
    /// A message that the relay has confirmed.
    pub const MESSAGE: &str = "[data-message-id]";
    /// Opens the tray of gifts.
    pub const GIFT_OPEN: &str = "#gift-open";
    pub const GIFT_SEND: &str = "#gift-send";
    /// What this person has.
    pub const COINS: &str = "#coins";
    /// A run of gifts in the log.
    pub const GIFT_LINE: &str = ".message.gift";
    /// A run of gifts over the picture.
    pub const GIFT_CARD: &str = ".gift-card";
    /// Who gave most; opens the whole board.
    pub const GIVERS: &str = "#givers-open";
}

/// The page of a replay (`GET /{room}/replay/{id}`). Its player root is the viewer page's.
pub mod replay {
    /// `loading`, `playing`, `waiting`, `paused`, `ended`, `missing`, `on-air`, `unreachable`, `broken` or `refused`.
    pub const STATE: &str = super::viewer::STATE;
    /// Media time on the screen, in milliseconds.
    pub const AT: &str = "data-at-ms";
    pub const SCRUB: &str = "#scrub";
    pub const BIG_PLAY: &str = ".big-play";
    /// The picture of the place under the pointer; has the class `seen` when there is one.
    pub const GLIMPSE: &str = ".glimpse-screen";
    /// A message that had been said.
    pub const SAID: &str = "#talk .message-text";
    /// A broadcast in the list of a room that is not live.
    pub const TILE: &str = ".tile";
}

/// The studio window.
pub mod studio {
    pub const HIDE_PREVIEW: &str = "#hide-preview";
    pub const SHOW_PREVIEW: &str = "#show-preview";
    /// Carries [`FRAMES`].
    pub const PREVIEW: &str = "#preview";
    /// How many preview pictures were drawn.
    pub const FRAMES: &str = "data-frames";
    /// Pressed to go live; carries [`PHASE`].
    pub const GO_LIVE: &str = "#go-live";
    /// `idle`, `starting`, `live`, `reconnecting` or `ending`.
    pub const PHASE: &str = "data-phase";
    /// The checks between Go Live and the air.
    pub const LAUNCH: &str = "#launch";
    /// What the last broadcast was like.
    pub const SUMMARY: &str = "#summary[open]";
    pub const SUMMARY_CLOSE: &str = "#summary-close";
    pub const MESSAGE: &str = "[data-message-id]";
    /// A channel's part of the mixer; in it what is pressed, by its `data-act`, and its fader.
    pub const MICROPHONE: &str = "#mixer [data-channel=microphone]";
    pub const DESKTOP: &str = "#mixer [data-channel=desktop]";
    pub const FADER: &str = "input[data-fader]";
    /// Lets viewers hear what the computer plays.
    pub const DESKTOP_ON: &str = "#desktop-on";
    /// Why viewers do not hear a channel.
    pub const SILENT: &str = ".strip-note";
    /// Lets the network watch, or only this computer.
    pub const SHARING: &str = "#sharing";
    /// Asks the router to let the internet in; shown while the network is let in.
    pub const INTERNET: &str = "#internet";
    /// Who will get in.
    pub const REACH: &str = "#reach";
    /// What is kept on this computer, as [`STATE`]: `off` or `on`.
    pub const RECORDER: &str = ".recorder";
    /// Begins and ends it.
    pub const RECORD: &str = "#record";
    /// Saves the last seconds.
    pub const SAVE_REPLAY: &str = "#save-replay";
    /// What becomes of the broadcast, as [`STATE`]: `on` or `paused`.
    pub const RECORDING: &str = "#recording";
    pub const STATE: &str = "data-state";
    /// Makes a clip of the last seconds.
    pub const CLIP: &str = "#clip";
    /// The links of the clip and of the recording.
    pub const FOUND_CLIP: &str = "#found-clip";
    pub const FOUND_REPLAY: &str = "#found-replay";
    /// Bans the author of the message that has the focus.
    pub const BAN_KEY: &str = "b";
    /// Shift and S, then no key: raises or lowers the shield.
    pub const SHIELD_KEYS: &str = "\u{e008}S\u{e000}";
    pub const TAB_CHAT: &str = "#tab-chat";
    pub const TAB_HELD: &str = "#tab-held";
    pub const SHIELD: &str = "#shield";
    /// A raid that was taken away.
    pub const RAID: &str = ".raid";
    pub const RAID_UNDO: &str = ".raid-undo";
}
