//! What moderators see of a person on their card, and what they do about them.

use footlight_protocol::person::{FormerName, MAX_NOTE, PastAct, PersonNote, Record};
use footlight_protocol::room::{Action, EventKind, Member, Role, UnixMillis};
use leptos::prelude::*;

use crate::browser;
use crate::part::icon::Icon;
use crate::part::message::shown_name;
use crate::part::moderate::{GRANTS, ROLES, TIMEOUTS};
use crate::part::person_data::PersonData;
use crate::seat::Seat;
use crate::store::i18n;
use crate::words::{Words, use_words};

#[component]
pub fn PersonRecord() -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let cards = seat.cards();
    let user = Memo::new(move |_| cards.with(|cards| cards.open.as_ref().map(|open| open.card.user.clone())));
    let record = Memo::new(move |_| {
        cards.with(|cards| cards.open.as_ref().and_then(|open| open.card.record.clone())).unwrap_or_default()
    });
    // What can be done to nobody of one's own rank is not offered; the room would refuse it.
    let below = Memo::new(move |_| {
        let me = seat.room().with(|room| room.role());
        user.with(|user| user.as_ref().is_some_and(|user| !seat.is_me(&user.id) && user.role < me))
    });
    let owns = seat.owns();
    let others =
        Memo::new(move |_| user.with(|user| user.as_ref().is_some_and(|user| !seat.is_me(&user.id))));
    view! {
        {move || marks(words, seat, &record.get())}
        {move || facts(words, &record.get())}
        {move || also(words, record.get().names)}
        <Show when=move || below.get()>
            {move || user.get().map(|user| view! { <Deeds user record /> })}
        </Show>
        {move || acts(words, record.get().acts)}
        <Show when=move || others.get()>
            {move || user.get().map(|user| view! { <Notes user record /> })}
            {move || user.get().filter(|_| owns.get()).map(|user| view! { <PersonData user /> })}
        </Show>
    }
}

/// How they stand in the room.
fn marks(words: Words, seat: Seat, record: &Record) -> impl IntoView + use<> {
    let muted = record.muted_until.map(|until| {
        move || {
            let left = (until as f64 - seat.relay_now(seat.now().get())).max(0.0) / 1_000.0;
            words.fill("person.muted", &[("time", &i18n::clock(left.ceil() as u64))])
        }
    });
    let mark = |is: bool, class: &'static str, key: &'static str| {
        is.then(|| view! { <span class=format!("mark-chip {class}")>{words.say(key)}</span> })
    };
    let any = record.banned || record.restricted || record.trusted || muted.is_some();
    any.then(|| {
        view! {
            <p class="person-marks">
                {mark(record.banned, "bad", "person.banned")}
                {muted.map(|muted| view! { <span class="mark-chip bad">{muted}</span> })}
                {mark(record.restricted, "fair", "person.restricted")}
                {mark(record.trusted, "good", "person.trusted")}
            </p>
        }
    })
}

fn facts(words: Words, record: &Record) -> impl IntoView + use<> {
    let first = record.first_seen.map(|at| move || day(words, at));
    let gifts = record.gifts;
    let coins = record.coins.filter(|coins| *coins > 0);
    view! {
        <dl class="person-facts">
            <div>
                <dt>{words.say("person.first_seen")}</dt>
                <dd>{first.map_or_else(|| "–".into_any(), |first| first.into_any())}</dd>
            </div>
            <div>
                <dt>{words.say("person.watched")}</dt>
                <dd>{i18n::clock(record.watched_s)}</dd>
            </div>
            <div>
                <dt>{words.say("person.messages")}</dt>
                <dd>{record.messages}</dd>
            </div>
            <div>
                <dt>{words.say("person.gifts")}</dt>
                <dd>{gifts} {coins.map(|coins| view! { <span class="coins">{Icon::Coin.view()} {coins}</span> })}</dd>
            </div>
        </dl>
    }
}

fn also(words: Words, names: Vec<FormerName>) -> impl IntoView {
    (!names.is_empty()).then(|| {
        let names = names.into_iter().map(|former| {
            view! { <li title=move || day(words, former.until)>{former.name}</li> }
        });
        view! {
            <section class="person-names">
                <h3>{words.say("person.names")}</h3>
                <ul>{names.collect_view()}</ul>
            </section>
        }
    })
}

/// What is done to them: the same as from a message of theirs.
#[component]
fn Deeds(user: Member, record: Memo<Record>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let owns = seat.owns();
    let (has, pictured) = (user.role, user.avatar.is_some());
    let id = user.id.clone();
    let user = StoredValue::new(user);
    let act = move |action: Action| user.with_value(|user| seat.moderate(action, user));
    let choice = move |key: &'static str, name: &'static str, action: Action| {
        view! {
            <button type="button" class="deed" data-deed=name on:click=move |_| act(action.clone())>
                {words.say(key)}
            </button>
        }
    };
    let timeouts = {
        let user = id.clone();
        TIMEOUTS.map(|(seconds, key)| choice(key, key, Action::Timeout { user: user.clone(), seconds }))
    };
    let standing = {
        let user = id.clone();
        move || {
            let Record { banned, muted_until, restricted, trusted, avatar_hidden, .. } = record.get();
            let user = user.clone();
            let down = banned || muted_until.is_some();
            let pardon =
                down.then(|| choice("person.pardon", "pardon", Action::Pardon { user: user.clone() }));
            let ban = (!banned)
                .then(|| choice("person.ban", "ban", Action::Ban { user: user.clone(), range: false }));
            // A mark would take the place of a role that the owner gave.
            let marked = restricted || trusted;
            let marks = (has == Role::Guest).then(|| {
                if marked {
                    choice("person.unmark", "unmark", Action::Unmark { user: user.clone() }).into_any()
                } else {
                    (
                        choice("held.trust", "trust", Action::Trust { user: user.clone() }),
                        choice("moderate.restrict", "restrict", Action::Restrict { user: user.clone() }),
                    )
                        .into_any()
                }
            });
            let (key, name, hidden) = if avatar_hidden {
                ("person.picture_back", "picture-back", false)
            } else {
                ("person.picture_away", "picture-away", true)
            };
            let picture = (avatar_hidden || pictured)
                .then(|| choice(key, name, Action::HideAvatar { user: user.clone(), hidden }));
            (pardon, ban, marks, picture)
        }
    };
    let roles = {
        let user = id.clone();
        move || {
            let wanted = ROLES.into_iter().filter(|(role, _)| *role != has);
            wanted
                .map(|(role, key)| choice(key, key, Action::Appoint { user: user.clone(), role }))
                .collect_view()
        }
    };
    let grants = move || {
        GRANTS
            .map(|coins| {
                let user = id.clone();
                view! {
                    <button
                        type="button"
                        class="deed"
                        data-coins=coins.to_string()
                        on:click=move |_| seat.grant(user.clone(), coins)
                    >
                        {format!("+{coins}")}
                    </button>
                }
            })
            .collect_view()
    };
    let of_owner = move || {
        owns.get().then(|| {
            view! {
                <div class="deeds">
                    <span class="deeds-title">{words.say("appoint.title")}</span>
                    {roles.clone()}
                </div>
                <div class="deeds">
                    <span class="deeds-title">{words.say("grant.title")}</span>
                    {grants.clone()}
                </div>
            }
        })
    };
    view! {
        <section class="person-deeds" aria-label=words.say("moderate.title")>
            <div class="deeds">{standing}</div>
            <div class="deeds">
                <span class="deeds-title">{words.say("person.timeout")}</span>
                {timeouts.collect_view()}
            </div>
            {of_owner}
        </section>
    }
}

/// What was done to them, newest first.
fn acts(words: Words, acts: Vec<PastAct>) -> impl IntoView {
    (!acts.is_empty()).then(|| {
        let rows = acts.into_iter().map(|PastAct { event, by }| {
            let at = event.at;
            view! {
                <li>
                    <span>{move || deed(words, &event.kind, at)}</span>
                    <small>{move || whose(words, at, by.as_deref())}</small>
                </li>
            }
        });
        view! {
            <section class="person-acts">
                <h3>{words.say("person.acts")}</h3>
                <ul>{rows.collect_view()}</ul>
            </section>
        }
    })
}

fn deed(words: Words, kind: &EventKind, at: UnixMillis) -> String {
    let key = match kind {
        EventKind::TimedOut { until, .. } => {
            let seconds = until.saturating_sub(at).div_ceil(1_000);
            let usual = TIMEOUTS.iter().find(|(length, _)| u64::from(*length) == seconds);
            let time = usual.map_or_else(|| i18n::clock(seconds), |(_, key)| words.get(key).to_owned());
            return words.fill("person.act_timed_out", &[("time", &time)]);
        }
        EventKind::Banned { .. } => "person.act_banned",
        EventKind::Pardoned { .. } => "person.act_pardoned",
        EventKind::Trusted { .. } => "person.act_trusted",
        EventKind::Restricted { .. } => "person.act_restricted",
        EventKind::Unmarked { .. } => "person.act_unmarked",
        EventKind::Avatar { hidden: true, .. } => "person.act_picture_away",
        EventKind::Avatar { hidden: false, .. } => "person.act_picture_back",
        EventKind::Appointed { user } => match user.role {
            Role::Moderator | Role::Owner => "person.act_moderator",
            Role::Vip => "person.act_vip",
            Role::Guest => "person.act_guest",
        },
        _ => return String::new(),
    };
    words.get(key).to_owned()
}

/// What moderators wrote down, and a field for more.
#[component]
fn Notes(user: Member, record: Memo<Record>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let draft = RwSignal::new(String::new());
    let cards = seat.cards();
    let noted = Memo::new(move |_| cards.with(|cards| cards.noted));
    // The text is let go of once it is kept.
    Effect::new(move |before: Option<u32>| {
        let noted = noted.get();
        if before.is_some_and(|before| before != noted) {
            draft.set(String::new());
        }
        noted
    });
    let owns = seat.owns();
    let id = user.id.clone();
    let rows = {
        let id = id.clone();
        move || {
            let rows = record.with(|record| record.notes.clone());
            rows.into_iter()
                .map(|note| {
                    let PersonNote { id: number, at, by, text } = note;
                    let (about, mine) = (id.clone(), seat.is_me(&by.id));
                    let name = shown_name(&by);
                    let drop = move || {
                        let about = about.clone();
                        (mine || owns.get()).then(|| {
                            view! {
                                <button
                                    type="button"
                                    class="tool note-drop"
                                    title=words.say("person.note_drop")
                                    aria-label=words.say("person.note_drop")
                                    on:click=move |_| seat.drop_note(about.clone(), number)
                                >
                                    {Icon::Trash.view()}
                                </button>
                            }
                        })
                    };
                    view! {
                        <li class="note" data-note=number.to_string()>
                            <p class="note-text">{text}</p>
                            <small>{move || whose(words, at, Some(&name))}</small>
                            {drop}
                        </li>
                    }
                })
                .collect_view()
        }
    };
    let add = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = draft.with_untracked(|draft| draft.trim().to_owned());
        if !text.is_empty() {
            seat.add_note(id.clone(), &text);
        }
    };
    view! {
        <section class="person-notes">
            <h3>{words.say("person.notes")}</h3>
            <p class="notes-text">{words.say("person.notes_text")}</p>
            <ul>{rows}</ul>
            <form class="note-form" on:submit=add>
                <textarea
                    id="note-input"
                    rows="2"
                    maxlength=MAX_NOTE.to_string()
                    placeholder=words.say("person.note_placeholder")
                    aria-label=words.say("person.note_placeholder")
                    prop:value=move || draft.get()
                    on:input=move |event| draft.set(event_target_value(&event))
                ></textarea>
                <button
                    id="note-add"
                    type="submit"
                    class="secondary"
                    disabled=move || draft.with(|draft| draft.trim().is_empty())
                >
                    {words.say("person.note_add")}
                </button>
            </form>
        </section>
    }
}

/// A day in the page's language.
fn day(words: Words, at: UnixMillis) -> String {
    browser::moment(at as f64, words.language().tag(), &[("dateStyle", "medium")])
}

/// When it was, and whose doing.
fn whose(words: Words, at: UnixMillis, by: Option<&str>) -> String {
    let parts = [("dateStyle", "medium"), ("timeStyle", "short")];
    let at = browser::moment(at as f64, words.language().tag(), &parts);
    match by.filter(|by| !by.is_empty()) {
        Some(by) => words.fill("person.when_by", &[("time", &at), ("name", by)]),
        None => at,
    }
}
