//! Gifts in the log, and what they cost. Amounts that are for the owner and for each person themselves come behind the
//! events that they belong to, and go from the page when the creator takes them back.

use std::sync::Arc;

use footlight_protocol::room::{Event, EventKind, Member};
use footlight_protocol::spend::{BecameMember, Packet, Paid};
use footlight_protocol::{MessageId, Seq, UserId};

use super::{Line, LineKind, Log};
use crate::gifts::Run;

impl Log {
    /// Behind the run that it goes on with, in the place of the newest.
    pub(super) fn put_gift(&mut self, mut run: Run) {
        let before = self.lines.iter().rposition(|line| match &line.kind {
            LineKind::Gifted(earlier) => earlier.goes_on_with(&run),
            _ => false,
        });
        if let Some(LineKind::Gifted(earlier)) =
            before.and_then(|at| self.lines.remove(at)).map(|line| line.kind.clone())
        {
            run = earlier.and(run);
        }
        let newest = run.newest();
        self.put(Line { id: MessageId(newest.seq.0), at: newest.at, kind: LineKind::Gifted(run) });
    }

    /// A gift was given back: what is left of its run stays.
    pub(super) fn take_back(&mut self, gift: Seq) {
        let holds = |line: &Arc<Line>| match &line.kind {
            LineKind::Gifted(run) => run.holds(gift),
            LineKind::Paid(_) | LineKind::Member(_) => line.id.0 == gift.0,
            _ => false,
        };
        let Some(line) = self.lines.iter().position(holds).and_then(|at| self.lines.remove(at)) else {
            return;
        };
        if let LineKind::Gifted(run) = &line.kind
            && let Some(run) = run.clone().without(gift)
        {
            let newest = run.newest();
            self.put(Line { id: MessageId(newest.seq.0), at: newest.at, kind: LineKind::Gifted(run) });
        }
    }

    /// What a line that is there already was worth.
    pub fn learn(&mut self, event: &Event) {
        for line in &mut self.lines {
            let kind = match (&line.kind, &event.kind) {
                (LineKind::Said { text, quote, .. }, EventKind::Said { by, .. })
                    if line.id.0 == event.seq.0 =>
                {
                    LineKind::Said { by: by.clone(), text: text.clone(), quote: quote.clone() }
                }
                (LineKind::Gifted(run), EventKind::Gifted { by, gift, coins, .. })
                    if run.holds(event.seq) =>
                {
                    LineKind::Gifted(run.clone().worth(event.seq, by, gift, *coins))
                }
                (LineKind::Paid(_), EventKind::Paid(paid)) if line.id.0 == event.seq.0 => {
                    LineKind::Paid(paid.clone())
                }
                (LineKind::Packet(_), EventKind::Packet(packet)) if line.id.0 == event.seq.0 => {
                    LineKind::Packet(packet.clone())
                }
                (LineKind::Member(_), EventKind::BecameMember(member)) if line.id.0 == event.seq.0 => {
                    LineKind::Member(member.clone())
                }
                _ => continue,
            };
            *line = Arc::new(Line { kind, ..Line::clone(line) });
        }
    }

    /// Amounts are for the owner alone from now on, and for this person their own.
    pub fn veil(&mut self, me: Option<&UserId>) {
        for line in &mut self.lines {
            let kind = match &line.kind {
                LineKind::Said { by, text, quote } => {
                    let mine = |by: &Member| Some(&by.id) == me;
                    let mut quote = quote.clone();
                    if let Some(of) =
                        quote.as_mut().and_then(|quote| quote.of.as_mut()).filter(|of| !mine(&of.by))
                    {
                        of.by = plain(&of.by);
                    }
                    let by = if mine(by) { by.clone() } else { plain(by) };
                    LineKind::Said { by, text: text.clone(), quote }
                }
                LineKind::Gifted(run) if Some(&run.by.id) != me => LineKind::Gifted(run.clone().worthless()),
                LineKind::Paid(paid) if Some(&paid.by.id) != me => {
                    LineKind::Paid(Paid { by: plain(&paid.by), coins: 0, ..paid.clone() })
                }
                LineKind::Packet(packet) if Some(&packet.by.id) != me => {
                    LineKind::Packet(Packet { by: plain(&packet.by), coins: 0, ..packet.clone() })
                }
                LineKind::Member(member) if Some(&member.by.id) != me => {
                    LineKind::Member(BecameMember { by: plain(&member.by), coins: 0, ..member.clone() })
                }
                _ => continue,
            };
            *line = Arc::new(Line { kind, ..Line::clone(line) });
        }
    }
}

/// Without the level.
fn plain(by: &Member) -> Member {
    let mut by = by.clone();
    by.badges.given = 0;
    by
}

#[cfg(test)]
mod tests {
    use footlight_protocol::gift::{Gift, Show};
    use footlight_protocol::room::Role;

    use super::*;

    fn gifted(seq: u64, price: u32) -> Event {
        let gift = Gift {
            id: "tea".parse().unwrap(),
            name: "Tea".into(),
            icon: "🍵".into(),
            price,
            show: Show::Small,
            per_hour: None,
        };
        let mut by = Member::new("ann".parse().unwrap(), "Ann".into(), Role::Guest);
        by.badges.given = u8::from(price > 0);
        let coins = u64::from(price) * 2;
        let kind = EventKind::Gifted { by, gift, count: 2, coins, entry: seq, nonce: None };
        Event { seq: Seq(seq), at: seq * 1_000, kind }
    }

    fn coins(log: &Log) -> Vec<(u64, u64, u8)> {
        let lines = log.lines().filter_map(|line| match &line.kind {
            LineKind::Gifted(run) => Some((run.count(), run.coins(), run.by.badges.given)),
            _ => None,
        });
        lines.collect()
    }

    #[test]
    fn amounts_come_behind_their_gifts_and_go_when_they_are_hidden() {
        let mut log = Log::default();
        log.take(gifted(1, 0));
        assert_eq!(coins(&log), [(2, 0, 0)]);
        log.learn(&gifted(1, 5));
        assert_eq!(coins(&log), [(2, 10, 1)]);
        // One run, though what the second costs is not known yet.
        log.take(gifted(2, 0));
        assert_eq!(coins(&log), [(4, 10, 0)]);
        log.learn(&gifted(2, 5));
        assert_eq!(coins(&log), [(4, 20, 1)]);
        log.veil(None);
        assert_eq!(coins(&log), [(4, 0, 0)]);
        log.learn(&gifted(9, 5));
        assert_eq!(coins(&log), [(4, 0, 0)], "of another line");
    }
}
