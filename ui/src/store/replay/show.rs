//! What a replay's page shows and plays. Decides only: the page carries it out and reports back.

use footlight_protocol::replay::{Events, Line, Replay};
use footlight_protocol::{Code, Failure, Seq};

use super::{Spot, Talk, Timeline};

/// Times that a file is loaded anew before the page says that it cannot be played.
const TRIES: u32 = 3;
/// Between them, in milliseconds, times the tries so far.
const TRY_AGAIN_MS: u64 = 1_000;
/// How often a relay is asked that did not answer, and one whose broadcast was not over yet.
const UNREACHABLE_MS: u64 = 3_000;
const ON_AIR_MS: u64 = 10_000;

/// What the page's root says, as `data-state`.
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    Loading,
    Playing,
    /// It would play if the bytes came.
    Waiting,
    Paused,
    Ended,
    Failed(Why),
}

/// Why nothing can be played.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// There is no such replay, or none any more.
    Missing,
    /// The broadcast is not over yet.
    OnAir,
    /// The relay does not answer.
    Unreachable,
    /// The browser cannot play the files.
    Broken,
    Refused(Failure),
}

impl Status {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Playing => "playing",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Failed(Why::Missing) => "missing",
            Self::Failed(Why::OnAir) => "on-air",
            Self::Failed(Why::Unreachable) => "unreachable",
            Self::Failed(Why::Broken) => "broken",
            Self::Failed(Why::Refused(_)) => "refused",
        }
    }
}

/// What happens to a replay.
#[derive(Debug, Clone)]
pub enum ShowEvent {
    Loaded(Box<Replay>),
    Refused(Failure),
    /// More of what happened in the room.
    More(Events),
    /// The viewer wants it.
    Toggle,
    Seek(u64),
    /// By so many milliseconds, forward or back.
    Step(i64),
    /// The video is there.
    At(Spot),
    /// The picture that was sought is there.
    Landed,
    Moves,
    Waits,
    /// The browser plays nothing before a touch.
    Denied,
    /// The browser or a key of the keyboard stopped it.
    Stopped,
    /// A file is over.
    PartEnded,
    /// The browser cannot go on with a file.
    Broke,
    /// The wait that was asked for is over.
    Again,
}

/// What the page is to do now.
#[derive(Debug, Clone, PartialEq)]
pub enum Do {
    Fetch,
    FetchEvents(Seq),
    /// Puts another file, or the same anew, on the screen.
    Load {
        spot: Spot,
        play: bool,
    },
    /// Goes to another place of the file.
    Seek(Spot),
    Play,
    Pause,
    /// Says [`ShowEvent::Again`] after so many milliseconds.
    Wait(u64),
}

/// One viewer's replay.
#[derive(Debug, Clone, Default)]
pub struct Show {
    pub line: Option<Line>,
    pub timeline: Timeline,
    pub talk: Talk,
    /// Media time of what is on the screen.
    pub at_ms: u64,
    part: usize,
    wants: bool,
    moves: bool,
    ended: bool,
    /// A place is sought: what the video says meanwhile is of the old one.
    seeking: bool,
    tries: u32,
    why: Option<Why>,
}

impl Show {
    /// A replay that is to begin at a media time, in milliseconds.
    pub fn new(at_ms: u64) -> Self {
        Self { at_ms, wants: true, ..Self::default() }
    }

    pub fn status(&self) -> Status {
        if let Some(why) = &self.why {
            return Status::Failed(why.clone());
        }
        match (self.line.is_some(), self.ended, self.wants, self.moves) {
            (false, ..) => Status::Loading,
            (_, true, ..) => Status::Ended,
            (_, _, false, _) => Status::Paused,
            (_, _, _, false) => Status::Waiting,
            _ => Status::Playing,
        }
    }

    /// Takes what happened and says what to do about it, in this order.
    pub fn apply(&mut self, event: ShowEvent) -> Vec<Do> {
        match event {
            ShowEvent::Loaded(replay) => self.load(*replay),
            ShowEvent::Refused(failure) => self.refuse(failure),
            ShowEvent::More(Events { events, events_after }) => {
                self.talk.add(events);
                events_after.map(Do::FetchEvents).into_iter().collect()
            }
            ShowEvent::Toggle if self.why.is_some() || self.line.is_none() => Vec::new(),
            ShowEvent::Toggle if self.ended => {
                self.wants = true;
                self.seek(0)
            }
            ShowEvent::Toggle => {
                self.wants = !self.wants;
                vec![if self.wants { Do::Play } else { Do::Pause }]
            }
            ShowEvent::Seek(ms) => self.seek(ms),
            ShowEvent::Step(by) => self.seek(self.at_ms.saturating_add_signed(by)),
            ShowEvent::At(spot) => {
                if spot.part == self.part && !self.seeking && !self.ended {
                    self.at_ms = self.timeline.ms(spot);
                }
                Vec::new()
            }
            ShowEvent::Landed => {
                self.seeking = false;
                Vec::new()
            }
            ShowEvent::Moves => {
                (self.moves, self.tries) = (true, 0);
                Vec::new()
            }
            ShowEvent::Waits => {
                self.moves = false;
                Vec::new()
            }
            ShowEvent::Denied | ShowEvent::Stopped => {
                self.wants = false;
                Vec::new()
            }
            ShowEvent::PartEnded => match self.timeline.after(self.part) {
                Some(next) => self.put(next),
                None => {
                    self.at_ms = self.timeline.duration_ms();
                    (self.ended, self.wants, self.moves) = (true, false, false);
                    Vec::new()
                }
            },
            ShowEvent::Broke => self.broke(),
            ShowEvent::Again => match self.why {
                Some(Why::Unreachable | Why::OnAir) => vec![Do::Fetch],
                None if self.tries > 0 => self.go(self.at_ms),
                _ => Vec::new(),
            },
        }
    }

    fn load(&mut self, replay: Replay) -> Vec<Do> {
        self.why = None;
        self.timeline = Timeline::new(replay.parts);
        self.talk = Talk::default();
        self.talk.add(replay.events);
        self.line = Some(replay.line);
        if self.timeline.is_empty() {
            self.why = Some(Why::Missing);
            return Vec::new();
        }
        self.at_ms = self.at_ms.min(self.timeline.duration_ms());
        let mut todo = self.go(self.at_ms);
        todo.extend(replay.events_after.map(Do::FetchEvents));
        todo
    }

    fn refuse(&mut self, failure: Failure) -> Vec<Do> {
        // What plays is not taken away because the rest of what was said did not come.
        if self.line.is_some() {
            return Vec::new();
        }
        let (why, wait) = match failure.code {
            Code::NotFound => (Why::Missing, None),
            Code::WrongPhase => (Why::OnAir, Some(ON_AIR_MS)),
            Code::Unreachable => (Why::Unreachable, Some(UNREACHABLE_MS)),
            _ => (Why::Refused(failure), None),
        };
        self.why = Some(why);
        wait.map(Do::Wait).into_iter().collect()
    }

    fn seek(&mut self, ms: u64) -> Vec<Do> {
        if self.why.is_some() || self.line.is_none() {
            return Vec::new();
        }
        self.ended = false;
        let ms = ms.min(self.timeline.duration_ms());
        let Some(spot) = self.timeline.spot(ms) else { return Vec::new() };
        if spot.part != self.part {
            return self.put(spot);
        }
        self.at_ms = self.timeline.ms(spot);
        self.seeking = true;
        let mut todo = vec![Do::Seek(spot)];
        // A video that has ended stands; going back does not start it.
        todo.extend(self.wants.then_some(Do::Play));
        todo
    }

    fn go(&mut self, ms: u64) -> Vec<Do> {
        self.timeline.spot(ms).map_or_else(Vec::new, |spot| self.put(spot))
    }

    fn put(&mut self, spot: Spot) -> Vec<Do> {
        self.part = spot.part;
        self.at_ms = self.timeline.ms(spot);
        self.moves = false;
        self.seeking = spot.at_s > 0.0;
        vec![Do::Load { spot, play: self.wants }]
    }

    fn broke(&mut self) -> Vec<Do> {
        (self.moves, self.seeking) = (false, false);
        self.tries += 1;
        if self.tries > TRIES {
            self.why = Some(Why::Broken);
            return Vec::new();
        }
        vec![Do::Wait(TRY_AGAIN_MS * u64::from(self.tries))]
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::replay::{Part, Timed};
    use footlight_protocol::room::{Event, EventKind, Member, Role};

    use super::*;

    fn events(from: u64, count: u64, events_after: Option<Seq>) -> Events {
        let by = Member::new("u1".parse().unwrap(), "Ada".into(), Role::Guest);
        let said = |seq: u64| {
            let kind = EventKind::Said {
                by: by.clone(),
                text: format!("line {seq}"),
                nonce: None,
                fly: None,
                reply: None,
            };
            Timed { at_ms: seq * 1_000, event: Event { seq: Seq(seq), at: 0, kind } }
        };
        Events { events: (from..from + count).map(said).collect(), events_after }
    }

    fn replay(parts: &[(u64, u64)]) -> ShowEvent {
        let Events { events, events_after } = events(1, 3, Some(Seq(3)));
        let line = Line {
            id: "r1".parse().unwrap(),
            room: Default::default(),
            title: None,
            public: true,
            began_ms: 0,
            ended_ms: 0,
            duration_ms: 0,
            bytes: 0,
            uploaded_ms: None,
            copy: None,
            poster: None,
        };
        let part = |(number, (begins_ms, duration_ms)): (usize, &(u64, u64))| Part {
            media: format!("{}.mp4", number + 1),
            begins_ms: *begins_ms,
            duration_ms: *duration_ms,
        };
        let parts = parts.iter().enumerate().map(part).collect();
        ShowEvent::Loaded(Box::new(Replay { line, parts, clips: Vec::new(), events, events_after }))
    }

    fn spot(part: usize, at_s: f64) -> Spot {
        Spot { part, at_s }
    }

    fn playing() -> Show {
        let mut show = Show::new(0);
        show.apply(replay(&[(0, 10_000), (20_000, 10_000)]));
        show.apply(ShowEvent::Moves);
        show
    }

    #[test]
    fn it_loads_and_plays_and_fetches_the_rest_of_what_was_said() {
        let mut show = Show::new(4_000);
        assert_eq!(show.status(), Status::Loading);
        let todo = show.apply(replay(&[(0, 10_000)]));
        assert_eq!(todo, [Do::Load { spot: spot(0, 4.0), play: true }, Do::FetchEvents(Seq(3))]);
        assert_eq!(show.status(), Status::Waiting);
        assert_eq!(show.apply(ShowEvent::More(events(4, 2, Some(Seq(5))))), [Do::FetchEvents(Seq(5))]);
        assert_eq!(show.apply(ShowEvent::More(events(6, 2, None))), []);
        assert_eq!(show.talk.all().len(), 7);
        show.apply(ShowEvent::Moves);
        assert_eq!(show.status(), Status::Playing);
        show.apply(ShowEvent::Waits);
        assert_eq!(show.status(), Status::Waiting);
    }

    #[test]
    fn a_browser_that_wants_a_touch_leaves_it_paused() {
        let mut show = playing();
        show.apply(ShowEvent::Denied);
        assert_eq!(show.status(), Status::Paused);
        assert_eq!(show.apply(ShowEvent::Toggle), [Do::Play]);
        assert_eq!(show.apply(ShowEvent::Toggle), [Do::Pause]);
        assert_eq!(show.status(), Status::Paused);
    }

    #[test]
    fn a_seek_is_shown_at_once_and_what_the_old_place_says_is_not() {
        let mut show = playing();
        assert_eq!(show.apply(ShowEvent::Seek(7_000)), [Do::Seek(spot(0, 7.0)), Do::Play]);
        show.apply(ShowEvent::At(spot(0, 1.2)));
        assert_eq!(show.at_ms, 7_000);
        show.apply(ShowEvent::Landed);
        show.apply(ShowEvent::At(spot(0, 7.1)));
        assert_eq!(show.at_ms, 7_100);
        show.apply(ShowEvent::Toggle);
        assert_eq!(show.apply(ShowEvent::Step(-5_000)), [Do::Seek(spot(0, 2.1))], "it stays paused");
        assert_eq!(show.apply(ShowEvent::Step(-5_000)), [Do::Seek(spot(0, 0.0))]);
    }

    #[test]
    fn one_file_follows_the_other_and_the_hole_between_is_passed_over() {
        let mut show = playing();
        assert_eq!(show.apply(ShowEvent::PartEnded), [Do::Load { spot: spot(1, 0.0), play: true }]);
        assert_eq!(show.at_ms, 20_000);
        show.apply(ShowEvent::At(spot(0, 10.0)));
        assert_eq!(show.at_ms, 20_000, "the file before says nothing any more");
        assert_eq!(show.apply(ShowEvent::Seek(3_000)), [Do::Load { spot: spot(0, 3.0), play: true }]);
        show.apply(ShowEvent::Seek(26_000));
        assert_eq!(show.apply(ShowEvent::PartEnded), []);
        assert_eq!((show.status(), show.at_ms), (Status::Ended, 30_000));
        assert_eq!(show.apply(ShowEvent::Toggle), [Do::Load { spot: spot(0, 0.0), play: true }]);
        assert_eq!(show.status(), Status::Waiting);
    }

    #[test]
    fn a_file_that_fails_is_tried_again_where_it_stood() {
        let mut show = playing();
        show.apply(ShowEvent::At(spot(0, 6.0)));
        for wait in [1_000, 2_000, 3_000] {
            assert_eq!(show.apply(ShowEvent::Broke), [Do::Wait(wait)]);
            assert_eq!(show.apply(ShowEvent::Again), [Do::Load { spot: spot(0, 6.0), play: true }]);
        }
        assert_eq!(show.apply(ShowEvent::Broke), []);
        assert_eq!(show.status(), Status::Failed(Why::Broken));
        let mut show = playing();
        show.apply(ShowEvent::Broke);
        show.apply(ShowEvent::Moves);
        assert_eq!(show.apply(ShowEvent::Broke), [Do::Wait(1_000)], "one that moved begins anew");
    }

    #[test]
    fn a_refusal_is_said_and_what_may_pass_is_asked_again() {
        for (code, name, todo) in [
            (Code::NotFound, "missing", &[][..]),
            (Code::WrongPhase, "on-air", &[Do::Wait(ON_AIR_MS)]),
            (Code::Unreachable, "unreachable", &[Do::Wait(UNREACHABLE_MS)]),
            (Code::Internal, "refused", &[]),
        ] {
            let mut show = Show::new(0);
            assert_eq!(show.apply(ShowEvent::Refused(Failure::new(code, "no"))), todo, "{name}");
            assert_eq!(show.status().name(), name);
            assert_eq!(show.apply(ShowEvent::Toggle), [], "{name}");
            assert_eq!(show.apply(ShowEvent::Again).is_empty(), todo.is_empty(), "{name}");
            show.apply(replay(&[(0, 10_000)]));
            assert_eq!(show.status(), Status::Waiting, "{name}");
        }
        let mut show = playing();
        show.apply(ShowEvent::Refused(Failure::new(Code::Unreachable, "no")));
        assert_eq!(show.status(), Status::Playing, "what plays goes on");
        let mut show = Show::new(0);
        show.apply(replay(&[]));
        assert_eq!(show.status(), Status::Failed(Why::Missing));
    }
}
