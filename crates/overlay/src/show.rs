//! What the overlays of a picture show of their room: the newest of the chat, gifts that are up, the goal, who gave most.
//!
//! It hears what the owner's app hears, and keeps of it what any viewer may see. [`Content`] is all of it as it is now:
//! who draws it needs nothing that was before, so that what was taken away is gone with the next one.

use footlight_protocol::gift::{Board, Gift, Giver};
use footlight_protocol::room::{Event, Member, ServerMessage};
use footlight_protocol::scene::{MAX_LEADERS, MAX_LINES, Part, Scenes};
use footlight_protocol::spend::{Goal, Paid, Shows, Terms};
use footlight_protocol::{MessageId, Seq};

use crate::gifts::{Card, Parade};
use crate::log::{LineKind, Log};

/// A card that goes says so for the last part of its time, in milliseconds: whoever draws it can let it fade.
const LEAVING_MS: f64 = 350.0;
/// Lines of the chat in a content: those that a layer shows at most, and as many that have just left it.
const LINES: usize = 2 * MAX_LINES as usize;
/// Layers of alerts that can differ in what they leave out; further ones show what the first does.
const PARADES: usize = 8;

/// What the layers of all scenes want to know of the room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One of them shows something of it.
    pub any: bool,
    /// The smallest gifts that layers of alerts show, without doubles.
    pub leasts: Vec<u64>,
}

impl Wanted {
    pub fn of(scenes: &Scenes) -> Self {
        let mut wanted = Self::default();
        for overlay in scenes.overlays() {
            match overlay.shows {
                Part::Alerts { least } => {
                    wanted.any = true;
                    if !wanted.leasts.contains(&least) && wanted.leasts.len() < PARADES {
                        wanted.leasts.push(least);
                    }
                }
                Part::Chat { .. } | Part::Goal {} | Part::Leaders { .. } => wanted.any = true,
                Part::Ticker { .. } | Part::Countdown { .. } | Part::Card { .. } => {}
            }
        }
        wanted
    }
}

/// Everything that layers may show of the room, as it is now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content {
    /// Oldest first.
    pub chat: Vec<Said>,
    pub goal: Option<Goal>,
    /// Most first.
    pub leaders: Vec<Giver>,
    /// What is up, the oldest first, by the smallest gift that is shown.
    alerts: Vec<(u64, Vec<Alert>)>,
}

impl Content {
    /// What a layer that leaves out what is worth less than that has to show.
    pub fn alerts(&self, least: u64) -> &[Alert] {
        let ours = self.alerts.iter().find(|(one, _)| *one == least).or(self.alerts.first());
        ours.map_or(&[], |(_, alerts)| alerts)
    }
}

/// A line of the chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub id: MessageId,
    pub by: Member,
    pub text: String,
    /// Somebody paid for it.
    pub paid: bool,
}

/// A run of gifts that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The same for as long as it is up.
    pub id: u64,
    pub by: Member,
    pub gift: Gift,
    pub count: u64,
    /// It goes by itself in a moment. One that is gone without having said so was taken away.
    pub leaves: bool,
}

/// What was heard of the room. Told the time, in milliseconds of any clock.
#[derive(Debug, Clone, Default)]
pub struct Show {
    log: Log,
    parades: Vec<Parade>,
    offered: Vec<Gift>,
    board: Board,
    goal: Option<Goal>,
    terms: Terms,
    seq: Option<Seq>,
}

impl Show {
    /// What layers want from now on; gifts of before come up in none that is new.
    pub fn want(&mut self, wanted: &Wanted) {
        self.parades.retain(|parade| wanted.leasts.contains(&parade.least));
        for least in &wanted.leasts {
            if !self.parades.iter().any(|parade| parade.least == *least) {
                self.parades.push(Parade::from(*least));
            }
        }
    }

    /// The newest event that it knows: where to resume.
    pub fn seq(&self) -> Option<Seq> {
        self.seq
    }

    /// Whether nothing changes by itself.
    pub fn is_idle(&self) -> bool {
        self.parades.iter().all(Parade::is_idle)
    }

    pub fn tick(&mut self, now: f64) {
        self.parades.iter_mut().for_each(|parade| parade.tick(now));
    }

    /// The relay said something.
    pub fn hear(&mut self, message: ServerMessage, now: f64) {
        match message {
            ServerMessage::Welcome { resumed, history, seq, gifts, board, shows, .. } => {
                let Shows { terms, goal, .. } = shows;
                (self.offered, self.board, self.goal, self.terms) = (gifts, board, goal, terms);
                if !resumed {
                    self.log.clear();
                    self.seq = None;
                }
                // It has been over the picture, or nobody saw it: what was missed is not made up for.
                history.into_iter().for_each(|event| self.note(event, None));
                self.seq = Some(seq);
            }
            ServerMessage::Event { event } => self.note(event, Some(now)),
            ServerMessage::Batch { messages } => messages.into_iter().for_each(|one| self.hear(one, now)),
            ServerMessage::Overlay { control } => {
                self.parades.iter_mut().for_each(|parade| parade.obey(control, now));
            }
            ServerMessage::Gifts { gifts } => self.offered = gifts,
            ServerMessage::Board { board } => self.board = board,
            ServerMessage::Goal { goal } => self.goal = goal,
            ServerMessage::Terms { terms } => {
                if terms.hidden && !self.terms.hidden {
                    self.log.veil(None);
                }
                self.terms = terms;
            }
            ServerMessage::Erased { user } => {
                self.log.erase(&user);
                self.parades.iter_mut().for_each(|parade| parade.drop_where(|run| run.by.id == user));
            }
            // Amounts that are for the owner alone, and what is for moderators, are not for the picture.
            _ => {}
        }
    }

    /// `now`: it happens now, and goes over the picture.
    fn note(&mut self, event: Event, now: Option<f64>) {
        if event.kind.is_private() || self.seq.is_some_and(|known| event.seq <= known) {
            return;
        }
        self.seq = Some(event.seq);
        let event = if self.terms.hidden { event.without_amounts(None) } else { event };
        for parade in &mut self.parades {
            parade.take(&event, &self.offered, now);
        }
        self.log.take(event);
    }

    /// All that can be shown.
    pub fn content(&self, now: f64) -> Content {
        let said = self.log.lines().rev().filter_map(|line| match &line.kind {
            LineKind::Said { by, text, .. } => {
                Some(Said { id: line.id, by: by.clone(), text: text.clone(), paid: false })
            }
            LineKind::Paid(Paid { by, text, .. }) => {
                Some(Said { id: line.id, by: by.clone(), text: text.clone(), paid: true })
            }
            _ => None,
        });
        let mut chat: Vec<Said> = said.take(LINES).collect();
        chat.reverse();
        let hidden = self.terms.hidden;
        let Board { session, week, .. } = &self.board;
        let leaders = if session.is_empty() { week } else { session };
        let leaders = leaders.iter().take(if hidden { 0 } else { MAX_LEADERS.into() }).cloned().collect();
        let goal = self.goal.clone().map(|goal| if hidden { goal.without_amounts() } else { goal });
        let alert = |card: &Card| Alert {
            id: card.id,
            by: card.run.by.clone(),
            gift: card.run.gift.clone(),
            count: card.run.count(),
            leaves: card.left(now) <= LEAVING_MS,
        };
        let alerts = self.parades.iter().map(|p| (p.least, p.up().iter().map(alert).collect())).collect();
        Content { chat, goal, leaders, alerts }
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::gift::Show as Much;
    use footlight_protocol::overlay::Control;
    use footlight_protocol::room::{EventKind, Role};
    use footlight_protocol::scene::{Layer, Overlay, Place, Source};
    use footlight_protocol::spend::Progress;
    use footlight_protocol::{Language, UserId};

    use super::*;

    fn member(id: &str) -> Member {
        Member::new(id.parse().unwrap(), id.to_uppercase(), Role::Guest)
    }

    fn event(seq: u64, kind: EventKind) -> ServerMessage {
        ServerMessage::Event { event: Event { seq: Seq(seq), at: seq * 1_000, kind } }
    }

    fn said(seq: u64, by: &str, text: &str) -> ServerMessage {
        let (by, text) = (member(by), text.to_owned());
        event(seq, EventKind::Said { by, text, nonce: None, fly: None, reply: None })
    }

    fn gifted(seq: u64, by: &str, price: u32) -> ServerMessage {
        let gift = Gift {
            id: "tea".parse().unwrap(),
            name: "Tea".to_owned(),
            icon: "🍵".to_owned(),
            price,
            show: Much::Small,
            per_hour: None,
        };
        let (by, coins) = (member(by), u64::from(price));
        event(seq, EventKind::Gifted { by, gift, count: 1, coins, entry: seq, nonce: None })
    }

    fn show(parts: &[Part]) -> Show {
        let mut scenes = Scenes::default();
        for part in parts {
            let overlay = Overlay::new(part.clone(), Language::English);
            scenes.scenes[0].layers.push(Layer::new(Source::Overlay { overlay }, Place::WHOLE));
        }
        let mut show = Show::default();
        show.want(&Wanted::of(&scenes));
        show
    }

    fn texts(show: &Show) -> Vec<String> {
        show.content(0.0).chat.into_iter().map(|said| said.text).collect()
    }

    #[test]
    fn what_is_moderated_is_not_in_the_next_content() {
        let mut show = show(&[Part::Chat { lines: 5 }]);
        for message in [said(1, "ann", "one"), said(2, "bob", "two"), said(3, "ann", "three")] {
            show.hear(message, 0.0);
        }
        let reason = footlight_protocol::moderation::Reason::Copies { people: 2, strangers: 2 };
        let held = EventKind::Held {
            by: member("eve"),
            text: "held".to_owned(),
            nonce: None,
            why: reason,
            raid: None,
            reply: None,
        };
        show.hear(event(4, held), 0.0);
        assert_eq!(texts(&show), ["one", "two", "three"]);
        show.hear(event(5, EventKind::Deleted { message: MessageId(3) }), 0.0);
        assert_eq!(texts(&show), ["one", "two"]);
        show.hear(event(6, EventKind::Banned { user: member("ann"), range: false }), 0.0);
        assert_eq!(texts(&show), ["two"]);
        show.hear(event(7, EventKind::Pardoned { user: member("ann") }), 0.0);
        assert_eq!(texts(&show), ["one", "two"]);
        let bob: UserId = "bob".parse().unwrap();
        show.hear(ServerMessage::Erased { user: bob }, 0.0);
        assert_eq!(texts(&show), ["one"]);
        show.hear(said(7, "ann", "again"), 0.0);
        assert_eq!(texts(&show), ["one"], "what was heard before is not heard again");
    }

    #[test]
    fn each_layer_leaves_out_what_it_wants_and_what_goes_says_so() {
        let mut show =
            show(&[Part::Alerts { least: 0 }, Part::Alerts { least: 10 }, Part::Alerts { least: 0 }]);
        show.hear(gifted(1, "ann", 5), 0.0);
        show.hear(gifted(2, "bob", 50), 0.0);
        let names = |show: &Show, least, now| {
            let content = show.content(now);
            let up = content.alerts(least).iter();
            up.map(|alert| (alert.by.name.clone(), alert.leaves)).collect::<Vec<_>>()
        };
        let of = |name: &str, leaves| (name.to_owned(), leaves);
        assert_eq!(names(&show, 0, 0.0), [of("ANN", false), of("BOB", false)]);
        assert_eq!(names(&show, 10, 3_900.0), [of("BOB", true)]);
        show.hear(event(3, EventKind::Banned { user: member("bob"), range: false }), 100.0);
        assert_eq!(names(&show, 0, 100.0), [of("ANN", false)]);
        show.hear(ServerMessage::Overlay { control: Control::Test }, 200.0);
        assert_eq!(names(&show, 10, 200.0), [of("Footlight", false)], "a test is never too small");
        assert!(!show.is_idle());
        show.tick(60_000.0);
        assert!(show.is_idle());
    }

    #[test]
    fn amounts_that_are_hidden_are_not_shown_though_the_owner_hears_them() {
        let mut show = show(&[Part::Leaders { many: 3 }, Part::Goal {}]);
        let giver = Giver { user: "ann".parse().unwrap(), name: "Ann".to_owned(), coins: 5 };
        let board = Board { session: vec![giver.clone()], ..Board::default() };
        let goal = Goal::new("Sing".to_owned(), Progress { given: 1, target: 4 }, false);
        show.hear(ServerMessage::Board { board }, 0.0);
        show.hear(ServerMessage::Goal { goal: Some(goal.clone()) }, 0.0);
        let content = show.content(0.0);
        assert_eq!((content.leaders, content.goal), (vec![giver], Some(goal.clone())));
        show.hear(ServerMessage::Terms { terms: Terms { hidden: true, ..Terms::default() } }, 0.0);
        let content = show.content(0.0);
        assert_eq!((content.leaders, content.goal), (vec![], Some(goal.without_amounts())));
        show.hear(gifted(1, "ann", 5), 0.0);
        let line = show.log.lines().next().unwrap();
        assert!(matches!(&line.kind, LineKind::Gifted(run) if run.coins() == 0 && run.gift.price == 0));
    }

    #[test]
    fn what_the_creator_writes_needs_no_room() {
        let of = |part: Part| {
            let overlay = Overlay::new(part, Language::English);
            let mut scenes = Scenes::default();
            scenes.scenes[0].layers.push(Layer::new(Source::Overlay { overlay }, Place::WHOLE));
            Wanted::of(&scenes).any
        };
        assert!(!of(Part::Ticker { text: "x".to_owned() }));
        assert!(of(Part::Chat { lines: 3 }));
        assert!(!Wanted::of(&Scenes::default()).any);
    }
}
