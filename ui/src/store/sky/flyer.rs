//! What flies: a comment, or something else that has its place in the room's order and its time in the media.

use std::sync::Arc;

use footlight_protocol::danmaku::{Colour, Fly, Place};
use footlight_protocol::room::{Event, EventKind, Role};
use footlight_protocol::spend::Paid;
use footlight_protocol::{Seq, UserId};

/// Letters of a comment that fly. Nobody reads more before they are gone, and a picture of them has to fit a canvas.
const MOST_LETTERS: usize = 100;

/// Who gives way when it is crowded: the lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Chat,
    Member,
    /// Moderators and the owner.
    Staff,
    Gift,
}

/// What is around the letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Frame {
    #[default]
    None,
    /// A thin line: it is the viewer's own.
    Line,
    /// A filled ground, for what must not be overlooked.
    Plate,
}

/// How it looks. Two that look the same are drawn once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Look {
    pub text: String,
    pub colour: Colour,
    pub frame: Frame,
}

/// Something that flies.
#[derive(Debug, Clone, PartialEq)]
pub struct Flyer {
    /// Its place in the room's order, by which it is taken down.
    pub id: Seq,
    pub by: UserId,
    /// The media time at which it enters, in milliseconds.
    pub at_ms: f64,
    pub place: Place,
    pub rank: Rank,
    pub look: Arc<Look>,
}

impl Look {
    pub fn new(text: &str, colour: Colour, frame: Frame) -> Self {
        let mut short: String = text.chars().take(MOST_LETTERS).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        Self { text: short, colour, frame }
    }
}

/// What is said as it flies over a live picture: at the capture time, on the relay's clock, of the frame that its
/// author saw. A gift flies too, with its sender's name, and so does a message that was paid for. None for what is neither.
pub fn said(event: &Event, me: Option<&UserId>) -> Option<Flyer> {
    let (by, text, fly) = match &event.kind {
        EventKind::Said { by, text, fly, .. } => (by, text, fly),
        EventKind::Gifted { by, gift, count, .. } => {
            let text = format!("{} {} ×{count}", by.name, gift.icon);
            return Some(Flyer {
                id: event.seq,
                by: by.id.clone(),
                at_ms: event.at as f64,
                place: Place::Scroll,
                rank: Rank::Gift,
                look: Arc::new(Look::new(&text, Colour::Amber, Frame::Plate)),
            });
        }
        EventKind::Paid(Paid { by, text, .. }) => {
            return Some(Flyer {
                id: event.seq,
                by: by.id.clone(),
                at_ms: event.at as f64,
                place: Place::Scroll,
                rank: Rank::Gift,
                look: Arc::new(Look::new(text, Colour::Amber, Frame::Plate)),
            });
        }
        _ => return None,
    };
    let choice = fly.unwrap_or_default();
    // The owner is seen to be the owner where no other colour is wished.
    let colour = match (choice.colour, by.role) {
        (Colour::White, Role::Owner) => Colour::Amber,
        (colour, _) => colour,
    };
    let mine = me == Some(&by.id);
    Some(Flyer {
        id: event.seq,
        by: by.id.clone(),
        at_ms: seen_ms(event, fly.as_ref()),
        place: choice.place,
        rank: match by.role {
            Role::Guest | Role::Vip => Rank::Chat,
            Role::Moderator | Role::Owner => Rank::Staff,
        },
        look: Arc::new(Look::new(text, colour, if mine { Frame::Line } else { Frame::None })),
    })
}

/// The same over a recording in which the event is at `at_ms`.
pub fn timed(at_ms: u64, event: &Event) -> Option<Flyer> {
    let flyer = said(event, None)?;
    let earlier = event.at as f64 - flyer.at_ms;
    Some(Flyer { at_ms: (at_ms as f64 - earlier).max(0.0), ..flyer })
}

fn seen_ms(event: &Event, fly: Option<&Fly>) -> f64 {
    fly.and_then(|fly| fly.at_us).map_or(event.at as f64, |us| us as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use footlight_protocol::gift::{Gift, Show};
    use footlight_protocol::room::Member;

    use super::*;

    fn event(role: Role, text: &str, fly: Option<Fly>) -> Event {
        let by = Member::new("u1".parse().unwrap(), "Ada".into(), role);
        Event {
            seq: Seq(7),
            at: 500_000,
            kind: EventKind::Said { by, text: text.into(), nonce: None, fly, reply: None },
        }
    }

    #[test]
    fn a_comment_belongs_to_the_frame_that_its_author_saw() {
        let fly = Fly { at_us: Some(498_500_000), ..Fly::default() };
        let seen = event(Role::Guest, "hi", Some(fly));
        assert_eq!(said(&seen, None).unwrap().at_ms, 498_500.0);
        assert_eq!(timed(20_000, &seen).unwrap().at_ms, 18_500.0);
        assert_eq!(timed(1_000, &seen).unwrap().at_ms, 0.0, "before the first picture there is none");
        let plain = event(Role::Guest, "hi", None);
        assert_eq!(
            (said(&plain, None).unwrap().at_ms, timed(20_000, &plain).unwrap().at_ms),
            (500_000.0, 20_000.0)
        );
    }

    #[test]
    fn role_and_choice_show() {
        let red = Some(Fly { place: Place::Top, colour: Colour::Red, at_us: None });
        for (role, fly, place, colour, rank) in [
            (Role::Guest, None, Place::Scroll, Colour::White, Rank::Chat),
            (Role::Owner, None, Place::Scroll, Colour::Amber, Rank::Staff),
            (Role::Owner, red, Place::Top, Colour::Red, Rank::Staff),
            (Role::Moderator, red, Place::Top, Colour::Red, Rank::Staff),
        ] {
            let flyer = said(&event(role, "hi", fly), None).unwrap();
            assert_eq!((flyer.place, flyer.look.colour, flyer.rank), (place, colour, rank), "{role:?}");
        }
        let me: UserId = "u1".parse().unwrap();
        let own = said(&event(Role::Guest, &"界".repeat(300), None), Some(&me)).unwrap();
        assert_eq!((own.look.frame, own.look.text.chars().count()), (Frame::Line, MOST_LETTERS + 1));
        let gift = Gift {
            id: "rose".parse().unwrap(),
            name: String::new(),
            icon: "🌹".into(),
            price: 1,
            show: Show::Small,
            per_hour: None,
        };
        let by = Member::new(me.clone(), "Ada".into(), Role::Guest);
        let gifted = EventKind::Gifted { by, gift, count: 3, coins: 3, entry: 1, nonce: None };
        let flyer = said(&Event { kind: gifted, ..event(Role::Guest, "", None) }, None).unwrap();
        assert_eq!((flyer.look.text.as_str(), flyer.rank, flyer.at_ms), ("Ada 🌹 ×3", Rank::Gift, 500_000.0));
        let banned = EventKind::Banned { user: Member::new(me, String::new(), Role::Guest), range: false };
        assert_eq!(said(&Event { kind: banned, ..event(Role::Guest, "", None) }, None), None);
    }
}
