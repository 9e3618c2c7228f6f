//! What waits for a moderator: raids that the room took away, what viewers report, and messages that the room holds. The
//! keyboard decides.

use std::sync::Arc;

use footlight_protocol::MessageId;
use footlight_protocol::moderation::{Raid, Reason};
use footlight_protocol::room::Action;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::part::reports::ReportList;
use crate::seat::Seat;
use crate::store::guard::HeldMessage;
use crate::words::{Words, use_words};

/// With what its page has to say below it.
#[component]
pub fn HeldList(#[prop(optional)] children: Option<Children>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let waves = Memo::new(move |_| seat.room().with(|room| room.guard.waves()));
    let held = Memo::new(move |_| seat.room().with(|room| room.guard.held().cloned().collect::<Vec<_>>()));
    let reported = Memo::new(move |_| seat.room().with(|room| !room.guard.reports.is_empty()));
    let empty = Memo::new(move |_| waves.with(Vec::is_empty) && held.with(Vec::is_empty) && !reported.get());
    view! {
        <section id="held" class="held-frame" aria-label=words.say("held.title")>
            <div class="held" on:keydown=move |event| keyboard(seat, held, &event)>
                {move || waves.get().into_iter().map(|wave| view! { <Wave wave /> }).collect_view()}
                <ReportList />
                <ul class="held-list">
                    <For each=move || held.get() key=|held| held.id let:held>
                        <Row held />
                    </For>
                </ul>
            </div>
            <Show when=move || empty.get()>
                <div class="log-empty">
                    {Icon::Check.view()} <strong>{words.say("held.empty")}</strong>
                    <span>{words.say("held.empty_text")}</span>
                </div>
            </Show>
            <Show when=move || reported.get()>
                <p class="held-keys" aria-hidden="true">
                    <kbd>"A"</kbd>
                    {words.say("reports.act")}
                    <kbd>"X"</kbd>
                    {words.say("reports.dismiss")}
                </p>
            </Show>
            <Show when=move || !held.with(Vec::is_empty)>
                <p class="held-keys" aria-hidden="true">
                    <kbd>"A"</kbd>
                    {words.say("held.approve")}
                    <kbd>"X"</kbd>
                    {words.say("held.deny")}
                    <kbd>"B"</kbd>
                    {words.say("held.ban")}
                </p>
            </Show>
            {children.map(|children| children())}
        </section>
    }
}

/// A raid, as one card whatever it was made of.
#[component]
fn Wave(wave: Raid) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let (messages, people) = (wave.messages, wave.people);
    let title = move || words.count("raid.one", "raid.many", messages);
    let why = move || words.fill("raid.why", &[("n", &people.to_string())]);
    view! {
        <article class="raid" data-act=wave.act.0.to_string()>
            <header>{Icon::Shield.view()} <strong>{title}</strong></header>
            <blockquote>{wave.sample.clone()}</blockquote>
            <p>{why}</p>
            <button
                type="button"
                class="secondary raid-undo"
                on:click=move |_| seat.act(Action::Undo { act: wave.act, and_later: true })
            >
                {words.say("raid.undo")}
            </button>
        </article>
    }
}

#[component]
fn Row(held: Arc<HeldMessage>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let HeldMessage { id, by, text, why, .. } = (*held).clone();
    let because = move || reason(words, &why);
    let decide = move |action: Action| seat.act(action);
    let (to_trust, to_ban) = (by.clone(), by.clone());
    view! {
        <li class="held-row" tabindex="0" data-held=id.0.to_string()>
            <p class="message-line">{name_view(words, &by)} <span class="message-text">{text}</span></p>
            <p class="held-why">{because}</p>
            <div class="held-buttons">
                <button type="button" class="held-approve" on:click=move |_| decide(Action::Approve { message: id })>
                    {Icon::Check.view()} {words.say("held.approve")}
                </button>
                <button type="button" class="held-deny" on:click=move |_| decide(Action::Deny { message: id })>
                    {Icon::Close.view()} {words.say("held.deny")}
                </button>
                <span class="gap"></span>
                <button
                    type="button"
                    class="quiet"
                    title=words.say("held.trust_title")
                    on:click=move |_| {
                        decide(Action::Approve { message: id });
                        seat.moderate(Action::Trust { user: to_trust.id.clone() }, &to_trust);
                    }
                >
                    {words.say("held.trust")}
                </button>
                <button
                    type="button"
                    class="quiet"
                    on:click=move |_| seat.moderate(Action::Ban { user: to_ban.id.clone(), range: false }, &to_ban)
                >
                    {words.say("held.ban")}
                </button>
            </div>
        </li>
    }
}

/// Why it waits, in words.
fn reason(words: Words, why: &Reason) -> String {
    match why {
        Reason::Copies { people, .. } => words.fill("why_held.copies", &[("n", &people.to_string())]),
        Reason::Link => words.get("why_held.link").to_owned(),
        Reason::Word { word } => words.fill("why_held.word", &[("word", word)]),
        Reason::Restricted => words.get("why_held.restricted").to_owned(),
        Reason::LikeRemoved { percent } => {
            words.fill("why_held.like_removed", &[("n", &percent.to_string())])
        }
    }
}

/// The keys decide about the row that has the focus, else about the oldest.
fn keyboard(seat: Seat, held: Memo<Vec<Arc<HeldMessage>>>, event: &KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let rows = held.get_untracked();
    let focused = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok())
        .and_then(|target| target.closest("[data-held]").ok().flatten())
        .and_then(|row| row.get_attribute("data-held")?.parse().ok())
        .and_then(|id: u64| rows.iter().position(|held| held.id.0 == id));
    let at = focused.unwrap_or(0);
    let Some(row) = rows.get(at) else { return };
    let next = rows.get(at + 1).or_else(|| at.checked_sub(1).and_then(|at| rows.get(at)));
    match event.key().as_str() {
        "a" | "A" => seat.act(Action::Approve { message: row.id }),
        "x" | "X" | "Delete" => seat.act(Action::Deny { message: row.id }),
        "b" | "B" => seat.moderate(Action::Ban { user: row.by.id.clone(), range: false }, &row.by),
        "ArrowDown" => return step(event, rows.get(at + usize::from(focused.is_some()))),
        "ArrowUp" => return step(event, at.checked_sub(1).and_then(|at| rows.get(at))),
        _ => return,
    }
    // The next one gets the focus before this one goes and takes it along.
    step(event, next);
}

fn step(event: &KeyboardEvent, to: Option<&Arc<HeldMessage>>) {
    event.prevent_default();
    if let Some(held) = to {
        focus(held.id);
    }
}

fn focus(id: MessageId) {
    let found = document().query_selector(&format!("[data-held=\"{}\"]", id.0)).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}
