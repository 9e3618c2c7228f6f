//! Answering a message: the button on it, what the composer shows of it, and the line above the answer that leads back.

use std::time::Duration;

use footlight_protocol::MessageId;
use footlight_protocol::room::Member;
use footlight_protocol::talk::Quote;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, MouseEvent};

use crate::browser;
use crate::part::icon::Icon;
use crate::part::message::{nick, shown_name};
use crate::words::{Words, use_words};

/// How long the message that was gone to stands out.
const POINTED: Duration = Duration::from_millis(1_400);

/// What the next message answers.
#[derive(Clone, Copy)]
pub struct Answering(RwSignal<Option<Quote>>);

impl Answering {
    pub fn provide() {
        provide_context(Self(RwSignal::new(None)));
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// The next message answers this one.
    pub fn begin(self, message: MessageId, by: Member, text: &str) {
        self.set(Some(Quote::of(message, by, text)));
        browser::focus("chat-input");
    }

    pub fn set(self, quote: Option<Quote>) {
        self.0.set(quote);
    }

    pub fn take(self) -> Option<Quote> {
        self.0.try_update(Option::take).flatten()
    }

    pub fn quote(self) -> ReadSignal<Option<Quote>> {
        self.0.read_only()
    }
}

#[component]
pub fn AnswerButton(message: MessageId, said: (Member, String)) -> impl IntoView {
    let (answering, words) = (Answering::get(), use_words());
    view! {
        <button
            type="button"
            class="tool answer"
            tabindex="-1"
            title=words.say("answer.begin")
            aria-label=words.say("answer.begin")
            on:click=move |_| answering.begin(message, said.0.clone(), &said.1)
        >
            {Icon::Reply.view()}
        </button>
    }
}

/// Above the composer: what is answered, and the way out.
#[component]
pub fn AnswerBar() -> impl IntoView {
    let (answering, words) = (Answering::get(), use_words());
    move || {
        answering.quote().get().and_then(|quote| quote.of).map(|of| {
            view! {
                <div id="answering" class="answering">
                    {Icon::Reply.view()}
                    <p class="quote-line">
                        <span class=nick(&of.by.id)>{shown_name(&of.by)}</span>
                        " "
                        <span class="quote-text">{of.text}</span>
                    </p>
                    <button
                        type="button"
                        class="tool"
                        title=words.say("answer.cancel")
                        aria-label=words.say("answer.cancel")
                        on:click=move |_| {
                            answering.set(None);
                            browser::focus("chat-input");
                        }
                    >
                        {Icon::Close.view()}
                    </button>
                </div>
            }
        })
    }
}

/// The quiet line above an answer.
pub fn quote_view(words: Words, quote: &Quote) -> AnyView {
    let Quote { message, of } = quote.clone();
    let Some(of) = of else {
        return view! {
            <p class="quote gone">{Icon::Reply.view()} <span class="quote-line">{words.say("answer.gone")}</span></p>
        }
        .into_any();
    };
    view! {
        <button
            type="button"
            class="quote"
            tabindex="-1"
            data-answers=message.0.to_string()
            title=words.say("answer.go")
            on:click=move |event| go(&event, message)
        >
            {Icon::Reply.view()}
            <span class="quote-line">
                <span class=nick(&of.by.id)>{shown_name(&of.by)}</span>
                " "
                <span class="quote-text">{of.text}</span>
            </span>
        </button>
    }
    .into_any()
}

/// To the message in the same log, as far as that goes back.
fn go(event: &MouseEvent, message: MessageId) {
    let log = event.current_target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let log = log.and_then(|line| line.closest(".log").ok().flatten());
    let found =
        log.and_then(|log| log.query_selector(&format!("[data-message-id=\"{}\"]", message.0)).ok()?);
    let Some(line) = found.and_then(|line| line.dyn_into::<HtmlElement>().ok()) else { return };
    line.scroll_into_view();
    let _ = line.focus();
    let _ = line.class_list().add_1("pointed");
    set_timeout(move || drop(line.class_list().remove_1("pointed")), POINTED);
}
