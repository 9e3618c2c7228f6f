//! Where messages are typed. Asks for a nickname at the first one, says why one was refused and when to try
//! again, and never loses the text.

use footlight_protocol::Code;
use footlight_protocol::danmaku::{Colour, Fly, Place};
use footlight_protocol::room::{MAX_NAME, MAX_TEXT, Role};
use leptos::html::Textarea;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use crate::browser;
use crate::part::answer::{AnswerBar, Answering};
use crate::part::emote_picker::EmotePicker;
use crate::part::fly_choice::FlyChoice;
use crate::part::gift_tray::GiftTray;
use crate::part::icon::Icon;
use crate::part::mentions::{MentionList, Mentions};
use crate::part::noticed::NoticeLine;
use crate::seat::Seat;
use crate::store::i18n;
use crate::viewing::Viewing;
use crate::words::use_words;

/// The counter shows from this many characters before the limit.
const COUNT_FROM: usize = 60;

#[component]
pub fn Composer() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let room = seat.room();
    let draft = RwSignal::new(String::new());
    let field = NodeRef::<Textarea>::new();
    let (mentions, answering) = (Mentions::new(draft, field), Answering::get());
    let asking = RwSignal::new(false);
    let (place, colour) = (RwSignal::new(Place::default()), RwSignal::new(Colour::default()));
    // Where the creator sits there is no picture that comes late.
    let viewing = use_context::<Viewing>();
    let named = Memo::new(move |_| room.with(|room| !room.name().is_empty()));
    let refusal = Memo::new(move |_| room.with(|room| room.refusal.clone()));
    let muted_s = Memo::new(move |_| {
        let until = room.with(|room| room.muted_until)?;
        // Only while muted does the composer follow the clock.
        let left = until as f64 - seat.relay_now(seat.now().get());
        (left > 0.0).then(|| (left / 1_000.0).ceil() as u64)
    });
    let slow_s = Memo::new(move |_| {
        let until = refusal.with(|refusal| refusal.as_ref().and_then(|refusal| refusal.retry_at))?;
        let left = until - seat.now().get();
        (left > 0.0).then(|| (left / 1_000.0).ceil() as u64)
    });
    let length = Memo::new(move |_| draft.with(|draft| draft.trim().chars().count()));
    // One memo over all of it: an effect that reads a memo and, past it, what that memo read, misses changes.
    let ready = Memo::new(move |_| {
        let length = length.get();
        let allowed = muted_s.get().is_none() && slow_s.get().is_none() && seat.closed().get().is_none();
        allowed && (1..=MAX_TEXT).contains(&length)
    });

    let submit = move || {
        let text = draft.with_untracked(|draft| draft.trim().replace(['\r', '\n'], " "));
        if !ready.get_untracked() {
            return;
        }
        if !named.get_untracked() {
            asking.set(true);
            request_animation_frame(|| browser::focus("name-input"));
            return;
        }
        let at_us = viewing.and_then(Viewing::media_ms).map(|ms| (ms * 1_000.0) as u64);
        let fly = Fly { place: place.get_untracked(), colour: colour.get_untracked(), at_us };
        if seat.say(&text, fly, answering.quote().get_untracked()) {
            draft.set(String::new());
            answering.set(None);
            mentions.close();
            seat.refusal_seen();
        }
    };

    // The refused text comes back before what was typed since.
    Effect::new(move |seen: Option<u64>| {
        let Some(refusal) = refusal.get() else {
            return seen.unwrap_or(0);
        };
        if Some(refusal.number) != seen
            && let Some(text) = &refusal.text
        {
            draft.update(|draft| {
                *draft = if draft.is_empty() { text.clone() } else { format!("{text} {draft}") }
            });
            if let Some(reply) = refusal.reply.filter(|_| answering.quote().with_untracked(Option::is_none)) {
                answering.set(Some(*reply));
            }
            if refusal.failure.code == Code::NameNeeded {
                asking.set(true);
            }
        }
        refusal.number
    });
    // A name came while it was asked for: the message that asked goes out.
    Effect::new(move |was: Option<bool>| {
        let named = named.get();
        if named && was == Some(false) && asking.get_untracked() {
            asking.set(false);
            submit();
            request_animation_frame(|| browser::focus("chat-input"));
        }
        named
    });

    let reason = move || {
        if let Some(left) = muted_s.get() {
            return Some(words.fill("chat.muted", &[("time", &i18n::clock(left))]));
        }
        let refusal = refusal.get()?;
        let said = words.failure(&refusal.failure);
        match (slow_s.get(), refusal.retry_at) {
            (Some(left), _) if refusal.failure.code == Code::FollowersOnly => {
                let left = i18n::clock(left);
                Some(words.fill("chat.followers_soon", &[("time", &left)]))
            }
            (Some(left), _) => {
                Some(format!("{said} {}", words.fill("chat.again_in", &[("n", &left.to_string())])))
            }
            // Its time is over: there is nothing left to say.
            (None, Some(_)) => None,
            (None, None) if refusal.failure.code == Code::NameNeeded => None,
            (None, None) => Some(said),
        }
    };
    // What the room takes now, where it is not everything.
    let hint = move || {
        room.with(|room| {
            let rules = &room.guard.in_force;
            let guest = room.role() == Role::Guest;
            if !guest {
                None
            } else if rules.members_only && room.me.as_ref().is_none_or(|me| me.badges.months == 0) {
                Some(words.get("chat.members_only").to_owned())
            } else if rules.followers_only_s.is_some() && !room.following.is_on() {
                Some(words.get("chat.followers_only").to_owned())
            } else if rules.emote_only {
                Some(words.get("chat.emote_only").to_owned())
            } else if rules.slow_s > 0 {
                Some(words.fill("chat.slow", &[("n", &rules.slow_s.to_string())]))
            } else {
                None
            }
        })
    };
    let typed = move |event: web_sys::Event| {
        draft.set(event_target_value(&event));
        mentions.look();
    };
    let key = move |event: KeyboardEvent| {
        if mentions.key(&event) {
            return;
        }
        if event.key() == "Escape" && answering.take().is_some() {
            event.prevent_default();
        }
        // While an input method composes, Enter picks a candidate. Some browsers say so by the code 229 only.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() && event.key_code() != 229 {
            event.prevent_default();
            submit();
        }
    };
    view! {
        <div class="composer">
            <NoticeLine />
            <div class="composer-reason" role="status" aria-live="polite">
                {move || reason().map(|reason| view! { <p>{Icon::Warning.view()} <span>{reason}</span></p> })}
            </div>
            <Show when=move || asking.get()>
                <NameForm close=move || asking.set(false) />
            </Show>
            <MentionList mentions />
            <AnswerBar />
            <form
                class="composer-row"
                on:submit=move |event| {
                    event.prevent_default();
                    submit();
                }
            >
                <textarea
                    id="chat-input"
                    rows="1"
                    autocomplete="off"
                    enterkeyhint="send"
                    aria-label=words.say("chat.placeholder")
                    placeholder=words.say("chat.placeholder")
                    aria-controls=move || mentions.open().then_some("mentions")
                    aria-activedescendant=move || mentions.active()
                    node_ref=field
                    prop:value=move || draft.get()
                    on:input=typed
                    on:click=move |_| mentions.look()
                    on:blur=move |_| mentions.close()
                    on:keydown=key
                ></textarea>
                <GiftTray />
                <button
                    id="chat-send"
                    type="submit"
                    class="send"
                    aria-label=words.say("chat.send")
                    title=words.say("chat.send")
                    disabled=move || !ready.get()
                >
                    {Icon::Send.view()}
                </button>
            </form>
            {move || hint().map(|hint| view! { <p class="composer-hint">{Icon::Clock.view()} <span>{hint}</span></p> })}
            <div class="composer-foot">
                <EmotePicker draft field />
                <FlyChoice place colour />
                <Show when=move || named.get() && !asking.get()>
                    <button type="button" class="quiet name-change" on:click=move |_| {
                        asking.set(true);
                        request_animation_frame(|| browser::focus("name-input"));
                    }>
                        {move || words.fill("chat.as", &[("name", &room.with(|room| room.name().to_owned()))])}
                    </button>
                </Show>
                <span class="counter" class:over=move || { length.get() > MAX_TEXT }>
                    {move || {
                        (length.get() + COUNT_FROM >= MAX_TEXT).then(|| format!("{} / {MAX_TEXT}", length.get()))
                    }}
                </span>
            </div>
        </div>
    }
}

/// Asks for the nickname, between the text and its sending.
#[component]
fn NameForm(close: impl Fn() + Copy + Send + Sync + 'static) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let had = seat.room().with_untracked(|room| room.name().to_owned());
    let name = RwSignal::new(had.clone());
    let renaming = !had.is_empty();
    // Renaming ends when the new name arrives; the first name is noticed by the composer.
    Effect::new(move |_| {
        let now = seat.room().with(|room| room.name().to_owned());
        if renaming && now != had {
            close();
        }
    });
    let save = move || {
        let name = name.with_untracked(|name| name.trim().to_owned());
        if name.is_empty() {
            return;
        }
        if renaming && seat.room().with_untracked(|room| room.name() == name) {
            return close();
        }
        seat.name(&name);
    };
    view! {
        <form
            class="name-form"
            on:submit=move |event| {
                event.prevent_default();
                save();
            }
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    close();
                    browser::focus("chat-input");
                }
            }
        >
            <label for="name-input">{words.say("name.ask")}</label>
            <div class="name-row">
                <input
                    id="name-input"
                    type="text"
                    maxlength=MAX_NAME.to_string()
                    autocomplete="nickname"
                    placeholder=words.say("name.placeholder")
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
                <button id="name-save" type="submit" class="primary" disabled=move || name.with(|name| name.trim().is_empty())>
                    {words.say(if renaming { "name.save_only" } else { "name.save" })}
                </button>
            </div>
        </form>
    }
}
