//! How the studio records on this computer: into which folder, and whether the last seconds are kept.

use footlight_protocol::record::Settings;
use leptos::prelude::*;

use crate::desk::Desk;
use crate::store::recorder::SECONDS;
use crate::store::recording::size;
use crate::words::use_words;

#[component]
pub fn RecorderField() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let settings = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.recorder.settings.clone()));
    let folder = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.recorder.folder.clone()));
    let free =
        Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.recorder.disk.map(|disk| disk.free)));
    let change = move |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings.get_untracked();
        change(&mut settings);
        desk.set_record_settings(settings);
    };
    let choose_seconds = move |event| {
        let Ok(seconds) = event_target_value(&event).parse() else { return };
        change(&|settings| settings.replay_seconds = seconds);
    };
    view! {
        <section class="recorder-field" aria-labelledby="recorder-heading">
            <h3 id="recorder-heading">{words.say("recorder.settings")}</h3>
            <p>{words.say("recorder.settings_text")}</p>
            <div class="recorder-folder">
                <code id="recorder-folder" title=move || folder.get()>{move || folder.get()}</code>
                <button
                    id="recorder-choose"
                    type="button"
                    class="secondary"
                    on:click=move |_| desk.choose_record_folder(settings.get_untracked())
                >
                    {words.say("recorder.choose")}
                </button>
                <button type="button" class="secondary" on:click=move |_| desk.show_recordings()>
                    {words.say("recorder.open")}
                </button>
            </div>
            <p class="recorder-free">
                {move || free.get().map(|free| words.fill("recorder.free", &[("size", &size(free))]))}
            </p>
            <label class="check">
                <input
                    id="recorder-replay"
                    type="checkbox"
                    prop:checked=move || settings.get().replay
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        change(&|settings| settings.replay = on);
                    }
                />
                <span>{words.say("recorder.replay")}</span>
                <select
                    id="recorder-seconds"
                    class="small"
                    aria-label=words.say("recorder.seconds")
                    on:change=choose_seconds
                >
                    {move || {
                        let chosen = settings.get().replay_seconds;
                        let more = (!SECONDS.contains(&chosen)).then_some(chosen);
                        SECONDS
                            .into_iter()
                            .chain(more)
                            .map(|seconds| {
                                view! {
                                    <option value=seconds.to_string() selected=chosen == seconds>
                                        {words.fill("launch.seconds", &[("n", &seconds.to_string())])}
                                    </option>
                                }
                            })
                            .collect_view()
                    }}
                </select>
            </label>
            <p>{words.say("recorder.replay_text")}</p>
        </section>
    }
}
