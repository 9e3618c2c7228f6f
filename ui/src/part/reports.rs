//! What viewers report, for those who moderate: how many, why, and what acting upon it does. The keyboard decides.

use footlight_protocol::MessageId;
use footlight_protocol::report::{Case, Complaint, Step};
use footlight_protocol::room::Action;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::part::icon::Icon;
use crate::part::message::name_view;
use crate::part::report::ground_key;
use crate::seat::Seat;
use crate::words::{Words, use_words};

/// The text of a step, as what is done.
pub fn step_key(step: Step) -> &'static str {
    match step {
        Step::Notice => "step.notice",
        Step::Minute => "step.minute",
        Step::TenMinutes => "step.ten_minutes",
        Step::Hour => "step.hour",
        Step::Ban => "step.ban",
    }
}

#[component]
pub fn ReportList() -> impl IntoView {
    let seat = Seat::get();
    let cases = Memo::new(move |_| seat.room().with(|room| room.guard.reports.clone()));
    view! {
        <ul class="held-list" on:keydown=move |event| keyboard(seat, cases, &event)>
            // A case that grows is drawn anew.
            <For each=move || cases.get() key=|case| (case.message, case.people, case.next) let:case>
                <Row case />
            </For>
        </ul>
    }
}

#[component]
fn Row(case: Case) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let Case { message, by, text, people, complaints, words: own, next, .. } = case;
    let why = move || {
        let count = words.count("reports.one", "reports.many", people);
        format!("{count} {}", grounds(words, &complaints))
    };
    let to_act = by.clone();
    view! {
        <li class="held-row reported" tabindex="0" data-report=message.0.to_string()>
            <p class="message-line">{name_view(words, &by)} <span class="message-text">{text}</span></p>
            <p class="held-why">{Icon::Flag.view()} <span>{why}</span></p>
            {(!own.is_empty())
                .then(|| {
                    let quotes = own.into_iter().map(|own| view! { <li>{own}</li> }).collect_view();
                    view! { <ul class="report-own">{quotes}</ul> }
                })}
            <div class="held-buttons">
                <button
                    type="button"
                    class="held-deny report-act"
                    title=words.say("reports.act_title")
                    on:click=move |_| seat.moderate(Action::Uphold { message }, &to_act)
                >
                    {Icon::Trash.view()} {words.say(step_key(next))}
                </button>
                <button type="button" class="held-approve" on:click=move |_| seat.act(Action::Dismiss { message })>
                    {Icon::Close.view()} {words.say("reports.dismiss")}
                </button>
            </div>
        </li>
    }
}

/// What people say is wrong, most first, in words.
fn grounds(words: Words, complaints: &[Complaint]) -> String {
    let one = |complaint: &Complaint| {
        let ground = words.get(ground_key(complaint.ground));
        if complaint.people == 1 { ground.to_owned() } else { format!("{ground} ×{}", complaint.people) }
    };
    complaints.iter().map(one).collect::<Vec<_>>().join(" · ")
}

/// The keys decide about the row that has the focus.
fn keyboard(seat: Seat, cases: Memo<Vec<Case>>, event: &KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let rows = cases.get_untracked();
    let focused = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok())
        .and_then(|target| target.closest("[data-report]").ok().flatten())
        .and_then(|row| row.get_attribute("data-report")?.parse().ok())
        .and_then(|id: u64| rows.iter().position(|case| case.message.0 == id));
    let Some(at) = focused else { return };
    let case = &rows[at];
    let next = rows.get(at + 1).or_else(|| at.checked_sub(1).and_then(|at| rows.get(at)));
    let to = match event.key().as_str() {
        "a" | "A" => {
            seat.moderate(Action::Uphold { message: case.message }, &case.by);
            next
        }
        "x" | "X" | "Delete" => {
            seat.act(Action::Dismiss { message: case.message });
            next
        }
        "ArrowDown" => rows.get(at + 1),
        "ArrowUp" => at.checked_sub(1).and_then(|at| rows.get(at)),
        _ => return,
    };
    event.prevent_default();
    event.stop_propagation();
    // The next one gets the focus before this one goes and takes it along.
    if let Some(case) = to {
        focus(case.message);
    }
}

fn focus(id: MessageId) {
    let found = document().query_selector(&format!("[data-report=\"{}\"]", id.0)).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}
