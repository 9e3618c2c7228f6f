//! What is offered while it is typed: people behind an `@`, the room's own emotes behind a `:`.

use footlight_protocol::emote::Emote;
use footlight_protocol::room::Member;
use leptos::html::Textarea;
use leptos::prelude::*;
use web_sys::{HtmlTextAreaElement, KeyboardEvent};

use crate::part::emote_view::emote_view;
use crate::part::message::{nick, shown_name};
use crate::seat::Seat;
use crate::store::speech::{before_caret, emoting, fitting, fitting_emotes, naming};
use crate::words::use_words;

/// Something that can take the place of its beginning.
#[derive(Clone, PartialEq)]
enum Offer {
    Person(Member),
    Emote(Emote),
}

impl Offer {
    /// What is written in the place of what was typed behind the sign.
    fn written(&self) -> String {
        match self {
            Self::Person(member) => format!("{} ", member.name),
            Self::Emote(emote) => format!("{}: ", emote.name),
        }
    }
}

/// What is offered, and which of it is next.
#[derive(Clone, Copy)]
pub struct Mentions {
    seat: Seat,
    draft: RwSignal<String>,
    field: NodeRef<Textarea>,
    offered: RwSignal<Vec<Offer>>,
    at: RwSignal<usize>,
}

impl Mentions {
    pub fn new(draft: RwSignal<String>, field: NodeRef<Textarea>) -> Self {
        let (offered, at) = (RwSignal::new(Vec::new()), RwSignal::new(0));
        Self { seat: Seat::get(), draft, field, offered, at }
    }

    pub fn open(self) -> bool {
        !self.offered.with(Vec::is_empty)
    }

    /// The option that the keyboard is at.
    pub fn active(self) -> Option<String> {
        self.open().then(|| option_id(self.at.get()))
    }

    /// Something was typed, or the caret went elsewhere.
    pub fn look(self) {
        let before = self.before().unwrap_or_default();
        let offered = if let Some(begun) = naming(&before) {
            let people = self.seat.room().with_untracked(|room| {
                let mut people = room.people();
                people.retain(|member| room.me.as_ref().is_none_or(|me| me.id != member.id));
                people
            });
            fitting(people, begun).into_iter().map(Offer::Person).collect()
        } else if let Some(begun) = emoting(&before) {
            let emotes = self.seat.room().with_untracked(|room| fitting_emotes(&room.emotes, begun));
            emotes.into_iter().map(Offer::Emote).collect()
        } else {
            Vec::new()
        };
        self.at.set(0);
        self.offered.set(offered);
    }

    pub fn close(self) {
        self.offered.set(Vec::new());
    }

    /// Says whether the key was for the names.
    pub fn key(self, event: &KeyboardEvent) -> bool {
        let count = self.offered.with_untracked(Vec::len);
        if count == 0 || event.is_composing() || event.key_code() == 229 {
            return false;
        }
        match event.key().as_str() {
            "ArrowDown" => self.at.update(|at| *at = (*at + 1) % count),
            "ArrowUp" => self.at.update(|at| *at = (*at + count - 1) % count),
            "Enter" | "Tab" if !event.shift_key() => self.pick(self.at.get_untracked()),
            "Escape" => self.close(),
            _ => return false,
        }
        event.prevent_default();
        true
    }

    /// It takes the place of its beginning.
    fn pick(self, at: usize) {
        let offer = self.offered.with_untracked(|offered| offered.get(at).cloned());
        let (Some(offer), Some(before)) = (offer, self.before()) else { return };
        let begun = match offer {
            Offer::Person(_) => naming(&before),
            Offer::Emote(_) => emoting(&before),
        };
        let Some(begun) = begun.map(str::len) else { return };
        let head = format!("{}{}", &before[..before.len() - begun], offer.written());
        put(self.draft, self.field, &head, before.len());
        self.close();
    }

    fn before(self) -> Option<String> {
        let field: HtmlTextAreaElement = self.field.get_untracked()?;
        let caret = field.selection_start().ok().flatten()?;
        Some(self.draft.with_untracked(|draft| before_caret(draft, caret).to_owned()))
    }
}

/// Puts this in the place of all that is in front of the caret, so many bytes, and the caret behind it.
pub fn put(draft: RwSignal<String>, field: NodeRef<Textarea>, head: &str, before: usize) {
    let caret = head.encode_utf16().count() as u32;
    draft.update(|draft| draft.replace_range(..before, head));
    request_animation_frame(move || {
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
            let _ = field.set_selection_range(caret, caret);
        }
    });
}

fn offer_view(offer: &Offer) -> AnyView {
    match offer {
        Offer::Person(member) => {
            view! { <span class=nick(&member.id)>{shown_name(member)}</span> }.into_any()
        }
        Offer::Emote(emote) => view! { {emote_view(emote)} <span>{emote.name.clone()}</span> }.into_any(),
    }
}

fn option_id(at: usize) -> String {
    format!("mention-{at}")
}

/// What is offered, above the composer.
#[component]
pub fn MentionList(mentions: Mentions) -> impl IntoView {
    let words = use_words();
    view! {
        <Show when=move || mentions.open()>
            <ul id="mentions" class="mentions" role="listbox" aria-label=words.say("mention.title")>
                {move || {
                    mentions
                        .offered
                        .get()
                        .into_iter()
                        .enumerate()
                        .map(|(at, offer)| {
                            view! {
                                <li
                                    id=option_id(at)
                                    role="option"
                                    aria-selected=move || (mentions.at.get() == at).to_string()
                                    on:pointerdown=move |event| {
                                        // The field keeps the focus, and a phone its keyboard.
                                        event.prevent_default();
                                        mentions.pick(at);
                                    }
                                >
                                    {offer_view(&offer)}
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </Show>
    }
}
