//! When to open, keep and replace what plays the room, and what to show meanwhile. Decides only: the player
//! carries it out and reports back.
//!
//! Two breaks look the same from the video and need opposite answers. A publisher that restarts leaves the
//! session alive, so it is kept; a path that breaks or a relay that restarts leaves a dead one. The room's
//! socket tells them apart: where the relay answers there and still calls the room live, the path is broken.

use footlight_protocol::room::StreamState;
use footlight_protocol::{Code, Failure};

pub use super::ladder::{Choice, Do};
use super::ladder::{End, Ladder, Outlook};
pub use super::take::{Number, Rung, Seen, Transport, Way};
use super::take::{STILL_MS, Stage};

/// Start without the room's word after this long: the token is nice to have, a picture is the point.
const PATIENCE_MS: f64 = 300.0;
/// Media that flowed and ceased for this long is asked about. The relay itself notices within a second that a
/// publisher is silent, so an answer that still says live is the truth.
const ASK_MS: f64 = 1_150.0;
/// The same where there is no socket to ask over.
const BLIND_MS: f64 = 2_500.0;
/// After a reconnect, media that is alive shows within this time.
const PROOF_MS: f64 = 350.0;
/// Until then a break is a hiccup: the last frame with a line over it. After it, say what is wrong.
const HICCUP_MS: f64 = 5_000.0;

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
    /// The browser has neither WebRTC nor Media Source Extensions.
    NoPlayer,
    /// The browser cannot decode H.264.
    NoH264,
    /// The relay answers, but no way leads to a picture.
    Blocked,
    /// The relay does not answer.
    Unreachable,
    /// The relay refused.
    Refused(Failure),
}

/// What happens to the player.
#[derive(Debug, Clone)]
pub enum PlaybackEvent {
    /// The browser can never play anything.
    Incapable(Why),
    /// The browser can never play that way.
    Without(Way),
    Chosen(Choice),
    /// The room's socket was welcomed, broke, or answered what was asked.
    LinkUp,
    LinkDown {
        retry_at: f64,
    },
    Answered,
    Banned,
    Stream(StreamState),
    /// What an attempt did since it was opened.
    Opened(Number),
    Ended(Number),
    Refused(Number, Failure),
    Unreachable(Number),
    /// Regular measurement of an attempt.
    Seen(Number, Seen),
    /// The page is left for now: everything is closed, and opened again when it is come back to.
    Left,
    Tick,
}

/// The deciding part of the player.
#[derive(Debug, Clone)]
pub struct Playback {
    began: f64,
    ladder: Ladder,
    stream: Option<StreamState>,
    /// Since when media should flow.
    live_since: f64,
    link_up: bool,
    link_was_up: bool,
    link_down_since: Option<f64>,
    link_retry_at: f64,
    /// After a reconnect: by when what is on the stage has to prove that it lives, and its packets then.
    proof: Option<(f64, f64)>,
    /// The relay was asked why nothing comes.
    asked: bool,
    unreachable_since: Option<f64>,
    fatal: Option<Status>,
    refused: Option<Failure>,
}

impl Playback {
    pub fn new(choice: Choice, now: f64) -> Self {
        Self {
            began: now,
            ladder: Ladder::new(choice),
            stream: None,
            live_since: now,
            link_up: false,
            link_was_up: false,
            link_down_since: None,
            link_retry_at: 0.0,
            proof: None,
            asked: false,
            unreachable_since: None,
            fatal: None,
            refused: None,
        }
    }

    /// Takes what happened and says what to do about it, in this order.
    pub fn apply(&mut self, event: PlaybackEvent, now: f64, random: f64) -> Vec<Do> {
        let outlook = self.outlook(now, random);
        let mut todo = Vec::new();
        match event {
            PlaybackEvent::Incapable(why) => self.fatal = Some(Status::Failed(why)),
            PlaybackEvent::Without(way) => self.ladder.rule_out(way),
            PlaybackEvent::Chosen(choice) => self.ladder.choose(choice),
            PlaybackEvent::Banned => {
                self.fatal = Some(Status::Banned);
                self.link_up = false;
            }
            PlaybackEvent::LinkUp => self.link_up(now),
            PlaybackEvent::LinkDown { retry_at } => {
                self.link_up = false;
                self.link_retry_at = retry_at;
                self.link_down_since.get_or_insert(now);
                (self.proof, self.asked) = (None, false);
                if self.link_was_up {
                    // The relay that was to answer is gone; waiting for it would only cost time.
                    todo = self.ladder.give_up_opening();
                }
            }
            PlaybackEvent::Answered => {
                if std::mem::take(&mut self.asked) && self.silent_ms(now).is_some_and(|ms| ms >= ASK_MS) {
                    self.ladder.lose(&outlook);
                }
            }
            PlaybackEvent::Stream(stream) => self.hear(stream, now),
            PlaybackEvent::Opened(take) => {
                self.unreachable_since = None;
                self.refused = None;
                self.ladder.opened(take, now);
            }
            PlaybackEvent::Ended(take) => todo = self.ladder.over(take, End::Broken, &outlook),
            PlaybackEvent::Refused(take, failure) => {
                self.unreachable_since = None;
                match failure.code {
                    Code::Banned => self.fatal = Some(Status::Banned),
                    // Not live: the room says so, or will.
                    Code::NotFound | Code::WrongPhase => {
                        self.stream.get_or_insert(StreamState::Offline);
                        self.refused = None;
                    }
                    _ => self.refused = Some(failure),
                }
                todo = self.ladder.over(take, End::Refused, &outlook);
            }
            PlaybackEvent::Unreachable(take) => {
                self.unreachable_since.get_or_insert(now);
                todo = self.ladder.over(take, End::Unanswered, &outlook);
            }
            PlaybackEvent::Seen(take, seen) => self.ladder.look(take, seen, now),
            PlaybackEvent::Left => return self.ladder.close_all(),
            PlaybackEvent::Tick => {}
        }
        todo.extend(self.decide(now, random));
        todo
    }

    fn link_up(&mut self, now: f64) {
        if self.fatal == Some(Status::Banned) {
            // The room lets nobody in whom it bans: pardoned.
            self.fatal = None;
        }
        if !self.link_up {
            if let Some(shown) = self.ladder.shown()
                && self.link_was_up
                && shown.way == Way::Rtc
            {
                // Media that already stood still has had its chance.
                let grace = if now - shown.packet_at > STILL_MS { 0.0 } else { PROOF_MS };
                self.proof = Some((now + grace, shown.packets()));
            }
            self.ladder.start_over();
            self.live_since = now;
        }
        self.link_up = true;
        self.link_was_up = true;
        self.link_down_since = None;
        self.unreachable_since = None;
    }

    fn hear(&mut self, stream: StreamState, now: f64) {
        let live = |stream: Option<&StreamState>| matches!(stream, Some(StreamState::Live { .. }));
        if live(Some(&stream)) && !live(self.stream.as_ref()) {
            self.live_since = now;
            if matches!(self.stream, Some(StreamState::Offline)) {
                self.ladder.start_over();
            }
        }
        self.refused = None;
        self.asked = false;
        self.stream = Some(stream);
    }

    fn outlook(&self, now: f64, random: f64) -> Outlook {
        let live = matches!(self.stream, None | Some(StreamState::Live { .. }));
        Outlook { live, answers: self.link_up || !self.link_was_up, now, random }
    }

    /// For how long what is on the stage should have got media and did not.
    fn silent_ms(&self, now: f64) -> Option<f64> {
        let shown = self.ladder.shown().filter(|take| take.alive() && take.stage == Stage::Open)?;
        let live = matches!(self.stream, None | Some(StreamState::Live { .. }));
        live.then(|| now - shown.packet_at.max(self.live_since))
    }

    fn decide(&mut self, now: f64, random: f64) -> Vec<Do> {
        let known = self.stream.is_some() || now - self.began >= PATIENCE_MS;
        let wanted = self.fatal.is_none() && !matches!(self.stream, Some(StreamState::Offline));
        if !wanted || !known {
            return self.ladder.close_all();
        }
        let outlook = self.outlook(now, random);
        let mut todo = self.doubt(&outlook);
        todo.extend(self.ladder.decide(&outlook));
        todo
    }

    /// Finds out whether what is on the stage still lives.
    fn doubt(&mut self, outlook: &Outlook) -> Vec<Do> {
        let now = outlook.now;
        if let Some((by, packets)) = self.proof
            && now >= by
        {
            self.proof = None;
            if self.ladder.shown().is_some_and(|take| take.packets() <= packets) {
                self.ladder.lose(outlook);
            }
        }
        if self.link_up && self.ladder.shown().is_some_and(|take| take.dead(now)) {
            self.ladder.lose(outlook);
        }
        let silent = self.silent_ms(now).unwrap_or(0.0);
        if silent < ASK_MS {
            self.asked = false;
        } else if self.link_up {
            if !std::mem::replace(&mut self.asked, true) {
                return vec![Do::Ask];
            }
        } else if !self.link_was_up && silent >= BLIND_MS {
            self.ladder.lose(outlook);
        }
        Vec::new()
    }

    /// What to show.
    pub fn status(&self, now: f64) -> Status {
        if let Some(fatal) = &self.fatal {
            return fatal.clone();
        }
        let offline = matches!(self.stream, Some(StreamState::Offline));
        if offline && self.link_down_since.is_none() {
            return Status::Offline;
        }
        let shown = self.ladder.shown();
        if shown.is_some_and(|take| take.moves(now)) {
            return Status::Playing;
        }
        if let Some(failure) = &self.refused {
            return Status::Failed(Why::Refused(failure.clone()));
        }
        if self.ladder.blocked() {
            return Status::Failed(Why::Blocked);
        }
        let away = [self.link_down_since, self.unreachable_since].into_iter().flatten().reduce(f64::min);
        if !self.link_up && away.is_some_and(|since| now - since > HICCUP_MS) {
            return Status::Failed(Why::Unreachable);
        }
        if offline {
            return Status::Offline;
        }
        let interrupted = matches!(self.stream, Some(StreamState::Interrupted { .. }));
        if interrupted || shown.is_some_and(|take| take.has_moved()) {
            return Status::Interrupted;
        }
        Status::Connecting
    }

    /// On which rung of the ladder it plays, and whether with a picture.
    pub fn path(&self) -> Option<(Rung, bool)> {
        self.ladder.shown().map(|take| (take.rung(), !take.sound_only))
    }

    pub fn choice(&self) -> Choice {
        self.ladder.choice()
    }

    /// When the next try is, for the countdown on the card.
    pub fn retry_at(&self) -> f64 {
        if self.link_up || !self.link_was_up { self.ladder.retry_at() } else { self.link_retry_at }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use footlight_protocol::room::MediaClock;

    use super::*;

    const CLOCK: MediaClock = MediaClock { rtp: 0, at_us: 0 };
    const STEP_MS: f64 = 50.0;
    /// From a request to the first picture, over WebRTC and over HLS.
    const RTC_MS: f64 = 400.0;
    const HLS_MS: f64 = 900.0;

    fn live() -> PlaybackEvent {
        PlaybackEvent::Stream(StreamState::Live { since: 0, clock: CLOCK })
    }

    fn interrupted() -> PlaybackEvent {
        PlaybackEvent::Stream(StreamState::Interrupted { since: 0, clock: CLOCK })
    }

    struct Played {
        way: Way,
        opened: f64,
        stands: bool,
        seen: Seen,
    }

    /// A network and a relay for the decider to live in.
    struct Story {
        player: Playback,
        now: f64,
        /// What a WebRTC session finds: nothing where none opens.
        rtc: Option<Transport>,
        hls: bool,
        /// The publisher sends; media that was sent arrives over sessions that stand.
        media: bool,
        /// Sessions opened before this are cut off.
        cut_before: f64,
        /// WebRTC sessions get media for this long.
        flow_ms: f64,
        /// The relay answers on the socket.
        answers: bool,
        takes: BTreeMap<Number, Played>,
        shown: Option<Number>,
        /// What was done and when, asking left out.
        done: Vec<(f64, Do)>,
        asked: bool,
        /// For how long the stage stood still, longest.
        stood: f64,
        moved_at: f64,
    }

    impl Story {
        fn new() -> Self {
            Self::of(Choice::Auto)
        }

        fn of(choice: Choice) -> Self {
            Self {
                player: Playback::new(choice, 0.0),
                now: 0.0,
                rtc: Some(Transport::Udp),
                hls: true,
                media: true,
                cut_before: -1.0,
                flow_ms: f64::INFINITY,
                answers: true,
                takes: BTreeMap::new(),
                shown: None,
                done: Vec::new(),
                asked: false,
                stood: 0.0,
                moved_at: 0.0,
            }
        }

        fn on(&mut self, event: PlaybackEvent) -> Vec<Do> {
            let todo = self.player.apply(event, self.now, 0.0);
            for one in &todo {
                match *one {
                    Do::Open { take, way, .. } => {
                        let played = Played { way, opened: self.now, stands: false, seen: Seen::default() };
                        self.takes.insert(take, played);
                    }
                    Do::Show { take } => {
                        assert!(self.takes.contains_key(&take), "it shows what it opened");
                        self.shown = Some(take);
                    }
                    Do::Close { take } => {
                        assert!(self.takes.remove(&take).is_some(), "it closes what it opened");
                        self.shown = self.shown.filter(|shown| *shown != take);
                    }
                    Do::Ask => self.asked = true,
                }
                if *one != Do::Ask {
                    self.done.push((self.now, *one));
                }
            }
            todo
        }

        /// Lets time pass.
        fn pass(&mut self, ms: f64) {
            let end = self.now + ms;
            while self.now < end {
                self.now += STEP_MS;
                for number in self.takes.keys().copied().collect::<Vec<_>>() {
                    self.breathe(number);
                }
                if std::mem::take(&mut self.asked) && self.answers {
                    self.on(PlaybackEvent::Answered);
                }
                self.on(PlaybackEvent::Tick);
                self.stood = self.stood.max(self.now - self.moved_at);
            }
        }

        fn breathe(&mut self, number: Number) {
            let (rtc, hls, now) = (self.rtc, self.hls, self.now);
            let Some(played) = self.takes.get_mut(&number) else { return };
            let works = if played.way == Way::Rtc { rtc.is_some() } else { hls };
            let needs = if played.way == Way::Rtc { RTC_MS } else { HLS_MS };
            let cut = played.way == Way::Rtc && now - played.opened > self.flow_ms;
            if !works || cut || now - played.opened < needs || played.opened < self.cut_before {
                return;
            }
            let opens = !std::mem::replace(&mut played.stands, true);
            played.seen.signs += 1.0;
            if played.way == Way::Rtc {
                played.seen.transport = rtc;
            }
            if self.media {
                played.seen.packets += 5.0;
                played.seen.moved += 2.0;
                if self.shown == Some(number) {
                    self.moved_at = now;
                }
            }
            let seen = played.seen;
            if opens {
                self.on(PlaybackEvent::Opened(number));
            }
            self.on(PlaybackEvent::Seen(number, seen));
        }

        fn playing() -> Self {
            let mut story = Self::new();
            story.on(PlaybackEvent::LinkUp);
            story.on(live());
            story.pass(3_000.0);
            assert_eq!(story.status(), Status::Playing);
            assert_eq!(story.rung(), Some(Rung::Udp));
            story.forget();
            story
        }

        fn forget(&mut self) {
            self.done.clear();
            (self.stood, self.moved_at) = (0.0, self.now);
        }

        fn status(&self) -> Status {
            self.player.status(self.now)
        }

        fn rung(&self) -> Option<Rung> {
            self.player.path().map(|(rung, _)| rung)
        }

        fn opened(&self, way: Way) -> usize {
            self.done.iter().filter(|(_, done)| matches!(done, Do::Open { way: w, .. } if *w == way)).count()
        }
    }

    #[test]
    fn plays_without_the_socket_after_a_moment() {
        let mut story = Story::new();
        assert_eq!(story.on(PlaybackEvent::Tick), []);
        story.pass(PATIENCE_MS + RTC_MS + 200.0);
        assert_eq!(story.status(), Status::Playing);
    }

    #[test]
    fn waits_while_offline_and_starts_by_itself() {
        let mut story = Story::new();
        story.media = false;
        story.on(PlaybackEvent::LinkUp);
        story.on(PlaybackEvent::Stream(StreamState::Offline));
        story.pass(60_000.0);
        assert!(story.done.is_empty());
        assert_eq!(story.status(), Status::Offline);
        story.media = true;
        story.on(live());
        story.pass(RTC_MS + 200.0);
        assert_eq!(story.status(), Status::Playing);
        story.on(PlaybackEvent::Stream(StreamState::Offline));
        assert!(story.takes.is_empty());
        assert_eq!(story.status(), Status::Offline);
    }

    #[test]
    fn a_publisher_that_restarts_keeps_the_session() {
        let mut story = Story::playing();
        story.media = false;
        story.pass(950.0);
        story.on(interrupted());
        story.pass(500.0);
        assert_eq!(story.status(), Status::Interrupted);
        story.pass(28_000.0);
        story.on(live());
        story.pass(800.0);
        story.media = true;
        story.pass(1_000.0);
        assert_eq!(story.status(), Status::Playing);
        assert!(story.done.is_empty(), "{:?}", story.done);
    }

    #[test]
    fn who_joins_while_the_publisher_is_away_waits_with_one_session() {
        let mut story = Story::new();
        story.media = false;
        story.on(PlaybackEvent::LinkUp);
        story.on(interrupted());
        story.pass(20_000.0);
        assert_eq!(story.status(), Status::Interrupted);
        assert_eq!((story.opened(Way::Rtc), story.opened(Way::Hls)), (1, 0));
        story.on(live());
        story.media = true;
        story.pass(300.0);
        assert_eq!(story.status(), Status::Playing);
        assert_eq!(story.takes.len(), 1);
    }

    #[test]
    fn a_relay_that_restarts_gets_a_new_session_within_half_a_second_of_its_welcome() {
        let mut story = Story::playing();
        story.media = false;
        story.cut_before = story.now;
        story.on(PlaybackEvent::LinkDown { retry_at: story.now + 300.0 });
        story.pass(2_000.0);
        assert_eq!(story.status(), Status::Interrupted);
        assert!(story.done.is_empty(), "{:?}", story.done);
        let back = story.now;
        story.on(PlaybackEvent::LinkUp);
        story.on(interrupted());
        story.pass(1_000.0);
        assert!(
            matches!(story.done[0], (at, Do::Open { way: Way::Rtc, .. }) if at - back <= 500.0),
            "{:?}",
            story.done
        );
        story.on(live());
        story.media = true;
        story.pass(600.0);
        assert_eq!(story.status(), Status::Playing);
        assert_eq!(story.takes.len(), 1);
    }

    #[test]
    fn a_socket_that_breaks_alone_leaves_the_picture_alone() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::LinkDown { retry_at: story.now });
        story.pass(9_000.0);
        assert_eq!(story.status(), Status::Playing);
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(2_000.0);
        assert!(story.done.is_empty());
    }

    #[test]
    fn a_path_that_breaks_falls_to_the_next_in_three_seconds() {
        for (rtc, rung) in
            [(Some(Transport::Udp), Rung::Udp), (Some(Transport::Tcp), Rung::Tcp), (None, Rung::Hls)]
        {
            let mut story = Story::playing();
            story.cut_before = story.now;
            story.rtc = rtc;
            story.pass(8_000.0);
            assert_eq!((story.status(), story.rung()), (Status::Playing, Some(rung)));
            assert!(story.stood <= 3_000.0, "{rung:?} after {}", story.stood);
        }
    }

    #[test]
    fn a_page_whose_network_has_no_media_path_plays_hls_in_three_seconds() {
        let mut story = Story::new();
        story.rtc = None;
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(3_000.0);
        assert_eq!((story.status(), story.rung()), (Status::Playing, Some(Rung::Hls)));
        assert!(story.stood <= 3_000.0, "{}", story.stood);

        // Where the browser has no WebRTC at all there is nothing to wait for.
        let mut story = Story::new();
        story.on(PlaybackEvent::Without(Way::Rtc));
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(HLS_MS + 200.0);
        assert_eq!((story.status(), story.opened(Way::Rtc)), (Status::Playing, 0));
    }

    #[test]
    fn it_climbs_back_without_a_stop() {
        for (found, rung) in [(Transport::Udp, Rung::Udp), (Transport::Tcp, Rung::Tcp)] {
            let mut story = Story::new();
            story.rtc = None;
            story.on(PlaybackEvent::LinkUp);
            story.on(live());
            story.pass(30_000.0);
            assert_eq!(story.rung(), Some(Rung::Hls));
            let tries = story.opened(Way::Rtc);
            assert!((2..=6).contains(&tries), "it tries again and again, less and less: {tries}");
            story.forget();
            story.rtc = Some(found);
            story.pass(30_000.0);
            assert_eq!(story.rung(), Some(rung));
            assert!(story.stood <= 100.0, "the stage stood for {}", story.stood);
            assert_eq!(story.takes.len(), 1);
        }
    }

    #[test]
    fn tcp_is_left_for_udp_only_when_udp_is_there() {
        let mut story = Story::new();
        story.rtc = Some(Transport::Tcp);
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(120_000.0);
        assert_eq!((story.rung(), story.takes.len()), (Some(Rung::Tcp), 1));
        assert!(story.opened(Way::Rtc) <= 6, "{}", story.opened(Way::Rtc));
        assert_eq!(story.done.iter().filter(|(_, done)| matches!(done, Do::Show { .. })).count(), 1);
        story.rtc = Some(Transport::Udp);
        story.pass(120_000.0);
        assert_eq!((story.rung(), story.takes.len()), (Some(Rung::Udp), 1));
    }

    #[test]
    fn a_path_that_breaks_again_and_again_is_left_and_tried_less_and_less() {
        let mut story = Story::playing();
        // A firewall that cuts every flow after three seconds.
        story.flow_ms = 3_000.0;
        story.pass(300_000.0);
        let shown = story.done.iter().filter(|(_, done)| matches!(done, Do::Show { .. })).count();
        assert!((6..=30).contains(&shown), "{shown} changes in five minutes");
        let (at, last) = story.done.iter().rfind(|(_, done)| matches!(done, Do::Show { .. })).unwrap();
        assert!(story.stood < 3_000.0, "{} {at} {last:?}", story.stood);
    }

    #[test]
    fn a_standing_picture_is_asked_about_before_it_is_given_up() {
        let mut story = Story::playing();
        story.media = false;
        story.answers = false;
        story.pass(5_000.0);
        // The relay says nothing either: a second session would meet the same.
        assert!(story.done.is_empty(), "{:?}", story.done);
        story.media = true;
        story.pass(200.0);
        assert_eq!(story.status(), Status::Playing);
    }

    #[test]
    fn the_viewer_chooses() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::Chosen(Choice::Compatible));
        story.pass(2_000.0);
        assert_eq!((story.rung(), story.status()), (Some(Rung::Hls), Status::Playing));
        assert!(story.stood <= 100.0, "the old picture stays until the new one moves");
        story.pass(200_000.0);
        assert_eq!((story.rung(), story.opened(Way::Rtc)), (Some(Rung::Hls), 0));
        story.on(PlaybackEvent::Chosen(Choice::Auto));
        story.pass(1_000.0);
        assert_eq!(story.rung(), Some(Rung::Udp));
        story.on(PlaybackEvent::Chosen(Choice::Sound));
        story.pass(1_000.0);
        assert_eq!(story.player.path(), Some((Rung::Udp, false)));
        assert!(matches!(story.done.last(), Some((_, Do::Close { .. }))));
        story.on(PlaybackEvent::Chosen(Choice::Fast));
        story.pass(1_000.0);
        assert_eq!(story.player.path(), Some((Rung::Udp, true)));
        assert_eq!(story.takes.len(), 1);
        // A wish that the browser cannot grant.
        let mut story = Story::of(Choice::Compatible);
        story.on(PlaybackEvent::Without(Way::Hls));
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(1_000.0);
        assert_eq!(story.rung(), Some(Rung::Udp));
    }

    #[test]
    fn a_relay_that_dies_while_connecting_is_not_waited_for() {
        let mut story = Story::new();
        story.rtc = None;
        story.hls = false;
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(100.0);
        assert_eq!(story.takes.len(), 1);
        story.on(PlaybackEvent::LinkDown { retry_at: story.now });
        assert!(story.takes.is_empty());
        story.pass(500.0);
        assert!(story.takes.is_empty());
        story.on(PlaybackEvent::LinkUp);
        assert_eq!(story.takes.len(), 1);
    }

    #[test]
    fn a_session_that_ends_by_itself_is_replaced_at_once() {
        let mut story = Story::playing();
        let gone = story.shown.unwrap();
        story.cut_before = story.now;
        story.on(PlaybackEvent::Ended(gone));
        assert_eq!(story.opened(Way::Rtc), 1);
        assert_eq!(story.shown, Some(gone), "its last picture stays meanwhile");
        story.pass(600.0);
        assert_eq!((story.status(), story.takes.len()), (Status::Playing, 1));
    }

    #[test]
    fn a_blocked_network_is_told_apart_from_a_relay_that_is_away() {
        let mut story = Story::new();
        (story.rtc, story.hls) = (None, false);
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        story.pass(20_000.0);
        assert_eq!(story.status(), Status::Failed(Why::Blocked));

        let mut story = Story::new();
        (story.rtc, story.hls) = (None, false);
        story.on(PlaybackEvent::LinkDown { retry_at: 0.0 });
        for _ in 0..160 {
            story.pass(STEP_MS);
            for number in story.takes.keys().copied().collect::<Vec<_>>() {
                story.on(PlaybackEvent::Unreachable(number));
            }
        }
        assert_eq!(story.status(), Status::Failed(Why::Unreachable));
    }

    #[test]
    fn a_ban_ends_it_for_good() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::Banned);
        assert!(story.takes.is_empty());
        story.on(live());
        story.pass(10_000.0);
        assert_eq!(story.done.len(), 1);
        assert_eq!(story.status(), Status::Banned);
    }

    #[test]
    fn a_pardon_brings_the_picture_back() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::Banned);
        // The knock finds no relay, then one that bans, then one that pardoned.
        story.on(PlaybackEvent::LinkDown { retry_at: 0.0 });
        story.on(PlaybackEvent::Banned);
        assert_eq!(story.status(), Status::Banned);
        story.on(live());
        story.on(PlaybackEvent::LinkUp);
        story.pass(600.0);
        assert_eq!(story.status(), Status::Playing);
    }

    #[test]
    fn a_refusal_says_why_and_is_tried_again() {
        let mut story = Story::new();
        story.hls = false;
        story.on(PlaybackEvent::LinkUp);
        story.on(live());
        let full = Failure::new(Code::Full, "full");
        let first = *story.takes.keys().next().unwrap();
        story.on(PlaybackEvent::Refused(first, full.clone()));
        assert_eq!(story.status(), Status::Failed(Why::Refused(full)));
        assert_eq!(story.opened(Way::Hls), 1, "the other way may have a seat");
        story.pass(3_000.0);
        assert_eq!(story.status(), Status::Playing);
    }

    #[test]
    fn a_page_that_is_left_closes_everything_and_starts_again() {
        let mut story = Story::playing();
        story.on(PlaybackEvent::Left);
        assert!(story.takes.is_empty());
        story.pass(700.0);
        assert_eq!(story.status(), Status::Playing);
    }
}
