//! Where things are on the two pages: the one file to change when a page's marks change.

/// The viewer page (`GET /{room}`).
pub mod viewer {
    /// Carries `data-state`: `loading`, `playing`, `offline`, `reconnecting`, `banned`, `unsupported`.
    pub const PLAYER: &str = "[data-state]";
    pub const VIDEO: &str = "video";
    pub const UNMUTE: &str = "[data-test=unmute]";
    /// Carries `data-ms`: measured latency, capture to screen.
    pub const LATENCY: &str = "[data-test=latency]";
    pub const CHAT_INPUT: &str = "[data-test=chat-input]";
    pub const NAME_INPUT: &str = "[data-test=name-input]";
    pub const MESSAGE: &str = "[data-test=message]";
}

/// The studio window.
pub mod studio {
    /// Carries `data-frames`: how many preview pictures were drawn.
    pub const PREVIEW: &str = "canvas[data-frames]";
    /// Carries `data-phase`: `idle`, `starting`, `live`, `reconnecting`, `ending`.
    pub const PHASE: &str = "[data-phase]";
    pub const GO_LIVE: &str = "[data-test=go-live]";
    pub const MESSAGE: &str = "[data-test=message]";
    /// The key that bans the author of the focused message.
    pub const BAN_KEY: &str = "b";
}
