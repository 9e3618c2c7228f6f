//! One attempt at playing the room: which way it goes, how far it has come, and whether it lives.

/// Without a new picture for this long, in milliseconds, the picture stands.
pub const STILL_MS: f64 = 1_000.0;
/// Pictures that a newcomer must have shown: the first alone may be one that stands.
const MOVES: f64 = 2.0;
/// A living path says something at least every 2.5 s (consent checks, RFC 7675 section 5.1).
const DEAD_MS: f64 = 6_000.0;

/// Tells attempts apart; no number comes twice.
pub type Number = u32;

/// How media comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// WebRTC by WHEP; ICE finds UDP or TCP.
    Rtc,
    /// Low-latency HLS over plain HTTP.
    Hls,
}

/// What carries a WebRTC session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
}

/// The rungs of the ladder, from the one that always works to the one with the least delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    Hls,
    Tcp,
    Udp,
}

impl Rung {
    pub fn name(self) -> &'static str {
        match self {
            Self::Hls => "hls",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Counters of an attempt; any may only grow while it lives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// Pieces of media received: packets, or appended parts.
    pub packets: f64,
    /// Anything that proves the path: media, answers to connectivity checks.
    pub signs: f64,
    /// Pictures decoded, or pieces of sound where there is no picture.
    pub moved: f64,
    /// The browser calls the path broken (connection state `disconnected`).
    pub shaky: bool,
    pub transport: Option<Transport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Opening,
    /// The path stands; pictures come where there are any.
    Open,
    /// Ended by itself. Its last picture may still be on the stage.
    Over,
}

#[derive(Debug, Clone)]
pub struct Take {
    pub number: Number,
    pub way: Way,
    pub sound_only: bool,
    pub opened_at: f64,
    pub stage: Stage,
    /// Given up on, though it is not over: media stopped that should flow.
    pub lost: bool,
    pub packet_at: f64,
    seen: Seen,
    sign_at: f64,
    moved_at: Option<f64>,
}

impl Take {
    pub fn new(number: Number, way: Way, sound_only: bool, now: f64) -> Self {
        Self {
            number,
            way,
            sound_only,
            opened_at: now,
            stage: Stage::Opening,
            lost: false,
            packet_at: now,
            seen: Seen::default(),
            sign_at: now,
            moved_at: None,
        }
    }

    /// The path stands.
    pub fn open(&mut self, now: f64) {
        if self.stage == Stage::Opening {
            self.stage = Stage::Open;
            (self.packet_at, self.sign_at) = (now, now);
        }
    }

    pub fn look(&mut self, seen: Seen, now: f64) {
        if seen.packets > self.seen.packets {
            self.packet_at = now;
            self.lost = false;
        }
        if seen.signs > self.seen.signs || seen.packets > self.seen.packets {
            self.sign_at = now;
        }
        if seen.moved > self.seen.moved {
            self.moved_at = Some(now);
        }
        self.seen = seen;
    }

    pub fn packets(&self) -> f64 {
        self.seen.packets
    }

    /// Whether the stage moves by it now.
    pub fn moves(&self, now: f64) -> bool {
        self.stage != Stage::Over
            && self.seen.moved >= MOVES
            && self.moved_at.is_some_and(|at| now - at < STILL_MS)
    }

    /// Whether it ever showed anything.
    pub fn has_moved(&self) -> bool {
        self.moved_at.is_some()
    }

    /// Whether it can still be counted on.
    pub fn alive(&self) -> bool {
        !self.lost && self.stage != Stage::Over
    }

    /// Whether not even the path says anything any more.
    pub fn dead(&self, now: f64) -> bool {
        let silent = now - self.sign_at;
        // HLS has no checks of its own; its loads fail by themselves.
        let quiet = self.way == Way::Rtc && silent > DEAD_MS;
        self.stage == Stage::Open && (quiet || (self.seen.shaky && silent > STILL_MS))
    }

    pub fn rung(&self) -> Rung {
        match (self.way, self.seen.transport) {
            (Way::Hls, _) => Rung::Hls,
            (Way::Rtc, Some(Transport::Tcp)) => Rung::Tcp,
            // Not known yet: as good as it may become.
            (Way::Rtc, _) => Rung::Udp,
        }
    }
}
