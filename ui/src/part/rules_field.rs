//! What the room takes of guests, for its creator to set: saved together.

use footlight_protocol::moderation::{Links, MAX_WORD, MAX_WORDS, Rules};
use footlight_protocol::room::Action;
use leptos::prelude::*;

use crate::seat::Seat;
use crate::words::{Words, use_words};

/// Seconds between two messages of one person.
const SLOW: [u32; 6] = [0, 3, 10, 30, 60, 300];
/// Seconds that newcomers wait.
const AGE: [u32; 6] = [0, 60, 600, 3_600, 86_400, 604_800];
/// Seconds that followers wait; none: everybody may write.
const FOLLOWED: [Option<u32>; 7] =
    [None, Some(0), Some(600), Some(3_600), Some(86_400), Some(604_800), Some(2_592_000)];
const LINKS: [(Links, &str); 3] = [
    (Links::Allow, "rules.links_allow"),
    (Links::Hold, "rules.links_hold"),
    (Links::Refuse, "rules.links_refuse"),
];

#[component]
pub fn RulesField() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let kept = Memo::new(move |_| seat.room().with(|room| room.guard.rules.clone()));
    let draft = RwSignal::new(None::<Rules>);
    let shown = Memo::new(move |_| draft.get().unwrap_or_else(|| kept.get()));
    let changed =
        Memo::new(move |_| draft.with(|draft| draft.as_ref().is_some_and(|draft| *draft != kept.get())));
    // What holds now is what was chosen: nothing is left to save.
    Effect::new(move |_| {
        if !changed.get() && draft.with_untracked(Option::is_some) {
            draft.set(None);
        }
    });
    let edit = move |change: &dyn Fn(&mut Rules)| {
        let mut rules = shown.get_untracked();
        change(&mut rules);
        draft.set(Some(rules));
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if changed.get_untracked() {
            seat.act(Action::SetRules { rules: shown.get_untracked() });
        }
    };
    let long = move || {
        shown.with(|rules| {
            rules.words.len() > MAX_WORDS || rules.words.iter().any(|word| word.chars().count() > MAX_WORD)
        })
    };
    let number = move |event: &web_sys::Event| event_target_value(event).parse().unwrap_or(0);
    view! {
        <form class="rules-field" on:submit=save>
            <h3>{words.say("rules.title")}</h3>
            <p>{words.say("rules.text")}</p>
            <div class="rules-grid">
                <label>
                    <span>{words.say("rules.slow")}</span>
                    <select id="rules-slow" on:change=move |event| { let s = number(&event); edit(&|rules| rules.slow_s = s); }>
                        {SLOW
                            .map(|s| choice(words, s, "rules.off", move || shown.with(|rules| rules.slow_s == s)))
                            .collect_view()}
                    </select>
                </label>
                <label>
                    <span>{words.say("rules.age")}</span>
                    <select id="rules-age" on:change=move |event| { let s = number(&event); edit(&|rules| rules.min_age_s = s); }>
                        {AGE
                            .map(|s| choice(words, s, "rules.no_wait", move || shown.with(|rules| rules.min_age_s == s)))
                            .collect_view()}
                    </select>
                </label>
                <label>
                    <span>{words.say("rules.links")}</span>
                    <select
                        id="rules-links"
                        on:change=move |event| {
                            let at = event_target_value(&event).parse::<usize>().unwrap_or(0);
                            if let Some((links, _)) = LINKS.get(at) {
                                edit(&|rules| rules.links = *links);
                            }
                        }
                    >
                        {LINKS
                            .iter()
                            .enumerate()
                            .map(|(at, (links, key))| {
                                let chosen = move || shown.with(|rules| rules.links == *links);
                                view! { <option value=at.to_string() prop:selected=chosen>{words.say(key)}</option> }
                            })
                            .collect_view()}
                    </select>
                </label>
                <label>
                    <span>{words.say("rules.followers")}</span>
                    <select
                        id="rules-followers"
                        on:change=move |event| {
                            let at = event_target_value(&event).parse::<usize>().unwrap_or(0);
                            if let Some(seconds) = FOLLOWED.get(at) {
                                edit(&|rules| rules.followers_only_s = *seconds);
                            }
                        }
                    >
                        {FOLLOWED
                            .iter()
                            .enumerate()
                            .map(|(at, seconds)| {
                                let chosen = move || shown.with(|rules| rules.followers_only_s == *seconds);
                                let says = move || match seconds {
                                    None => words.get("rules.followers_off").to_owned(),
                                    Some(0) => words.get("rules.followers_any").to_owned(),
                                    Some(seconds) => words.fill("rules.followers_for", &[("time", &length(words, *seconds))]),
                                };
                                view! { <option value=at.to_string() prop:selected=chosen>{says}</option> }
                            })
                            .collect_view()}
                    </select>
                </label>
            </div>
            <label class="rules-check">
                <input
                    type="checkbox"
                    prop:checked=move || shown.with(|rules| rules.emote_only)
                    on:change=move |event| { let on = event_target_checked(&event); edit(&|rules| rules.emote_only = on); }
                />
                <span>{words.say("rules.emote_only")}</span>
            </label>
            <label class="rules-check">
                <input
                    id="rules-members"
                    type="checkbox"
                    prop:checked=move || shown.with(|rules| rules.members_only)
                    on:change=move |event| { let on = event_target_checked(&event); edit(&|rules| rules.members_only = on); }
                />
                <span>{words.say("rules.members_only")}</span>
            </label>
            <label class="rules-check">
                <input
                    type="checkbox"
                    prop:checked=move || shown.with(|rules| rules.unique)
                    on:change=move |event| { let on = event_target_checked(&event); edit(&|rules| rules.unique = on); }
                />
                <span>{words.say("rules.unique")}</span>
            </label>
            <label class="rules-words">
                <span>{words.say("rules.words")}</span>
                <textarea
                    id="rules-words"
                    rows="3"
                    spellcheck="false"
                    placeholder=words.say("rules.words_hint")
                    prop:value=move || shown.with(|rules| rules.words.join("\n"))
                    on:change=move |event| {
                        let words: Vec<String> = event_target_value(&event)
                            .lines()
                            .map(|line| line.trim().to_owned())
                            .filter(|line| !line.is_empty())
                            .collect();
                        edit(&|rules| rules.words.clone_from(&words));
                    }
                ></textarea>
            </label>
            <Show when=long>
                <p class="field-wrong" role="alert">
                    {move || {
                        let (n, m) = (MAX_WORDS.to_string(), MAX_WORD.to_string());
                        words.fill("rules.words_long", &[("n", &n), ("m", &m)])
                    }}
                </p>
            </Show>
            <button id="rules-save" type="submit" class="secondary" disabled=move || !changed.get() || long()>
                {words.say("rules.save")}
            </button>
        </form>
    }
}

fn choice(
    words: Words,
    seconds: u32,
    none: &'static str,
    chosen: impl Fn() -> bool + Send + 'static,
) -> impl IntoView {
    let says = move || if seconds == 0 { words.get(none).to_owned() } else { length(words, seconds) };
    view! { <option value=seconds.to_string() prop:selected=chosen>{says}</option> }
}

/// In the largest unit that it fills.
fn length(words: Words, seconds: u32) -> String {
    match seconds {
        0..60 => words.fill("time.seconds", &[("n", &seconds.to_string())]),
        60..3_600 => words.fill("time.minutes", &[("n", &(seconds / 60).to_string())]),
        3_600..86_400 => words.fill("time.hours", &[("n", &(seconds / 3_600).to_string())]),
        _ => words.fill("time.days", &[("n", &(seconds / 86_400).to_string())]),
    }
}
