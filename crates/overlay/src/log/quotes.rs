//! Lines that are taken away and come back, and with them what other lines quote of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use footlight_protocol::moderation::Former;
use footlight_protocol::room::Member;
use footlight_protocol::talk::{Quote, Quoted};
use footlight_protocol::{MessageId, UserId};

use super::{Line, LineKind, Log, MAX_LINES, by};

impl Log {
    /// Those who said something, the latest first.
    pub fn people(&self) -> Vec<Member> {
        let mut people: Vec<Member> = Vec::new();
        for line in self.lines.iter().rev() {
            if let LineKind::Said { by, .. } = &line.kind
                && !people.iter().any(|known| known.id == by.id)
            {
                people.push(by.clone());
            }
        }
        people
    }

    pub(super) fn take_away(&mut self, messages: &[MessageId]) {
        self.lines.retain(|line| !messages.contains(&line.id));
        self.unquote(|message, _| messages.contains(&message));
    }

    pub(super) fn bring_back(&mut self, former: Former) {
        let Former { message, said_at, by, text, reply } = former;
        self.lines.retain(|line| line.id != message);
        self.quote_again([(message, &by, text.as_str())].into_iter());
        self.put(Line { id: message, at: said_at, kind: LineKind::Said { by, text, quote: reply } });
    }

    /// Until they are pardoned.
    pub(super) fn hide_all_of(&mut self, user: &UserId) {
        let (theirs, others) = self.lines.drain(..).partition(|line| by(line) == Some(user));
        self.lines = others;
        self.unquote(|_, of| of.by.id == *user);
        self.hidden.extend::<VecDeque<_>>(theirs);
        let spare = self.hidden.len().saturating_sub(MAX_LINES);
        self.hidden.drain(..spare);
    }

    pub(super) fn show_all_of(&mut self, user: &UserId) {
        let (theirs, others): (Vec<_>, Vec<_>) =
            self.hidden.drain(..).partition(|line| by(line) == Some(user));
        self.hidden = others;
        let said = theirs.iter().filter_map(|line| match &line.kind {
            LineKind::Said { by, text, .. } => Some((line.id, by, text.as_str())),
            _ => None,
        });
        self.quote_again(said);
        theirs.into_iter().for_each(|line| self.place(line));
    }

    /// Takes out of all lines what they quote, where it is to go.
    pub(super) fn unquote(&mut self, goes: impl Fn(MessageId, &Quoted) -> bool) {
        self.change_quotes(|quote| {
            let gone = quote.of.as_ref().is_some_and(|of| goes(quote.message, of));
            gone.then(|| Quote::gone(quote.message))
        });
    }

    /// Puts messages back into the lines that answer them.
    fn quote_again<'a>(&mut self, messages: impl Iterator<Item = (MessageId, &'a Member, &'a str)>) {
        let back: HashMap<MessageId, (&Member, &str)> =
            messages.map(|(message, by, text)| (message, (by, text))).collect();
        self.change_quotes(|quote| {
            let (by, text) = back.get(&quote.message)?;
            Some(Quote::of(quote.message, (*by).clone(), text))
        });
    }

    fn change_quotes(&mut self, to: impl Fn(&Quote) -> Option<Quote>) {
        for line in self.lines.iter_mut().chain(&mut self.hidden) {
            let LineKind::Said { quote: Some(quote), .. } = &line.kind else { continue };
            if let Some(other) = to(quote)
                && let LineKind::Said { quote, .. } = &mut Arc::make_mut(line).kind
            {
                *quote = Some(Box::new(other));
            }
        }
    }
}
