//! Reporting a message: the button on it, the question what is wrong, and what came of it.

use footlight_protocol::MessageId;
use footlight_protocol::report::{Ground, MAX_REPORT};
use footlight_protocol::room::{Member, Role};
use leptos::html::Dialog;
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::part::message::shown_name;
use crate::seat::Seat;
use crate::store::room::Reporting;
use crate::words::use_words;

/// The message that is being reported, with its author and text.
#[derive(Clone, Copy)]
pub struct Accused(RwSignal<Option<(MessageId, Member, String)>>);

impl Accused {
    pub fn provide() {
        provide_context(Self(RwSignal::new(None)));
    }
}

/// The text of a ground.
pub fn ground_key(ground: Ground) -> &'static str {
    match ground {
        Ground::Spam => "report.spam",
        Ground::Insult => "report.insult",
        Ground::Hate => "report.hate",
        Ground::Sexual => "report.sexual",
        Ground::Danger => "report.danger",
        Ground::Illegal => "report.illegal",
        Ground::Other => "report.other",
    }
}

/// Not there for those who moderate, nor on one's own message or the owner's.
#[component]
pub fn ReportButton(message: MessageId, said: (Member, String), mine: bool) -> impl IntoView {
    let (seat, words, accused) = (Seat::get(), use_words(), expect_context::<Accused>());
    let can = !mine && said.0.role != Role::Owner;
    let said = StoredValue::new(said);
    view! {
        <Show when=move || can && !seat.moderates().get()>
            <button
                type="button"
                class="tool report"
                tabindex="-1"
                title=words.say("report.begin")
                aria-label=words.say("report.begin")
                on:click=move |_| {
                    seat.report_seen();
                    let (by, text) = said.get_value();
                    accused.0.set(Some((message, by, text)));
                }
            >
                {Icon::Flag.view()}
            </button>
        </Show>
    }
}

#[component]
pub fn ReportDialog() -> impl IntoView {
    let (seat, words, accused) = (Seat::get(), use_words(), expect_context::<Accused>());
    let reporting = Memo::new(move |_| seat.room().with(|room| room.reporting.clone()));
    let dialog = NodeRef::<Dialog>::new();
    let ground = RwSignal::new(None::<Ground>);
    let own_words = RwSignal::new(String::new());
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        let open = accused.0.with(Option::is_some);
        if open && !dialog.open() {
            ground.set(None);
            own_words.set(String::new());
            let _ = dialog.show_modal();
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    let close = move || {
        accused.0.set(None);
        seat.report_seen();
    };
    let sent = Memo::new(move |_| matches!(reporting.get(), Reporting::Sent(_)));
    let done = Memo::new(move |_| reporting.get() == Reporting::Done);
    let why_not = move || match reporting.get() {
        Reporting::Refused(failure) => Some(words.failure(&failure)),
        _ => None,
    };
    let send = move || {
        let message = accused.0.with_untracked(|accused| accused.as_ref().map(|(message, ..)| *message));
        if let (Some(message), Some(ground)) = (message, ground.get_untracked()) {
            own_words.with_untracked(|own| seat.report(message, ground, own.trim()));
        }
    };
    let grounds = Ground::ALL.map(|one| {
        view! {
            <label class="ground">
                <input
                    type="radio"
                    name="ground"
                    value=ground_key(one)
                    prop:checked=move || ground.get() == Some(one)
                    on:change=move |_| ground.set(Some(one))
                />
                <span>{words.say(ground_key(one))}</span>
            </label>
        }
    });
    view! {
        <dialog id="report" class="dialog report-dialog" node_ref=dialog aria-labelledby="report-title" on:close=move |_| close()>
            <h2 id="report-title">{move || words.get(if done.get() { "report.thanks" } else { "report.title" })}</h2>
            {move || {
                accused
                    .0
                    .get()
                    .filter(|_| !done.get())
                    .map(|(_, by, text)| {
                        view! {
                            <blockquote class="accused">
                                <strong>{shown_name(&by)}</strong>
                                " "
                                {text}
                            </blockquote>
                        }
                    })
            }}
            <div class:gone=done>
                <div class="grounds" role="radiogroup" aria-labelledby="report-title">
                    {grounds}
                </div>
                <label class="report-words">
                    <span>{words.say("report.words")}</span>
                    <textarea
                        id="report-words"
                        rows="2"
                        maxlength=MAX_REPORT.to_string()
                        prop:value=move || own_words.get()
                        on:input=move |event| own_words.set(event_target_value(&event))
                    ></textarea>
                </label>
            </div>
            <p>{move || words.get(if done.get() { "report.thanks_text" } else { "report.text" })}</p>
            {move || {
                why_not().map(|why| view! { <p class="report-failed" role="alert">{Icon::Warning.view()} <span>{why}</span></p> })
            }}
            <div class="dialog-buttons">
                <button id="report-close" type="button" class="secondary" on:click=move |_| close()>
                    {move || words.get(if done.get() { "common.close" } else { "report.cancel" })}
                </button>
                <Show when=move || !done.get()>
                    <button
                        id="report-send"
                        type="button"
                        class="primary"
                        disabled=move || ground.get().is_none() || sent.get()
                        on:click=move |_| send()
                    >
                        {words.say("report.send")}
                    </button>
                </Show>
            </div>
        </dialog>
    }
}
