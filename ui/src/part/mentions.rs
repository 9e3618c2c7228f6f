//! Names that are offered while one is typed behind an `@`.

use footlight_protocol::room::Member;
use leptos::html::Textarea;
use leptos::prelude::*;
use web_sys::{HtmlTextAreaElement, KeyboardEvent};

use crate::part::message::{nick, shown_name};
use crate::seat::Seat;
use crate::store::speech::{before_caret, fitting, naming};
use crate::words::use_words;

/// What is offered, and which of it is next.
#[derive(Clone, Copy)]
pub struct Mentions {
    seat: Seat,
    draft: RwSignal<String>,
    field: NodeRef<Textarea>,
    offered: RwSignal<Vec<Member>>,
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
        let fits = self.before().as_deref().and_then(naming).map(|begun| {
            let people = self.seat.room().with_untracked(|room| {
                let mut people = room.people();
                people.retain(|member| room.me.as_ref().is_none_or(|me| me.id != member.id));
                people
            });
            fitting(people, begun)
        });
        self.at.set(0);
        self.offered.set(fits.unwrap_or_default());
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

    /// The name takes the place of its beginning.
    fn pick(self, at: usize) {
        let name = self.offered.with_untracked(|offered| offered.get(at).map(|member| member.name.clone()));
        let (Some(name), Some(before)) = (name, self.before()) else { return };
        let Some(begun) = naming(&before).map(str::len) else { return };
        let head = format!("{}{name} ", &before[..before.len() - begun]);
        let caret = head.encode_utf16().count() as u32;
        self.draft.update(|draft| *draft = format!("{head}{}", &draft[before.len()..]));
        self.close();
        request_animation_frame(move || {
            if let Some(field) = self.field.get_untracked() {
                let _ = field.focus();
                let _ = field.set_selection_range(caret, caret);
            }
        });
    }

    fn before(self) -> Option<String> {
        let field: HtmlTextAreaElement = self.field.get_untracked()?;
        let caret = field.selection_start().ok().flatten()?;
        Some(self.draft.with_untracked(|draft| before_caret(draft, caret).to_owned()))
    }
}

fn option_id(at: usize) -> String {
    format!("mention-{at}")
}

/// The names, above the composer.
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
                        .map(|(at, member)| {
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
                                    <span class=nick(&member.id)>{shown_name(&member)}</span>
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </Show>
    }
}
