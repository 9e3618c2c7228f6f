//! Which screen or window is to be shown: a list of those that there are now.

use footlight_protocol::scene::Source;
use footlight_protocol::studio::{Captures, ScreenChoice, WindowChoice};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::bridge;
use crate::composing::Composing;
use crate::part::icon::Icon;
use crate::part::modal::modal;
use crate::words::use_words;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Screen,
    Window,
}

/// One that can be chosen: what it becomes, what it is called, and what tells it from others.
#[derive(Debug, Clone, PartialEq)]
struct Choice {
    source: Source,
    name: String,
    more: String,
}

/// Stands open while something is looked for.
#[component]
pub fn CapturePicker(picks: RwSignal<Option<Kind>>) -> impl IntoView {
    let (composing, words) = (Composing::get(), use_words());
    let found = RwSignal::new(None::<Captures>);
    let wrong = RwSignal::new(None::<String>);
    let dialog = modal(move || picks.get().is_some());
    let look = move || {
        spawn_local(async move {
            match bridge::list_captures().await {
                Ok(captures) => {
                    wrong.try_set(None);
                    found.try_set(Some(captures));
                }
                Err(failure) => {
                    found.try_set(Some(Captures::default()));
                    wrong.try_set(Some(untrack(|| words.failure(&failure))));
                }
            }
        });
    };
    Effect::new(move |_| {
        if picks.get().is_some() {
            found.set(None);
            look();
        }
    });
    let choices = move || {
        let (kind, captures) = (picks.get()?, found.get()?);
        Some(match kind {
            Kind::Screen => {
                captures.screens.into_iter().enumerate().map(|(at, one)| screen(at, one)).collect()
            }
            Kind::Window => captures.windows.into_iter().map(window).collect::<Vec<_>>(),
        })
    };
    let screen_name = move |at: &str| words.fill("capture.screen", &[("n", at)]);
    let is_screen = move || picks.get() != Some(Kind::Window);
    let title = move || words.get(if is_screen() { "capture.screen_title" } else { "capture.window_title" });
    let list = move || {
        let choices = choices()?;
        if let Some(wrong) = wrong.get() {
            return Some(view! { <p class="capture-none" role="alert">{wrong}</p> }.into_any());
        }
        if choices.is_empty() {
            let none = words.get(if is_screen() { "capture.no_screen" } else { "capture.no_window" });
            return Some(view! { <p class="capture-none">{none}</p> }.into_any());
        }
        let screens = is_screen();
        let row = move |choice: Choice| {
            let Choice { source, name, more } = choice;
            let (icon, name) = match screens {
                true => (Icon::Screen, screen_name(&name)),
                false => (Icon::Window, name),
            };
            let choose = move |_| {
                picks.set(None);
                composing.add(source.clone());
            };
            view! {
                <li>
                    <button type="button" data-capture=name.clone() on:click=choose>
                        {icon.view()} <span class="capture-name">{name.clone()}</span>
                        <small>{more}</small>
                    </button>
                </li>
            }
        };
        Some(view! { <ul class="capture-list">{choices.into_iter().map(row).collect_view()}</ul> }.into_any())
    };
    view! {
        <dialog
            id="capture-list"
            class="dialog capture"
            node_ref=dialog
            aria-labelledby="capture-title"
            on:close=move |_| picks.set(None)
        >
            <h2 id="capture-title">{title}</h2>
            <p class="capture-text">
                {move || words.get(if is_screen() { "capture.screen_text" } else { "capture.window_text" })}
            </p>
            {list}
            <div class="dialog-buttons">
                <button id="capture-again" type="button" class="secondary" on:click=move |_| look()>
                    {words.say("capture.again")}
                </button>
                <button type="button" class="secondary" on:click=move |_| picks.set(None)>
                    {words.say("common.close")}
                </button>
            </div>
        </dialog>
    }
}

fn screen(at: usize, one: ScreenChoice) -> Choice {
    let more = format!("{} × {}", one.width, one.height);
    Choice { source: Source::Screen { id: one.id }, name: (at + 1).to_string(), more }
}

fn window(one: WindowChoice) -> Choice {
    let WindowChoice { id, app, title } = one;
    let (name, more) = (title.clone(), app.clone());
    Choice { source: Source::Window { id, app, title }, name, more }
}
