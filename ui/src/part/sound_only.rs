//! What stands in the picture's place where the viewer wants only the sound.

use leptos::prelude::*;

use crate::part::icon::Icon;
use crate::store::playback::Status;
use crate::viewing::Viewing;
use crate::words::use_words;

#[component]
pub fn SoundOnly() -> impl IntoView {
    let (viewing, words) = (Viewing::get(), use_words());
    let up = Memo::new(move |_| {
        viewing.status().get() == Status::Playing && viewing.path().get().is_some_and(|(_, picture)| !picture)
    });
    view! {
        <Show when=move || up.get()>
            <div class="sound-only" role="status">
                {Icon::Sound.view()} <h1>{words.say("way.sound_title")}</h1> <p>{words.say("way.sound_text")}</p>
            </div>
        </Show>
    }
}
