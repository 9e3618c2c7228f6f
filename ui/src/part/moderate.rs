//! Moderation with the mouse and with the keyboard: the toolbar on a message, and whose turn it is.
//!
//! One message of the log is in the tab order at a time (a roving tabindex); the arrow keys move it, and
//! single keys act on it. Every act goes out at once and can be undone, so none asks first.

use footlight_protocol::MessageId;
use footlight_protocol::room::{Action, Member, Role};
use leptos::prelude::*;

use crate::part::answer::AnswerButton;
use crate::part::icon::Icon;
use crate::part::report::ReportButton;
use crate::seat::Seat;
use crate::words::use_words;

/// Lengths of a timeout in seconds, their texts, and the keys 1 to 4.
pub const TIMEOUTS: [(u32, &str); 4] =
    [(10, "timeout.10s"), (60, "timeout.1m"), (600, "timeout.10m"), (3_600, "timeout.1h")];

/// Coins that are given with one press.
pub const GRANTS: [u64; 4] = [10, 100, 1_000, 10_000];

/// A choice that opens beside a message's buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    Timeout,
    Coins,
    Role,
}

/// Roles that the owner gives, and their texts.
pub const ROLES: [(Role, &str); 3] =
    [(Role::Moderator, "appoint.moderator"), (Role::Vip, "appoint.vip"), (Role::Guest, "appoint.guest")];

/// Which message the keyboard is at, and which of its menus is open.
#[derive(Clone, Copy)]
pub struct Turn {
    wanted: RwSignal<Option<MessageId>>,
    at: Memo<Option<MessageId>>,
    open: RwSignal<Option<(MessageId, Menu)>>,
}

impl Turn {
    /// A turn over `ids`, oldest first, that stands at the newest until somebody moves it.
    pub fn provide(ids: Memo<Vec<MessageId>>) -> Self {
        let wanted = RwSignal::new(None);
        let at = Memo::new(move |_| {
            let wanted: Option<MessageId> = wanted.get();
            // A message that somebody else deleted cannot keep the turn.
            ids.with(|ids| {
                wanted.filter(|id| ids.binary_search_by_key(&id.0, |id| id.0).is_ok()).or(ids.last().copied())
            })
        });
        let turn = Self { wanted, at, open: RwSignal::new(None) };
        provide_context(turn);
        turn
    }

    pub fn is_at(self, message: MessageId) -> bool {
        self.at.get() == Some(message)
    }

    pub fn current(self) -> Option<MessageId> {
        self.at.get_untracked()
    }

    pub fn go(self, message: MessageId) {
        if self.wanted.get_untracked() != Some(message) {
            self.wanted.set(Some(message));
            self.open.set(None);
        }
    }

    /// Back to following the newest message.
    pub fn follow(self) {
        self.wanted.set(None);
        self.open.set(None);
    }

    pub fn open(self) -> ReadSignal<Option<(MessageId, Menu)>> {
        self.open.read_only()
    }

    pub fn toggle(self, message: MessageId, menu: Menu) {
        let wanted = Some((message, menu));
        self.open.update(|open| *open = if *open == wanted { None } else { wanted });
    }

    pub fn close(self) {
        self.open.set(None);
    }
}

/// The buttons on one message: to answer and to report it, and what moderators do.
#[component]
pub fn Toolbar(message: MessageId, said: (Member, String), mine: bool) -> impl IntoView {
    let (moderates, by) = (Seat::get().moderates(), StoredValue::new(said.0.clone()));
    let words = use_words();
    let open = RwSignal::new(false);
    view! {
        <div class="toolbar" class:open=open role="toolbar" aria-label=words.say("line.tools")>
            {move || {
                moderates.get().then(|| view! { <Acts message by=by.get_value() mine open /> })
            }}
            <ReportButton message said=said.clone() mine />
            <AnswerButton message said />
        </div>
    }
}

/// What moderators do to it and to its author. `open` is told whether one of the menus is.
#[component]
fn Acts(message: MessageId, by: Member, mine: bool, open: RwSignal<bool>) -> impl IntoView {
    let (seat, words, is_open) = (Seat::get(), use_words(), open);
    let turn: Turn = expect_context();
    let tabindex = move || if turn.is_at(message) { "0" } else { "-1" };
    let open = move || turn.open().get().filter(|(of, _)| *of == message).map(|(_, menu)| menu);
    Effect::new(move |_| is_open.set(open().is_some()));
    on_cleanup(move || {
        is_open.try_set(false);
    });
    let timing = move || open() == Some(Menu::Timeout);
    let granting = move || open() == Some(Menu::Coins);
    let appointing = move || open() == Some(Menu::Role);
    let owns = seat.owns();
    let by = StoredValue::new(by);
    let act = move |action: Action| {
        turn.close();
        by.with_value(|by| seat.moderate(action, by));
    };
    let over_person = !mine && by.with_value(|by| by.role != Role::Owner);
    let user = by.with_value(|by| by.id.clone());
    let person = over_person.then(|| {
        let banned = user.clone();
        view! {
            <Show when=move || owns.get()>
                <button
                    type="button"
                    class="tool grant"
                    tabindex=tabindex
                    title=words.say("grant.title")
                    aria-label=words.say("grant.title")
                    aria-expanded=move || granting().to_string()
                    on:click=move |_| turn.toggle(message, Menu::Coins)
                >
                    {Icon::Coin.view()}
                </button>
                <button
                    type="button"
                    class="tool appoint"
                    tabindex=tabindex
                    title=words.say("appoint.title")
                    aria-label=words.say("appoint.title")
                    aria-expanded=move || appointing().to_string()
                    on:click=move |_| turn.toggle(message, Menu::Role)
                >
                    {Icon::Person.view()}
                </button>
            </Show>
            <button
                type="button"
                class="tool timeout"
                tabindex=tabindex
                title=words.say("moderate.timeout")
                aria-label=words.say("moderate.timeout")
                aria-expanded=move || timing().to_string()
                on:click=move |_| turn.toggle(message, Menu::Timeout)
            >
                {Icon::Clock.view()}
            </button>
            <button
                type="button"
                class="tool ban"
                tabindex=tabindex
                title=words.say("moderate.ban")
                aria-label=words.say("moderate.ban")
                on:click=move |_| act(Action::Ban { user: banned.clone(), range: false })
            >
                {Icon::Ban.view()}
            </button>
        }
    });
    let grants = {
        let user = user.clone();
        move || {
            let user = user.clone();
            granting().then(|| {
                GRANTS
                    .map(|coins| {
                        let user = user.clone();
                        view! {
                            <button
                                type="button"
                                class="timeout-choice"
                                data-coins=coins.to_string()
                                on:click=move |_| {
                                    turn.close();
                                    seat.grant(user.clone(), coins);
                                }
                            >
                                {format!("+{coins}")}
                            </button>
                        }
                    })
                    .collect_view()
            })
        }
    };
    let roles = {
        let user = user.clone();
        move || {
            let user = user.clone();
            let has = by.with_value(|by| by.role);
            appointing().then(|| {
                ROLES
                    .into_iter()
                    .filter(|(role, _)| *role != has)
                    .map(|(role, key)| {
                        let user = user.clone();
                        view! {
                            <button
                                type="button"
                                class="timeout-choice"
                                data-role=key
                                on:click=move |_| act(Action::Appoint { user: user.clone(), role })
                            >
                                {words.say(key)}
                            </button>
                        }
                    })
                    .collect_view()
            })
        }
    };
    let menu = move || {
        let user = user.clone();
        timing().then(|| {
            TIMEOUTS
                .map(|(seconds, key)| {
                    let user = user.clone();
                    view! {
                        <button
                            type="button"
                            class="timeout-choice"
                            data-seconds=seconds.to_string()
                            on:click=move |_| act(Action::Timeout { user: user.clone(), seconds })
                        >
                            {words.say(key)}
                        </button>
                    }
                })
                .collect_view()
        })
    };
    let hold = move || {
        timing().then(|| {
            view! {
                <button
                    type="button"
                    class="timeout-choice restrict"
                    title=words.say("moderate.restrict_title")
                    on:click=move |_| act(Action::Restrict { user: by.with_value(|by| by.id.clone()) })
                >
                    {words.say("moderate.restrict")}
                </button>
                <button
                    type="button"
                    class="timeout-choice ban-range"
                    title=words.say("moderate.ban_range_title")
                    on:click=move |_| {
                        act(Action::Ban { user: by.with_value(|by| by.id.clone()), range: true });
                    }
                >
                    {words.say("moderate.ban_range")}
                </button>
            }
        })
    };
    view! {
        <div class="timeout-menu" role="group" aria-label=words.say("moderate.timeout")>
            {menu} {hold}
        </div>
        <div class="timeout-menu" role="group" aria-label=words.say("grant.title")>
            {grants}
        </div>
        <div class="timeout-menu" role="group" aria-label=words.say("appoint.title")>
            {roles}
        </div>
        <button
            type="button"
            class="tool pin"
            tabindex=tabindex
            title=words.say("pin.put_up")
            aria-label=words.say("pin.put_up")
            on:click=move |_| act(Action::Pin { message })
        >
            {Icon::Pin.view()}
        </button>
        <button
            type="button"
            class="tool delete"
            tabindex=tabindex
            title=words.say("moderate.delete")
            aria-label=words.say("moderate.delete")
            on:click=move |_| act(Action::Delete { message })
        >
            {Icon::Trash.view()}
        </button>
        {person}
    }
}
