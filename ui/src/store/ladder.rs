//! The ladder of ways to play: WHEP over UDP, WHEP over TCP, low-latency HLS. Falls when a way does not open
//! or stops, and climbs when a better one shows pictures; what is on the stage stays there until then.
//!
//! One session finds UDP or TCP by ICE, so the rung of a WebRTC attempt is known only when it is open. HLS is
//! opened beside it after a moment rather than after it: whoever shows pictures first takes the stage.

use super::backoff::Backoff;
use super::take::{Number, Rung, Seen, Stage, Take, Way};

/// Offer, ICE and DTLS over a slow phone network take about 1.5 s; a blocked path never ends.
const CONNECT_MS: f64 = 5_000.0;
/// HLS is opened when WebRTC has shown nothing for this long: at the start, and after a picture that moved.
/// HLS itself needs less than a second, and a viewer waits three.
const HEDGE_MS: f64 = 1_300.0;
const FALL_MS: f64 = 250.0;
/// The first and the longest wait before an attempt at a higher rung, from HLS and from TCP. TCP is nearly as
/// good as UDP, so it is left less eagerly.
const CLIMB_FROM_HLS_MS: (f64, f64) = (4_000.0, 60_000.0);
const CLIMB_FROM_TCP_MS: (f64, f64) = (20_000.0, 300_000.0);
/// Who was on the stage for this long was well placed there: the next fall is a new story. A path that breaks
/// sooner for the second time is left, and climbed to less and less often.
const STEADY_MS: f64 = 60_000.0;
/// The first and the longest wait before a way that failed is tried again while nothing plays.
const RETRY_MS: (f64, f64) = (400.0, 4_000.0);
/// A relay that refused is not asked again sooner than this.
const REFUSED_MS: f64 = 1_000.0;
/// This many attempts in a row that reach the relay but never play: the network blocks this way.
const BLOCKED_AFTER: u32 = 2;

/// What the viewer wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Choice {
    /// The best that works.
    #[default]
    Auto,
    /// WebRTC only: the least delay.
    Fast,
    /// HLS only: steadiest, a few seconds late.
    Compatible,
    /// No picture, by whatever works.
    Sound,
}

impl Choice {
    pub const ALL: [Self; 4] = [Self::Auto, Self::Fast, Self::Compatible, Self::Sound];

    /// As it is kept, and as the page's marks say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fast => "fast",
            Self::Compatible => "compatible",
            Self::Sound => "sound",
        }
    }

    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|choice| choice.name() == name).unwrap_or_default()
    }
}

/// What the player is to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Do {
    /// Begin an attempt, off the stage.
    Open {
        take: Number,
        way: Way,
        sound_only: bool,
    },
    /// Put it on the stage. What was there is closed next.
    Show {
        take: Number,
    },
    Close {
        take: Number,
    },
    /// Ask the relay over the room's socket whether it is there.
    Ask,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The path broke, or what came could not be played.
    Broken,
    /// The relay said no.
    Refused,
    /// The relay said nothing.
    Unanswered,
}

/// What a decision needs to know of the room.
#[derive(Debug, Clone, Copy)]
pub struct Outlook {
    /// Pictures should come: the room is live, or nobody has said that it is not.
    pub live: bool,
    /// The relay can be reached as far as is known. Where it cannot, the socket tries, which is lighter.
    pub answers: bool,
    pub now: f64,
    pub random: f64,
}

/// When one way may be tried again.
#[derive(Debug, Clone)]
struct Gate {
    able: bool,
    retry: Backoff,
    at: f64,
    dead_ends: u32,
}

impl Gate {
    fn new() -> Self {
        Self { able: true, retry: Backoff::new(RETRY_MS.0, RETRY_MS.1), at: 0.0, dead_ends: 0 }
    }

    fn fail(&mut self, least_ms: f64, outlook: &Outlook) {
        self.at = outlook.now + self.retry.next_ms(outlook.random).max(least_ms);
    }

    fn reset(&mut self) {
        self.retry.reset();
        (self.at, self.dead_ends) = (0.0, 0);
    }

    fn blocked(&self) -> bool {
        !self.able || self.dead_ends >= BLOCKED_AFTER
    }
}

/// All attempts that are under way, and which of them is on the stage.
#[derive(Debug, Clone)]
pub struct Ladder {
    choice: Choice,
    takes: Vec<Take>,
    shown: Option<Number>,
    numbers: Number,
    rtc: Gate,
    hls: Gate,
    from_hls: Backoff,
    from_tcp: Backoff,
    climb_at: f64,
    /// Since when the one on the stage is there, and how many WebRTC sessions in a row broke early on it.
    shown_at: f64,
    breaks: u32,
    /// Since when nothing that fits is on the stage.
    trouble_since: Option<f64>,
}

impl Ladder {
    pub fn new(choice: Choice) -> Self {
        Self {
            choice,
            takes: Vec::new(),
            shown: None,
            numbers: 0,
            rtc: Gate::new(),
            hls: Gate::new(),
            from_hls: Backoff::new(CLIMB_FROM_HLS_MS.0, CLIMB_FROM_HLS_MS.1),
            from_tcp: Backoff::new(CLIMB_FROM_TCP_MS.0, CLIMB_FROM_TCP_MS.1),
            climb_at: 0.0,
            shown_at: 0.0,
            breaks: 0,
            trouble_since: None,
        }
    }

    /// This browser can never play that way.
    pub fn rule_out(&mut self, way: Way) {
        self.gate(way).able = false;
    }

    pub fn choice(&self) -> Choice {
        self.choice
    }

    pub fn choose(&mut self, choice: Choice) {
        self.choice = choice;
        self.start_over();
    }

    /// Something changed that may have opened a way: everything may be tried at once.
    pub fn start_over(&mut self) {
        self.rtc.reset();
        self.hls.reset();
        self.from_hls.reset();
        self.from_tcp.reset();
        self.climb_at = 0.0;
        self.breaks = 0;
    }

    pub fn shown(&self) -> Option<&Take> {
        self.takes.iter().find(|take| Some(take.number) == self.shown)
    }

    pub fn is_open(&self) -> bool {
        !self.takes.is_empty()
    }

    /// Whether every way that the viewer allows was tried and led nowhere.
    pub fn blocked(&self) -> bool {
        [Way::Rtc, Way::Hls].into_iter().filter(|way| self.allows(*way)).all(|way| match way {
            Way::Rtc => self.rtc.blocked(),
            Way::Hls => self.hls.blocked(),
        })
    }

    /// When something is tried next.
    pub fn retry_at(&self) -> f64 {
        let ways = [(Way::Rtc, &self.rtc), (Way::Hls, &self.hls)];
        let open = ways.into_iter().filter(|(way, gate)| gate.able && self.allows(*way));
        open.map(|(_, gate)| gate.at).reduce(f64::min).unwrap_or(0.0)
    }

    pub fn opened(&mut self, number: Number, now: f64) {
        if let Some(take) = self.take(number) {
            take.open(now);
        }
    }

    pub fn look(&mut self, number: Number, seen: Seen, now: f64) {
        let Some(take) = self.take(number) else { return };
        take.look(seen, now);
        if take.moves(now) {
            let way = take.way;
            let gate = self.gate(way);
            gate.retry.reset();
            gate.dead_ends = 0;
        }
    }

    /// The attempt ended by itself.
    pub fn over(&mut self, number: Number, end: End, outlook: &Outlook) -> Vec<Do> {
        let Some(take) = self.take(number) else { return Vec::new() };
        let (way, opening, moved) = (take.way, take.stage == Stage::Opening, take.has_moved());
        take.stage = Stage::Over;
        let gate = self.gate(way);
        gate.dead_ends += u32::from(opening && end == End::Broken);
        if moved && end == End::Broken {
            // It played: the first try comes at once.
            gate.at = outlook.now;
        } else {
            gate.fail(if end == End::Refused { REFUSED_MS } else { 0.0 }, outlook);
        }
        self.broke(number, outlook);
        // On the stage its last picture stays.
        if self.shown == Some(number) { Vec::new() } else { self.drop_take(number, outlook) }
    }

    /// The one on the stage does not live any more, whatever the browser says.
    pub fn lose(&mut self, outlook: &Outlook) {
        if let Some(take) = self.shown.and_then(|number| self.take(number)) {
            take.lost = true;
            let number = take.number;
            self.broke(number, outlook);
        }
    }

    /// A session on the stage broke: the first time another is as good, after that the way is not to be trusted.
    fn broke(&mut self, number: Number, outlook: &Outlook) {
        let early = outlook.now - self.shown_at < STEADY_MS;
        if self.shown != Some(number) || self.take(number).is_none_or(|take| take.way == Way::Hls) {
            return;
        }
        self.breaks = if early { self.breaks + 1 } else { 1 };
        if self.breaks > 1 {
            self.rtc.at = outlook.now + self.from_hls.next_ms(outlook.random);
        }
    }

    /// Ends those that have not opened: the relay that was to answer is gone.
    pub fn give_up_opening(&mut self) -> Vec<Do> {
        let (opening, kept) = std::mem::take(&mut self.takes)
            .into_iter()
            .partition::<Vec<_>, _>(|take| take.stage == Stage::Opening && Some(take.number) != self.shown);
        self.takes = kept;
        opening.iter().map(|take| Do::Close { take: take.number }).collect()
    }

    pub fn close_all(&mut self) -> Vec<Do> {
        self.shown = None;
        self.trouble_since = None;
        self.takes.drain(..).map(|take| Do::Close { take: take.number }).collect()
    }

    pub fn decide(&mut self, outlook: &Outlook) -> Vec<Do> {
        let mut todo = self.expire(outlook);
        todo.extend(self.promote(outlook));
        if !outlook.answers {
            return todo;
        }
        let settled = self.shown().is_some_and(|take| take.alive() && self.fits(take));
        if settled {
            self.trouble_since = None;
            todo.extend(self.rise(outlook));
        } else {
            let since = *self.trouble_since.get_or_insert(outlook.now);
            todo.extend(self.rescue(since, outlook));
        }
        todo
    }

    /// Ends newcomers that had their time.
    fn expire(&mut self, outlook: &Outlook) -> Vec<Do> {
        let late = |take: &&Take| {
            let waits = take.stage == Stage::Open && !outlook.live;
            !waits && !take.moves(outlook.now) && outlook.now - take.opened_at > CONNECT_MS
        };
        let late: Vec<(Number, Way)> =
            self.newcomers().filter(late).map(|take| (take.number, take.way)).collect();
        late.into_iter()
            .flat_map(|(number, way)| {
                let gate = self.gate(way);
                gate.dead_ends += 1;
                gate.fail(0.0, outlook);
                self.drop_take(number, outlook)
            })
            .collect()
    }

    /// Puts the best newcomer that shows pictures on the stage, where it is better than what is there.
    fn promote(&mut self, outlook: &Outlook) -> Vec<Do> {
        // While nothing can move, a last picture is kept until there is another.
        let bare = !self.shown().is_some_and(Take::has_moved);
        let ready = |take: &&Take| {
            let waits = take.stage == Stage::Open && !outlook.live && (bare || take.has_moved());
            self.fits(take) && take.alive() && (take.moves(outlook.now) || waits)
        };
        let best = self.newcomers().filter(ready).max_by_key(|take| take.rung());
        let Some((number, rung)) = best.map(|take| (take.number, take.rung())) else {
            return Vec::new();
        };
        let holds = self.shown().is_some_and(|take| {
            let good = take.alive() && self.fits(take);
            // One that stands still though the room is live makes way for one that moves.
            let stands = outlook.live && !take.moves(outlook.now);
            good && (take.rung() >= rung && !stands)
        });
        if holds {
            return self.dismiss(outlook);
        }
        let mut todo = vec![Do::Show { take: number }];
        if outlook.now - self.shown_at > STEADY_MS {
            self.from_hls.reset();
            self.from_tcp.reset();
            self.breaks = 0;
        }
        let before = self.shown.replace(number);
        todo.extend(before.into_iter().flat_map(|old| self.drop_take(old, outlook)));
        self.shown_at = outlook.now;
        self.climb_at = outlook.now + self.climb_ms(outlook.random);
        todo.extend(self.dismiss(outlook));
        todo
    }

    /// Sends newcomers away that cannot become better than what is on the stage.
    fn dismiss(&mut self, outlook: &Outlook) -> Vec<Do> {
        let Some(shown) = self.shown().map(Take::rung) else { return Vec::new() };
        let spare: Vec<Number> =
            self.newcomers().filter(|take| take.rung() <= shown).map(|take| take.number).collect();
        spare.into_iter().flat_map(|number| self.drop_take(number, outlook)).collect()
    }

    /// Nothing on the stage that fits: opens what may bring a picture.
    fn rescue(&mut self, since: f64, outlook: &Outlook) -> Vec<Do> {
        let now = outlook.now;
        let mut todo = Vec::new();
        if self.may_open(Way::Rtc, now) {
            todo.push(self.open(Way::Rtc, now));
        }
        let rtc_tries = self.newcomers().any(|take| take.way == Way::Rtc);
        // A path that stands while the publisher is away needs no second one.
        let rtc_waits =
            !outlook.live && self.newcomers().any(|take| take.way == Way::Rtc && take.stage == Stage::Open);
        let hedge = if self.shown().is_some_and(Take::has_moved) { FALL_MS } else { HEDGE_MS };
        let due = !rtc_tries || now - since >= hedge;
        if due && !rtc_waits && self.may_open(Way::Hls, now) {
            todo.push(self.open(Way::Hls, now));
        }
        todo
    }

    /// Something plays: tries a higher rung from time to time.
    fn rise(&mut self, outlook: &Outlook) -> Vec<Do> {
        let mut todo = self.dismiss(outlook);
        let top = self.shown().is_some_and(|take| take.rung() == Rung::Udp);
        let alone = self.newcomers().next().is_none();
        if !top && alone && outlook.now >= self.climb_at && self.may_open(Way::Rtc, outlook.now) {
            self.climb_at = outlook.now + self.climb_ms(outlook.random);
            todo.push(self.open(Way::Rtc, outlook.now));
        }
        todo
    }

    fn climb_ms(&mut self, random: f64) -> f64 {
        let from_hls = self.shown().is_some_and(|take| take.rung() == Rung::Hls);
        if from_hls { self.from_hls.next_ms(random) } else { self.from_tcp.next_ms(random) }
    }

    fn may_open(&self, way: Way, now: f64) -> bool {
        let gate = if way == Way::Rtc { &self.rtc } else { &self.hls };
        let tries = self.newcomers().any(|take| take.way == way && self.fits(take));
        gate.able && self.allows(way) && !tries && now >= gate.at
    }

    fn open(&mut self, way: Way, now: f64) -> Do {
        self.numbers += 1;
        let sound_only = self.choice == Choice::Sound;
        self.takes.push(Take::new(self.numbers, way, sound_only, now));
        Do::Open { take: self.numbers, way, sound_only }
    }

    fn drop_take(&mut self, number: Number, outlook: &Outlook) -> Vec<Do> {
        let Some(at) = self.takes.iter().position(|take| take.number == number) else {
            return Vec::new();
        };
        self.takes.remove(at);
        if self.shown.is_some() {
            // It was an attempt to climb; the next one comes later.
            self.climb_at = self.climb_at.max(outlook.now + CLIMB_FROM_HLS_MS.0);
        }
        vec![Do::Close { take: number }]
    }

    /// Whether the viewer wants what this one plays.
    fn fits(&self, take: &Take) -> bool {
        self.allows(take.way) && take.sound_only == (self.choice == Choice::Sound)
    }

    /// A wish that the browser cannot grant is no reason to play nothing.
    fn allows(&self, way: Way) -> bool {
        match (self.choice, way) {
            (Choice::Auto | Choice::Sound, _) => true,
            (Choice::Fast, Way::Rtc) => self.rtc.able,
            (Choice::Fast, Way::Hls) => !self.rtc.able,
            (Choice::Compatible, Way::Hls) => self.hls.able,
            (Choice::Compatible, Way::Rtc) => !self.hls.able,
        }
    }

    fn newcomers(&self) -> impl Iterator<Item = &Take> {
        self.takes.iter().filter(|take| Some(take.number) != self.shown)
    }

    fn take(&mut self, number: Number) -> Option<&mut Take> {
        self.takes.iter_mut().find(|take| take.number == number)
    }

    fn gate(&mut self, way: Way) -> &mut Gate {
        match way {
            Way::Rtc => &mut self.rtc,
            Way::Hls => &mut self.hls,
        }
    }
}
