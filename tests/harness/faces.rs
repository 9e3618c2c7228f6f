//! Where things are on the two pages: the one file to change when a page's marks change.

/// The viewer page (`GET /{room}`).
pub mod viewer {
    /// Carries [`STATE`] and [`LATENCY`].
    pub const PLAYER: &str = "#player";
    /// `connecting`, `playing`, `offline`, `interrupted`, `failed` or `banned`.
    pub const STATE: &str = "data-state";
    /// Measured latency, capture to screen, in milliseconds.
    pub const LATENCY: &str = "data-latency-ms";
    /// The way on the stage: `udp`, `tcp` or `hls`.
    pub const PATH: &str = "data-path";
    pub const VIDEO: &str = "#video";
    pub const UNMUTE: &str = "#unmute";
    pub const CHAT_INPUT: &str = "#chat-input";
    pub const NAME_INPUT: &str = "#name-input";
    /// A message that the relay has confirmed.
    pub const MESSAGE: &str = "[data-message-id]";
}

/// The studio window.
pub mod studio {
    /// Carries [`FRAMES`].
    pub const PREVIEW: &str = "#preview";
    /// How many preview pictures were drawn.
    pub const FRAMES: &str = "data-frames";
    /// Pressed to go live; carries [`PHASE`].
    pub const GO_LIVE: &str = "#go-live";
    /// `idle`, `starting`, `live`, `reconnecting` or `ending`.
    pub const PHASE: &str = "data-phase";
    pub const MESSAGE: &str = "[data-message-id]";
    /// Lets the network watch, or only this computer.
    pub const SHARING: &str = "#sharing";
    /// Asks the router to let the internet in; shown while the network is let in.
    pub const INTERNET: &str = "#internet";
    /// Bans the author of the message that has the focus.
    pub const BAN_KEY: &str = "b";
}
