//! What becomes of the broadcast: that it is kept, or why not, where it is afterwards, and clips of the last seconds.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::desk::Desk;
use crate::part::copy::CopyField;
use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::store::recording::{Cut, Recording, RecordingEvent, State, paused, size};
use crate::words::use_words;

/// How long a clip is, in seconds.
const CLIP_S: u32 = 30;
/// How often the size is asked for.
const PERIOD: Duration = Duration::from_secs(5);

/// Follows the recording, for the components below.
pub fn provide() {
    let (desk, seat) = (Desk::get(), Seat::get());
    let recording = RwSignal::new(Recording::default());
    provide_context(recording);
    let measure = move || {
        let on = recording.with_untracked(|recording| recording.state() != State::Off);
        let Some(access) = desk.access().get_untracked().filter(|_| on) else { return };
        spawn_local(async move {
            if let Ok(progress) = Relay::owned(&access).recording().await {
                recording.try_update(|recording| recording.apply(RecordingEvent::Measured(progress)));
            }
        });
    };
    let told = Memo::new(move |_| seat.room().with(|room| room.recording));
    Effect::new(move |_| {
        let told = told.get();
        recording.update(|recording| recording.apply(RecordingEvent::Told(told)));
        measure();
    });
    if let Ok(timer) = set_interval_with_handle(measure, PERIOD) {
        on_cleanup(move || timer.clear());
    }
}

/// The state, beside the button that ends the broadcast, and the button that makes a clip.
#[component]
pub fn RecordingLine() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let recording = expect_context::<RwSignal<Recording>>();
    let state = Memo::new(move |_| recording.with(Recording::state));
    let bytes = Memo::new(move |_| recording.with(Recording::bytes));
    let busy = Memo::new(move |_| recording.with(|recording| recording.cut == Cut::Busy));
    let cut = move |_| {
        let Some(access) = desk.access().get_untracked() else { return };
        recording.update(|recording| recording.apply(RecordingEvent::Cutting));
        spawn_local(async move {
            let clip = Relay::owned(&access).clip(CLIP_S).await;
            let event = clip.map_or_else(RecordingEvent::NotCut, RecordingEvent::Cut);
            recording.try_update(|recording| recording.apply(event));
        });
    };
    let name = move || match state.get() {
        State::Off => "off",
        State::On | State::Filling(_) => "on",
        State::Paused(_) => "paused",
    };
    let says = move || match (state.get(), bytes.get()) {
        (State::Paused(_), _) => words.get("recording.paused").to_owned(),
        (_, Some(bytes)) => words.fill("recording.on_size", &[("size", &size(bytes))]),
        (_, None) => words.get("recording.on").to_owned(),
    };
    view! {
        <Show when=move || state.get() != State::Off>
            <div id="recording" class="recording" data-state=name>
                <span class="recording-says" role="status">
                    {Icon::Record.view()}
                    <span>{says}</span>
                </span>
                <button
                    id="clip"
                    type="button"
                    class="secondary"
                    disabled=move || busy.get() || matches!(state.get(), State::Paused(_))
                    on:click=cut
                >
                    {move || if busy.get() { view! { <span class="spinner" aria-hidden="true"></span> }.into_any() } else { Icon::Scissors.view() }}
                    {move || words.fill("recording.clip", &[("n", &CLIP_S.to_string())])}
                </button>
            </div>
        </Show>
    }
}

/// What the creator should know about it: that it stops soon or has stopped, and where to find what was kept.
#[component]
pub fn RecordingNotes() -> impl IntoView {
    let words = use_words();
    let recording = expect_context::<RwSignal<Recording>>();
    let state = Memo::new(move |_| recording.with(Recording::state));
    view! {
        <div class="notes" role="status">
            {move || match state.get() {
                State::Filling(minutes) => {
                    let title = move || words.fill("recording.filling", &[("n", &minutes.to_string())]);
                    Some(note(title, words.say("recording.filling_text")))
                }
                State::Paused(why) => {
                    let (title, text) = paused(why);
                    Some(note(words.say(title), words.say(text)))
                }
                State::Off | State::On => None,
            }}
            {move || clip(recording)}
            {move || kept(recording)}
        </div>
    }
}

fn note<T: ToString, U: ToString>(
    title: impl Fn() -> T + Send + 'static,
    text: impl Fn() -> U + Send + 'static,
) -> AnyView {
    view! {
        <section class="note">
            {Icon::Warning.view()}
            <div>
                <h2>{move || title().to_string()}</h2>
                <p>{move || text().to_string()}</p>
            </div>
        </section>
    }
    .into_any()
}

/// What became of the clip.
fn clip(recording: RwSignal<Recording>) -> Option<AnyView> {
    match recording.with(|recording| recording.cut.clone()) {
        Cut::Made(clip) => {
            let link = beside(&room()?, &clip.media);
            let away = move || recording.update(|recording| recording.apply(RecordingEvent::ClipPutAway));
            Some(
                view! { <Found id="found-clip" button="copy-clip" title="recording.clip_made" link away /> }
                    .into_any(),
            )
        }
        Cut::Failed(failure) => {
            let words = use_words();
            Some(note(words.say("recording.clip_failed"), move || words.failure(&failure)))
        }
        Cut::None | Cut::Busy => None,
    }
}

/// Where the last broadcast can be watched again.
fn kept(recording: RwSignal<Recording>) -> Option<AnyView> {
    let kept = recording.with(|recording| recording.kept.clone())?;
    let link = format!("{}/replay/{kept}", room()?);
    let away = move || recording.update(|recording| recording.apply(RecordingEvent::KeptPutAway));
    Some(
        view! { <Found id="found-replay" button="copy-replay" title="recording.kept" link away /> }
            .into_any(),
    )
}

/// The link of the room.
fn room() -> Option<String> {
    Desk::get().access().with(|access| access.as_ref()?.links.first().cloned())
}

/// A link to take elsewhere, until the creator has done so.
#[component]
fn Found(
    id: &'static str,
    button: &'static str,
    title: &'static str,
    link: String,
    away: impl Fn() + 'static,
) -> impl IntoView {
    let words = use_words();
    view! {
        <section class="note found">
            {Icon::Film.view()}
            <div>
                <h2>{words.say(title)}</h2>
                <CopyField id button label="recording.link" text=Signal::stored(link) />
            </div>
            <button
                type="button"
                class="quiet square"
                aria-label=words.say("common.dismiss")
                on:click=move |_| away()
            >
                {Icon::Close.view()}
            </button>
        </section>
    }
}

/// A path of the relay that the room's link leads to.
fn beside(room: &str, path: &str) -> String {
    let host_at = room.find("://").map_or(0, |at| at + 3);
    let end = room[host_at..].find('/').map_or(room.len(), |at| host_at + at);
    format!("{}{path}", &room[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_is_where_the_room_is() {
        let path = "/main/clip/x.mp4";
        for room in ["http://192.168.1.7:8080/main", "http://192.168.1.7:8080"] {
            assert_eq!(beside(room, path), "http://192.168.1.7:8080/main/clip/x.mp4");
        }
    }
}
