//! Between Go Live and the air: what is checked, a line each with what to do about it, and the count.

use leptos::prelude::*;

use crate::browser;
use crate::desk::Desk;
use crate::launching::{self, Launching};
use crate::mixing::Mixing;
use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::store::launch::{Check, Fix, Grade, Launch, Step};
use crate::words::use_words;

/// Seconds of countdown to choose from, beside what the settings file may say; 0 is "at once".
const COUNTDOWNS: [u8; 4] = [0, 3, 5, 10];

/// The checks, above the button that was pressed.
#[component]
pub fn LaunchPanel() -> impl IntoView {
    let (launching, words) = (Launching::get(), use_words());
    let shown = Memo::new(move |_| launching.launch().with(Launch::is_shown));
    let step = Memo::new(move |_| launching.launch().with(|launch| std::mem::discriminant(&launch.step)));
    let held = std::mem::discriminant(&Step::Held);
    let counts = std::mem::discriminant(&Step::Counting { until: 0.0 });
    let title = move || {
        words.get(match step.get() {
            step if step == held => "launch.held",
            step if step == counts => "launch.ready",
            _ => "launch.checking",
        })
    };
    let now = move || words.get(if step.get() == held { "launch.anyway" } else { "launch.now" });
    // What is waited for must be in sight, in a small window too.
    Effect::new(move |_| {
        if shown.get() {
            request_animation_frame(|| browser::scroll_to("launch"));
        }
    });
    view! {
        <Show when=move || shown.get()>
            <section id="launch" class="card launch" aria-labelledby="launch-title">
                <header class="launch-head">
                    <h2 id="launch-title" role="status">{title}</h2>
                    <Countdown />
                </header>
                <ul class="launch-checks">
                    {move || launching.checks().get().map(|check| view! { <Line check /> }).collect_view()}
                </ul>
                <div class="launch-buttons">
                    <button id="launch-now" type="button" class="primary" on:click=move |_| launching.go_anyway()>
                        {now}
                    </button>
                </div>
            </section>
        </Show>
    }
}

/// One check.
#[component]
fn Line(check: Check) -> impl IntoView {
    let (desk, mixing) = (Desk::get(), Mixing::get());
    let (launching, words) = (Launching::get(), use_words());
    let Check { item, grade, says, fix } = check;
    let icon = match grade {
        Grade::Asking => view! { <span class="spinner" aria-hidden="true"></span> }.into_any(),
        Grade::Good => Icon::Check.view().into_any(),
        Grade::Fair | Grade::Bad => Icon::Warning.view().into_any(),
    };
    let mend = move |fix| match fix {
        Fix::PickCamera => browser::focus("camera"),
        Fix::PickMicrophone => browser::focus("microphone"),
        Fix::Unmute => mixing.toggle_mute(),
        Fix::Share => {
            launching.again();
            desk.set_sharing(true);
        }
    };
    view! {
        <li class="launch-check" data-check=format!("{item:?}").to_lowercase() data-grade=grade.name()>
            <span class="launch-icon">{icon}</span>
            <span class="launch-says">{words.say(says)}</span>
            {fix
                .map(|fix| {
                    view! {
                        <button type="button" class="quiet launch-fix" on:click=move |_| mend(fix)>
                            {words.say(fix.key())}
                        </button>
                    }
                })}
        </li>
    }
}

/// How long is counted.
#[component]
fn Countdown() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let chosen = Memo::new(move |_| desk.preferences().with(|preferences| preferences.countdown));
    let choose = move |event| {
        let Ok(countdown) = event_target_value(&event).parse() else { return };
        let mut preferences = desk.preferences().get_untracked();
        preferences.countdown = countdown;
        desk.prefer(preferences);
    };
    let name = move |seconds: u8| match seconds {
        0 => words.get("launch.at_once").to_owned(),
        seconds => words.fill("launch.seconds", &[("n", &seconds.to_string())]),
    };
    view! {
        <label class="launch-countdown">
            <span>{words.say("launch.countdown")}</span>
            <select id="countdown" class="small" on:change=choose>
                {move || {
                    let chosen = chosen.get();
                    let more = (!COUNTDOWNS.contains(&chosen)).then_some(chosen);
                    COUNTDOWNS
                        .into_iter()
                        .chain(more)
                        .map(|seconds| {
                            view! {
                                <option value=seconds.to_string() selected=chosen == seconds>
                                    {name(seconds)}
                                </option>
                            }
                        })
                        .collect_view()
                }}
            </select>
        </label>
    }
}

/// The number over the preview.
#[component]
pub fn Count() -> impl IntoView {
    let (launching, seat) = (Launching::get(), Seat::get());
    let left = Memo::new(move |_| launching::left(launching, seat));
    move || {
        left.get().map(|left| {
            view! {
                <div class="count" role="timer" aria-live="assertive">
                    <span class="count-number">{left.to_string()}</span>
                </div>
            }
        })
    }
}
