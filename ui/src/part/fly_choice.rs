//! Where and in which colour the next comment flies, for those who may choose.

use footlight_protocol::danmaku::{Colour, Place};
use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::words::use_words;

/// The words for them.
const PLACES: [(Place, &str, Icon); 3] = [
    (Place::Scroll, "fly.scroll", Icon::FlyScroll),
    (Place::Top, "fly.top", Icon::FlyTop),
    (Place::Bottom, "fly.bottom", Icon::FlyBottom),
];
const COLOURS: [(Colour, &str); 8] = [
    (Colour::White, "fly.white"),
    (Colour::Amber, "fly.amber"),
    (Colour::Red, "fly.red"),
    (Colour::Pink, "fly.pink"),
    (Colour::Violet, "fly.violet"),
    (Colour::Blue, "fly.blue"),
    (Colour::Cyan, "fly.cyan"),
    (Colour::Green, "fly.green"),
];

/// Not there for those who have no choice.
#[component]
pub fn FlyChoice(place: RwSignal<Place>, colour: RwSignal<Colour>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let role = Memo::new(move |_| seat.room().with(|room| room.role()));
    let open = RwSignal::new(false);
    let choice = move || {
        let role = role.get();
        let (places, colours) = (Place::of(role), Colour::of(role));
        (places.len() > 1 || colours.len() > 1).then(|| {
            let places = PLACES.into_iter().filter(|(place, ..)| places.contains(place));
            let colours = COLOURS.into_iter().filter(|(colour, _)| colours.contains(colour));
            let places: Vec<_> = places.collect();
            let colours: Vec<_> = colours.collect();
            view! {
                <button
                    id="fly"
                    type="button"
                    class="quiet fly-open"
                    aria-expanded=move || open.get().to_string()
                    aria-label=words.say("fly.title")
                    title=words.say("fly.title")
                    on:click=move |_| open.update(|open| *open = !*open)
                >
                    <span class=move || format!("swatch {}", name(colour.get()))></span>
                    {move || {
                        PLACES.iter().find(|(one, ..)| *one == place.get()).map(|(.., icon)| icon.view())
                    }}
                </button>
                <Show when=move || open.get()>
                    <div class="fly-choice">
                        <fieldset>
                            <legend class="hidden">{words.say("fly.place")}</legend>
                            {places
                                .clone()
                                .into_iter()
                                .map(|(one, says, icon)| {
                                    view! {
                                        <label class="fly-place" title=words.say(says)>
                                            <input
                                                type="radio"
                                                name="fly-place"
                                                aria-label=words.say(says)
                                                prop:checked=move || place.get() == one
                                                on:change=move |_| place.set(one)
                                            />
                                            {icon.view()}
                                        </label>
                                    }
                                })
                                .collect_view()}
                        </fieldset>
                        <fieldset>
                            <legend class="hidden">{words.say("fly.colour")}</legend>
                            {colours
                                .clone()
                                .into_iter()
                                .map(|(one, says)| {
                                    view! {
                                        <label class="fly-colour" title=words.say(says)>
                                            <input
                                                type="radio"
                                                name="fly-colour"
                                                aria-label=words.say(says)
                                                prop:checked=move || colour.get() == one
                                                on:change=move |_| colour.set(one)
                                            />
                                            <span class=format!("swatch {}", name(one))></span>
                                        </label>
                                    }
                                })
                                .collect_view()}
                        </fieldset>
                    </div>
                </Show>
            }
        })
    };
    view! { <div class="fly">{choice}</div> }
}

/// Its name in `chat.css`, where the colours are those that fly.
fn name(colour: Colour) -> &'static str {
    match colour {
        Colour::White => "white",
        Colour::Amber => "amber",
        Colour::Red => "red",
        Colour::Pink => "pink",
        Colour::Violet => "violet",
        Colour::Blue => "blue",
        Colour::Cyan => "cyan",
        Colour::Green => "green",
    }
}
