//! When to open, keep and replace the viewer's media session, and what to show meanwhile. Decides only:
//! the player carries it out and reports back.
//!
//! Two breaks look the same from the video and need opposite answers. A publisher that restarts leaves the
//! session alive, so it is kept; a relay that restarts leaves a dead session, which shows only in that
//! nothing at all arrives any more, not even the relay's answers to connectivity checks.

use footlight_protocol::room::StreamState;
use footlight_protocol::{Code, Failure};

use super::backoff::Backoff;

/// Start without the room's word after this long: the token is nice to have, a picture is the point.
const PATIENCE_MS: f64 = 300.0;
/// Offer, ICE and DTLS over a slow phone network take about 1.5 s; a blocked path never ends.
const CONNECT_MS: f64 = 5_000.0;
/// Without a new picture for this long, the picture stands.
const STILL_MS: f64 = 1_000.0;
/// After a reconnect, media that is alive shows within this time.
const PROOF_MS: f64 = 350.0;
/// A living path says something at least every 2.5 s (consent checks, RFC 7675 section 5.1).
const DEAD_MS: f64 = 6_000.0;
/// Until then a break is a hiccup: the last frame with a line over it. After it, say what is wrong.
const HICCUP_MS: f64 = 5_000.0;
/// This many attempts in a row that reach the relay but never connect: the network blocks media.
const BLOCKED_AFTER: u32 = 2;

/// What the player root shows, as `data-state`.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    Connecting,
    Playing,
    Offline,
    Interrupted,
    Failed(Why),
    Banned,
}

impl Status {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Playing => "playing",
            Self::Offline => "offline",
            Self::Interrupted => "interrupted",
            Self::Failed(_) => "failed",
            Self::Banned => "banned",
        }
    }
}

/// Why nothing can be played.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The browser has no WebRTC.
    NoWebRtc,
    /// The browser cannot decode H.264.
    NoH264,
    /// The relay answers, but no media path opens, neither UDP nor TCP.
    Blocked,
    /// The relay does not answer.
    Unreachable,
    /// The relay refused.
    Refused(Failure),
}

/// What happens to the player.
#[derive(Debug, Clone)]
pub enum PlaybackEvent {
    /// The browser lacks something for good.
    Incapable(Why),
    /// The room's socket was welcomed, or broke.
    LinkUp,
    LinkDown {
        retry_at: f64,
    },
    Banned,
    Stream(StreamState),
    /// What the session did since it was started.
    Connected,
    SessionFailed,
    Refused(Failure),
    Unreachable,
    /// Regular measurement of the session.
    Seen(Seen),
    Tick,
}

/// Counters of the session; any may only grow while it lives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// Media packets received.
    pub packets: f64,
    /// Anything that proves the path: media, answers to connectivity checks.
    pub signs: f64,
    /// Pictures decoded.
    pub frames: f64,
    /// The browser calls the path broken (connection state `disconnected`).
    pub shaky: bool,
}

/// What the player is to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Do {
    /// Open a session, in place of the one there may be.
    Start,
    /// Close it.
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Session {
    None,
    Opening { since: f64 },
    Open,
}

/// The deciding part of the player.
#[derive(Debug, Clone)]
pub struct Playback {
    began: f64,
    session: Session,
    stream: Option<StreamState>,
    link_up: bool,
    link_was_up: bool,
    link_down_since: Option<f64>,
    link_retry_at: f64,
    /// After a reconnect: by when the session has to prove that it lives, and its packets then.
    proof: Option<(f64, f64)>,
    seen: Seen,
    packet_at: f64,
    sign_at: f64,
    frame_at: Option<f64>,
    retry: Backoff,
    retry_at: f64,
    /// Attempts in a row that timed out although the relay answered.
    dead_ends: u32,
    unreachable_since: Option<f64>,
    fatal: Option<Status>,
    refused: Option<Failure>,
}

impl Playback {
    pub fn new(now: f64) -> Self {
        Self {
            began: now,
            session: Session::None,
            stream: None,
            link_up: false,
            link_was_up: false,
            link_down_since: None,
            link_retry_at: 0.0,
            proof: None,
            seen: Seen::default(),
            packet_at: now,
            sign_at: now,
            frame_at: None,
            retry: Backoff::new(400.0, 4_000.0),
            retry_at: 0.0,
            dead_ends: 0,
            unreachable_since: None,
            fatal: None,
            refused: None,
        }
    }

    /// Takes what happened and says what to do about it.
    pub fn apply(&mut self, event: PlaybackEvent, now: f64, random: f64) -> Option<Do> {
        match event {
            PlaybackEvent::Incapable(why) => self.fatal = Some(Status::Failed(why)),
            PlaybackEvent::Banned => {
                self.fatal = Some(Status::Banned);
                self.link_up = false;
            }
            PlaybackEvent::LinkUp => {
                if self.fatal == Some(Status::Banned) {
                    // The room lets nobody in whom it bans: pardoned.
                    self.fatal = None;
                }
                if !self.link_up {
                    if self.link_was_up && self.session == Session::Open {
                        // Media that already stood still has had its chance.
                        let grace = if now - self.packet_at > STILL_MS { 0.0 } else { PROOF_MS };
                        self.proof = Some((now + grace, self.seen.packets));
                    }
                    self.retry.reset();
                    self.retry_at = now;
                }
                self.link_up = true;
                self.link_was_up = true;
                self.link_down_since = None;
                self.unreachable_since = None;
            }
            PlaybackEvent::LinkDown { retry_at } => {
                self.link_up = false;
                self.link_retry_at = retry_at;
                self.link_down_since.get_or_insert(now);
                self.proof = None;
                if self.link_was_up && matches!(self.session, Session::Opening { .. }) {
                    // The relay that was to answer is gone; waiting for it would only cost time.
                    self.session = Session::None;
                    return Some(Do::Stop);
                }
            }
            PlaybackEvent::Stream(stream) => {
                let offline = matches!(stream, StreamState::Offline);
                if !offline && matches!(self.stream, Some(StreamState::Offline)) {
                    self.retry_at = now;
                }
                if offline {
                    self.frame_at = None;
                }
                self.refused = None;
                self.stream = Some(stream);
            }
            PlaybackEvent::Connected => {
                self.session = Session::Open;
                self.retry.reset();
                self.dead_ends = 0;
                self.unreachable_since = None;
                self.refused = None;
                (self.packet_at, self.sign_at) = (now, now);
            }
            PlaybackEvent::SessionFailed => {
                let was_open = self.session == Session::Open;
                self.session = Session::None;
                if !was_open {
                    self.dead_ends += 1;
                }
                self.retry_at = now + self.retry.next_ms(random);
                return Some(Do::Stop);
            }
            PlaybackEvent::Refused(failure) => {
                self.session = Session::None;
                self.unreachable_since = None;
                match failure.code {
                    Code::Banned => self.fatal = Some(Status::Banned),
                    // Not live: the room says so, or will.
                    Code::NotFound | Code::WrongPhase => {
                        if self.stream.is_none() {
                            self.stream = Some(StreamState::Offline);
                        }
                        self.refused = None;
                    }
                    _ => self.refused = Some(failure),
                }
                self.retry_at = now + self.retry.next_ms(random).max(1_000.0);
                return Some(Do::Stop);
            }
            PlaybackEvent::Unreachable => {
                self.session = Session::None;
                self.unreachable_since.get_or_insert(now);
                self.retry_at = now + self.retry.next_ms(random);
                return Some(Do::Stop);
            }
            PlaybackEvent::Seen(seen) => self.look(seen, now),
            PlaybackEvent::Tick => {}
        }
        self.decide(now, random)
    }

    fn look(&mut self, seen: Seen, now: f64) {
        if seen.packets > self.seen.packets {
            self.packet_at = now;
        }
        if seen.signs > self.seen.signs || seen.packets > self.seen.packets {
            self.sign_at = now;
        }
        if seen.frames > self.seen.frames {
            self.frame_at = Some(now);
        }
        self.seen = seen;
    }

    fn decide(&mut self, now: f64, random: f64) -> Option<Do> {
        let wanted = self.fatal.is_none() && !matches!(self.stream, Some(StreamState::Offline));
        if !wanted {
            return self.end();
        }
        match self.session {
            Session::None => {
                let known = self.stream.is_some() || now - self.began >= PATIENCE_MS;
                // While the socket is down it does the probing, which is lighter than an offer.
                let answered = self.link_up || !self.link_was_up;
                (known && answered && now >= self.retry_at).then(|| self.start(now))
            }
            Session::Opening { since } if now - since > CONNECT_MS => {
                self.dead_ends += 1;
                self.session = Session::None;
                self.retry_at = now + self.retry.next_ms(random);
                Some(Do::Stop)
            }
            Session::Opening { .. } => None,
            Session::Open => {
                if let Some((by, packets)) = self.proof
                    && now >= by
                {
                    self.proof = None;
                    if self.seen.packets <= packets {
                        return Some(self.start(now));
                    }
                }
                let silent = now - self.sign_at;
                let dead = silent > DEAD_MS || (self.seen.shaky && silent > STILL_MS);
                (self.link_up && dead).then(|| self.start(now))
            }
        }
    }

    fn start(&mut self, now: f64) -> Do {
        self.session = Session::Opening { since: now };
        self.seen = Seen::default();
        self.proof = None;
        Do::Start
    }

    fn end(&mut self) -> Option<Do> {
        if self.session == Session::None {
            return None;
        }
        self.session = Session::None;
        self.seen = Seen::default();
        Some(Do::Stop)
    }

    /// What to show.
    pub fn status(&self, now: f64) -> Status {
        if let Some(fatal) = &self.fatal {
            return fatal.clone();
        }
        if matches!(self.stream, Some(StreamState::Offline)) && self.link_down_since.is_none() {
            return Status::Offline;
        }
        if self.frame_at.is_some_and(|at| now - at < STILL_MS) {
            return Status::Playing;
        }
        if let Some(failure) = &self.refused {
            return Status::Failed(Why::Refused(failure.clone()));
        }
        if self.dead_ends >= BLOCKED_AFTER {
            return Status::Failed(Why::Blocked);
        }
        let away = [self.link_down_since, self.unreachable_since].into_iter().flatten().reduce(f64::min);
        if !self.link_up && away.is_some_and(|since| now - since > HICCUP_MS) {
            return Status::Failed(Why::Unreachable);
        }
        if matches!(self.stream, Some(StreamState::Offline)) {
            return Status::Offline;
        }
        if self.frame_at.is_some() || matches!(self.stream, Some(StreamState::Interrupted { .. })) {
            return Status::Interrupted;
        }
        Status::Connecting
    }

    /// When the next try is, for the countdown on the card.
    pub fn retry_at(&self) -> f64 {
        if self.link_up || !self.link_was_up { self.retry_at } else { self.link_retry_at }
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::room::MediaClock;

    use super::*;

    const CLOCK: MediaClock = MediaClock { rtp: 0, at_us: 0 };

    fn live() -> PlaybackEvent {
        PlaybackEvent::Stream(StreamState::Live { since: 0, clock: CLOCK })
    }

    fn interrupted() -> PlaybackEvent {
        PlaybackEvent::Stream(StreamState::Interrupted { since: 0, clock: CLOCK })
    }

    struct Story {
        player: Playback,
        now: f64,
        count: f64,
        done: Vec<(f64, Do)>,
    }

    impl Story {
        fn new() -> Self {
            Self { player: Playback::new(0.0), now: 0.0, count: 0.0, done: vec![] }
        }

        fn on(&mut self, event: PlaybackEvent) -> Option<Do> {
            let done = self.player.apply(event, self.now, 0.5);
            self.done.extend(done.map(|done| (self.now, done)));
            done
        }

        /// Lets time pass in steps of 100 ms; media flows, or only checks are answered, or nothing comes.
        fn pass(&mut self, ms: f64, media: bool, checks: bool) {
            let end = self.now + ms;
            while self.now < end {
                self.now += 100.0;
                self.count += if media { 1.0 } else { 0.0 };
                let signs = if checks { self.now } else { 0.0 };
                let seen = Seen { packets: self.count, signs, frames: self.count, shaky: false };
                self.on(PlaybackEvent::Seen(seen));
            }
        }

        fn playing() -> Self {
            let mut story = Self::new();
            story.on(PlaybackEvent::LinkUp);
            assert_eq!(story.on(live()), Some(Do::Start));
            story.on(PlaybackEvent::Connected);
            story.pass(3_000.0, true, true);
            assert_eq!(story.player.status(story.now), Status::Playing);
            story.done.clear();
            story
        }
    }

    #[test]
    fn plays_without_the_socket_after_a_moment() {
        let mut story = Story::new();
        assert_eq!(story.on(PlaybackEvent::Tick), None);
        story.now = PATIENCE_MS;
        assert_eq!(story.on(PlaybackEvent::Tick), Some(Do::Start));
    }

    #[test]
    fn waits_while_offline_and_starts_by_itself() {
        let mut story = Story::new();
        story.on(PlaybackEvent::LinkUp);
        assert_eq!(story.on(PlaybackEvent::Stream(StreamState::Offline)), None);
        story.pass(60_000.0, false, false);
        assert!(story.done.is_empty());
        assert_eq!(story.player.status(story.now), Status::Offline);
        assert_eq!(story.on(live()), Some(Do::Start));
        story.on(PlaybackEvent::Connected);
        story.pass(500.0, true, true);
        assert_eq!(story.on(PlaybackEvent::Stream(StreamState::Offline)), Some(Do::Stop));
        assert_eq!(story.player.status(story.now), Status::Offline);
    }

    #[test]
    fn a_publisher_that_restarts_keeps_the_session() {
        let mut story = Story::playing();
        story.pass(1_500.0, false, true);
        story.on(interrupted());
        assert_eq!(story.player.status(story.now), Status::Interrupted);
        story.pass(30_000.0, false, true);
        story.on(live());
        story.pass(1_000.0, true, true);
        assert_eq!(story.player.status(story.now), Status::Playing);
        assert!(story.done.is_empty(), "{:?}", story.done);
    }

    #[test]
    fn a_relay_that_restarts_gets_a_new_session_within_half_a_second_of_its_welcome() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::LinkDown { retry_at: story.now + 300.0 });
        story.pass(2_000.0, false, false);
        assert_eq!(story.player.status(story.now), Status::Interrupted);
        assert!(story.done.is_empty());
        let back = story.now;
        story.on(PlaybackEvent::LinkUp);
        story.on(interrupted());
        story.pass(1_000.0, false, false);
        assert!(matches!(story.done[..], [(at, Do::Start)] if at - back <= 500.0), "{:?}", story.done);
    }

    #[test]
    fn a_socket_that_breaks_alone_leaves_the_picture_alone() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::LinkDown { retry_at: story.now });
        story.pass(9_000.0, true, true);
        assert_eq!(story.player.status(story.now), Status::Playing);
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(2_000.0, true, true);
        assert!(story.done.is_empty());
    }

    #[test]
    fn a_relay_that_dies_while_connecting_is_not_waited_for() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::SessionFailed);
        story.now += 1_000.0;
        assert_eq!(story.on(PlaybackEvent::Tick), Some(Do::Start));
        assert_eq!(story.on(PlaybackEvent::LinkDown { retry_at: story.now }), Some(Do::Stop));
        story.pass(500.0, false, false);
        assert_eq!(story.on(PlaybackEvent::LinkUp), Some(Do::Start));
    }

    #[test]
    fn a_dead_path_is_replaced_though_the_socket_lives() {
        let mut story = Story::playing();
        story.pass(DEAD_MS + 500.0, false, false);
        assert!(matches!(story.done[..], [(_, Do::Start)]), "{:?}", story.done);
    }

    #[test]
    fn a_blocked_network_is_told_apart_from_a_relay_that_is_away() {
        let mut story = Story::new();
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        for _ in 0..200 {
            story.now += 100.0;
            story.on(PlaybackEvent::Tick);
        }
        assert_eq!(story.player.status(story.now), Status::Failed(Why::Blocked));

        let mut story = Story::new();
        story.on(PlaybackEvent::LinkDown { retry_at: 0.0 });
        for _ in 0..80 {
            story.now += 100.0;
            if story.on(PlaybackEvent::Tick) == Some(Do::Start) {
                story.on(PlaybackEvent::Unreachable);
            }
        }
        assert_eq!(story.player.status(story.now), Status::Failed(Why::Unreachable));
    }

    #[test]
    fn a_ban_ends_it_for_good() {
        let mut story = Story::playing();
        assert_eq!(story.on(PlaybackEvent::Banned), Some(Do::Stop));
        story.on(live());
        story.pass(10_000.0, false, false);
        assert_eq!(story.done.len(), 1);
        assert_eq!(story.player.status(story.now), Status::Banned);
    }

    #[test]
    fn a_pardon_brings_the_picture_back() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::Banned);
        // The knock finds no relay, then one that bans, then one that pardoned.
        story.on(PlaybackEvent::LinkDown { retry_at: 0.0 });
        story.on(PlaybackEvent::Banned);
        assert_eq!(story.player.status(story.now), Status::Banned);
        story.on(live());
        assert_eq!(story.on(PlaybackEvent::LinkUp), Some(Do::Start));
        assert_ne!(story.player.status(story.now), Status::Banned);
    }

    #[test]
    fn a_refusal_says_why_and_is_tried_again() {
        let mut story = Story::new();
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        let full = Failure::new(Code::Full, "full");
        story.on(PlaybackEvent::Refused(full.clone()));
        assert_eq!(story.player.status(story.now), Status::Failed(Why::Refused(full)));
        story.done.clear();
        story.pass(3_000.0, false, false);
        assert!(story.done.iter().any(|(_, done)| *done == Do::Start));
    }
}
