//! Gifts in the log, and what they cost. Amounts that are for the owner and for each person themselves come behind the
//! events that they belong to, and go from the page when the creator takes them back.

use std::sync::Arc;

use footlight_protocol::room::{Event, EventKind, Role};
use footlight_protocol::spend::Terms;
use footlight_protocol::{MessageId, Seq, UserId};

use super::{Line, LineKind, Room};
use crate::store::gifts::Run;

impl Room {
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
        let holds = |line: &Arc<Line>| matches!(&line.kind, LineKind::Gifted(run) if run.holds(gift));
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
    pub(super) fn learn(&mut self, event: Event) {
        self.revision += 1;
        for line in &mut self.lines {
            let kind = match (&line.kind, &event.kind) {
                (LineKind::Said { text, .. }, EventKind::Said { by, .. }) if line.id.0 == event.seq.0 => {
                    LineKind::Said { by: by.clone(), text: text.clone() }
                }
                (LineKind::Gifted(run), EventKind::Gifted { by, gift, coins, .. })
                    if run.holds(event.seq) =>
                {
                    LineKind::Gifted(run.clone().worth(event.seq, by, gift, *coins))
                }
                _ => continue,
            };
            *line = Arc::new(Line { kind, ..Line::clone(line) });
        }
    }

    /// What holds for everybody who spends has changed.
    pub(super) fn agree(&mut self, terms: Terms) {
        let closes = terms.hidden && !self.spend.terms.hidden && self.role() < Role::Owner;
        self.spend.terms = terms;
        if !closes {
            return;
        }
        self.revision += 1;
        let me: Option<UserId> = self.me.as_ref().map(|me| me.id.clone());
        for line in &mut self.lines {
            let kind = match &line.kind {
                LineKind::Said { by, text } if Some(&by.id) != me.as_ref() => {
                    let mut by = by.clone();
                    by.badges.given = 0;
                    LineKind::Said { by, text: text.clone() }
                }
                LineKind::Gifted(run) if Some(&run.by.id) != me.as_ref() => {
                    LineKind::Gifted(run.clone().worthless())
                }
                _ => continue,
            };
            *line = Arc::new(Line { kind, ..Line::clone(line) });
        }
    }
}
