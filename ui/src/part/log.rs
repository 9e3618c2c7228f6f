//! The log of the chat: follows the newest message until somebody scrolls up, and is where the keyboard
//! answers and moderates.

use std::sync::Arc;

use footlight_protocol::room::{Action, Member, Role};
use footlight_protocol::spend::{BecameMember, Packet, Paid};
use footlight_protocol::{MessageId, Nonce};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::browser;
use crate::part::answer::Answering;
use crate::part::end::End;
use crate::part::follow::NewcomerLine;
use crate::part::icon::Icon;
use crate::part::message::{Message, Waiting};
use crate::part::moderate::{Menu, TIMEOUTS, Turn};
use crate::seat::Seat;
use crate::store::room::{Line, LineKind, Newcomer, Pending, Room};
use crate::words::use_words;

#[derive(Clone)]
enum Row {
    Line(Arc<Line>),
    Waiting(Arc<Pending>),
    Newcomer(Arc<Newcomer>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum RowKey {
    /// And the level of its author and what it cost, which may come later.
    Line(MessageId, u8, u64),
    /// As long as what it answers is there: what is taken away changes the line.
    Answer(MessageId, u8),
    /// And how many there are and what they cost: what is given back changes the line, and what becomes known.
    Gifts(MessageId, u64, u64),
    Waiting(Nonce),
    Newcomer(u64),
}

impl Row {
    fn key(&self) -> RowKey {
        match self {
            Self::Line(line) => match &line.kind {
                LineKind::Gifted(run) => RowKey::Gifts(line.id, run.count(), run.coins()),
                LineKind::Said { by, quote: Some(quote), .. } if quote.of.is_some() => {
                    RowKey::Answer(line.id, by.badges.given)
                }
                LineKind::Said { by, .. } => RowKey::Line(line.id, by.badges.given, 0),
                LineKind::Paid(Paid { by, coins, .. })
                | LineKind::Packet(Packet { by, coins, .. })
                | LineKind::Member(BecameMember { by, coins, .. }) => {
                    RowKey::Line(line.id, by.badges.given, *coins)
                }
                _ => RowKey::Line(line.id, 0, 0),
            },
            Self::Waiting(pending) => RowKey::Waiting(pending.nonce.clone()),
            Self::Newcomer(newcomer) => RowKey::Newcomer(newcomer.number),
        }
    }
}

#[component]
pub fn Log() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let room = seat.room();
    let revision = Memo::new(move |_| room.with(|room| room.revision));
    let moderates = seat.moderates();
    let ids = Memo::new(move |_| {
        revision.get();
        room.with_untracked(|room| said_lines(room).map(|line| line.id).collect::<Vec<_>>())
    });
    let newest = Memo::new(move |_| ids.with(|ids| ids.last().copied()));
    let (turn, answering) = (Turn::provide(ids), Answering::get());
    let rows = move || {
        revision.get();
        let all = moderates.get();
        room.with_untracked(|room| {
            let seen = |kind: &LineKind| {
                matches!(
                    kind,
                    LineKind::Said { .. }
                        | LineKind::Gifted(_)
                        | LineKind::Paid(_)
                        | LineKind::Packet(_)
                        | LineKind::Member(_)
                        | LineKind::Goal { .. }
                )
            };
            let lines = room.lines().filter(|line| all || seen(&line.kind));
            let waiting = room.pending().iter().cloned().map(Row::Waiting);
            let newcomers = room.following.newcomers().filter(|_| all);
            woven(lines, newcomers).into_iter().chain(waiting).collect::<Vec<_>>()
        })
    };
    let empty = Memo::new(move |_| {
        revision.get();
        let all = moderates.get();
        room.with_untracked(|room| {
            let newcomers = all && room.following.newcomers().next().is_some();
            room.lines().next().is_none() && room.pending().is_empty() && !newcomers
        })
    });

    let end = End::new();
    let unread = RwSignal::new(0_u32);
    let to_end = move || {
        unread.set(0);
        end.go();
    };
    Effect::new(move |before: Option<(Option<MessageId>, usize)>| {
        revision.get();
        let newest = newest.get_untracked();
        let waiting = room.with_untracked(|room| room.pending().len());
        let (before, waited) = before.unwrap_or_default();
        // Whoever says something wants to see it.
        if end.is_here() || waiting > waited {
            to_end();
        } else if newest > before {
            unread.update(|unread| *unread += 1);
        }
        (newest, waiting)
    });
    let scrolled = move |_| {
        if end.look() {
            unread.set(0);
        }
    };

    view! {
        <div class="log-frame">
            <div
                id="chat-log"
                class="log"
                role="log"
                aria-live="polite"
                aria-label=words.say("chat.log")
                tabindex=move || if moderates.get() { None } else { Some("0") }
                node_ref=end.frame
                on:scroll=scrolled
                on:keydown=move |event| keyboard(seat, turn, answering, &event)
            >
                <For each=rows key=Row::key let:row>
                    {match row {
                        Row::Line(line) => view! { <Message line /> }.into_any(),
                        Row::Waiting(message) => view! { <Waiting message /> }.into_any(),
                        Row::Newcomer(newcomer) => view! { <NewcomerLine newcomer /> }.into_any(),
                    }}
                </For>
            </div>
            <Show when=move || empty.get()>
                <div class="log-empty">
                    {Icon::Chat.view()} <strong>{words.say("chat.empty")}</strong>
                    <span>
                        {move || words.get(if moderates.get() { "chat.empty_owner" } else { "chat.empty_guest" })}
                    </span>
                </div>
            </Show>
            <Show when=move || { unread.get() > 0 && !end.here().get() }>
                <button type="button" class="new-messages" on:click=move |_| to_end()>
                    {move || words.count("chat.new_one", "chat.new_many", unread.get())}
                </button>
            </Show>
        </div>
    }
}

/// Lines, and behind each who follows the room since then. What is older than all lines is not shown any more.
fn woven<'a>(
    lines: impl Iterator<Item = &'a Arc<Line>>,
    newcomers: impl Iterator<Item = &'a Arc<Newcomer>>,
) -> Vec<Row> {
    let (mut rows, mut newcomers) = (Vec::new(), newcomers.peekable());
    for line in lines {
        while let Some(newcomer) = newcomers.next_if(|newcomer| newcomer.behind < line.id) {
            rows.push(Row::Newcomer(newcomer.clone()));
        }
        rows.push(Row::Line(line.clone()));
    }
    rows.extend(newcomers.cloned().map(Row::Newcomer));
    rows
}

fn said_lines(room: &Room) -> impl DoubleEndedIterator<Item = &Arc<Line>> {
    room.lines().filter(|line| matches!(line.kind, LineKind::Said { .. } | LineKind::Paid(_)))
}

/// Arrow keys, and the keys that answer or moderate the message they are at.
fn keyboard(seat: Seat, turn: Turn, answering: Answering, event: &KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() || event.is_composing() {
        return;
    }
    let ids = seat.room().with_untracked(|room| said_lines(room).map(|line| line.id).collect::<Vec<_>>());
    let moderates = seat.moderates().get_untracked();
    let Some(at) = turn.current() else { return };
    let place = ids.partition_point(|id| *id < at);
    let key = event.key();
    let go = |place: usize| {
        if let Some(id) = ids.get(place) {
            focus(*id);
        }
    };
    match key.as_str() {
        "ArrowUp" => go(place.saturating_sub(1)),
        "ArrowDown" => go((place + 1).min(ids.len().saturating_sub(1))),
        "Home" => go(0),
        "End" => go(ids.len().saturating_sub(1)),
        "Escape" => {
            turn.close();
            if moderates {
                focus(at);
            } else {
                browser::focus("chat-log");
            }
        }
        "Enter" if is_on_message(event) => open_card(seat, at),
        "Enter" if is_on_log(event) => go(place),
        "r" | "R" => {
            if let Some((by, text)) = said(seat, at) {
                answering.begin(at, by, &text);
            }
        }
        "Delete" | "d" | "D" if moderates => {
            if let Some((by, _)) = author(seat, at) {
                // The next message gets the focus before this one goes and takes it along.
                leave(&ids, place, turn);
                seat.moderate(Action::Delete { message: at }, &by);
            }
        }
        "t" | "T" if moderates && author(seat, at).is_some_and(|(_, over)| over) => {
            turn.toggle(at, Menu::Timeout)
        }
        "1" | "2" | "3" | "4" if turn.open().get_untracked() == Some((at, Menu::Timeout)) => {
            let choice = key.parse::<usize>().ok().and_then(|n| TIMEOUTS.get(n - 1));
            if let (Some((seconds, _)), Some((by, true))) = (choice, author(seat, at)) {
                turn.close();
                seat.moderate(Action::Timeout { user: by.id.clone(), seconds: *seconds }, &by);
                focus(at);
            }
        }
        "b" | "B" if moderates => {
            if let Some((by, true)) = author(seat, at) {
                let others = seat.room().with_untracked(|room| {
                    said_lines(room)
                        .filter(|line| !matches!(
                            &line.kind,
                            LineKind::Said { by: other, .. } | LineKind::Paid(Paid { by: other, .. }) if other.id == by.id
                        ))
                        .map(|line| line.id)
                        .collect::<Vec<_>>()
                });
                leave(&others, others.partition_point(|id| *id < at), turn);
                let range = event.shift_key();
                seat.moderate(Action::Ban { user: by.id.clone(), range }, &by);
            }
        }
        _ => return,
    }
    event.prevent_default();
}

fn target(event: &KeyboardEvent) -> Option<HtmlElement> {
    event.target()?.dyn_into().ok()
}

/// On the log itself, which those who moderate go past.
fn is_on_log(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|target| target.id() == "chat-log")
}

/// On the message itself, and not on one of its buttons.
fn is_on_message(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|target| target.has_attribute("data-message-id"))
}

/// Opens the card of the one who said it.
fn open_card(seat: Seat, message: MessageId) {
    let Some((by, _)) = author(seat, message) else { return };
    let name = format!("[data-message-id=\"{}\"] .message-name", message.0);
    let name = document().query_selector(&name).ok().flatten();
    seat.open_card(by, name.map(|name| browser::place_of(&name)).unwrap_or_default());
}

/// Moves the focus from a message that goes to the nearest that stays.
fn leave(ids: &[MessageId], place: usize, turn: Turn) {
    let here = turn.current();
    let next = ids[place.min(ids.len())..].iter().find(|id| Some(**id) != here);
    let nearest = next.or_else(|| ids.iter().rev().find(|id| Some(**id) != here));
    match nearest {
        Some(id) => focus(*id),
        None => turn.follow(),
    }
}

/// Who said it, and what.
fn said(seat: Seat, message: MessageId) -> Option<(Member, String)> {
    seat.room().with_untracked(|room| {
        room.lines().find(|line| line.id == message).and_then(|line| match &line.kind {
            LineKind::Said { by, text, .. } | LineKind::Paid(Paid { by, text, .. }) => {
                Some((by.clone(), text.clone()))
            }
            _ => None,
        })
    })
}

/// Who said it, and whether the person can be timed out and banned.
fn author(seat: Seat, message: MessageId) -> Option<(Member, bool)> {
    let (by, _) = said(seat, message)?;
    let over = !seat.is_me(&by.id) && by.role != Role::Owner;
    Some((by, over))
}

fn focus(id: MessageId) {
    let found = document().query_selector(&format!("[data-message-id=\"{}\"]", id.0)).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}
