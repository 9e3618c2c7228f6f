//! The one big button, and the clock of the broadcast.

use footlight_protocol::studio::Phase;
use leptos::prelude::*;

use crate::acting::Acting;
use crate::desk::Desk;
use crate::launching::Launching;
use crate::part::confirm::Confirm;
use crate::seat::Seat;
use crate::store::i18n;
use crate::store::launch::Launch;
use crate::words::use_words;

/// Name of a phase, as `data-phase`.
pub fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Idle => "idle",
        Phase::Starting => "starting",
        Phase::Live { .. } => "live",
        Phase::Reconnecting { .. } => "reconnecting",
        Phase::Ending => "ending",
    }
}

#[component]
pub fn GoLive() -> impl IntoView {
    let (desk, seat, words) = (Desk::get(), Seat::get(), use_words());
    let phase = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.clone()));
    let watching = move || seat.room().with(|room| room.presence.viewers);
    let (launching, acting) = (Launching::get(), Acting::get());
    let starts = Memo::new(move |_| launching.launch().with(Launch::is_shown));
    let label = move || {
        words.get(match phase.get() {
            Phase::Idle if starts.get() => "launch.cancel",
            Phase::Idle => "live.go",
            Phase::Starting => "live.starting",
            Phase::Live { .. } | Phase::Reconnecting { .. } => "live.end",
            Phase::Ending => "live.ending",
        })
    };
    let hint = move || words.get(if phase.get() == Phase::Idle { "live.go_hint" } else { "live.end_hint" });
    let clock = Memo::new(move |_| {
        let seconds = phase
            .get()
            .since()
            .map_or(0, |since| ((seat.now().get() - since as f64) / 1_000.0).max(0.0) as u64);
        i18n::long_clock(seconds)
    });
    let title = Signal::derive(move || words.count("live.watching_one", "live.watching_many", watching()));
    let text = Signal::derive(move || words.get("live.end_text").to_owned());
    view! {
        <div class="go-live-row" data-phase=move || phase_name(&phase.get())>
            <button
                id="go-live"
                type="button"
                class="go-live"
                class:starts=move || starts.get()
                data-phase=move || phase_name(&phase.get())
                disabled=move || phase.get() == Phase::Ending
                title=move || acting.titled(hint(), "live")
                aria-keyshortcuts=move || acting.shortcut("live")
                on:click=move |_| launching.press(seat)
            >
                <span class="go-live-dot" aria-hidden="true"></span>
                {label}
            </button>
            <time id="clock" class="clock" role="timer" aria-label=words.say("live.clock")>
                {clock}
            </time>
        </div>
        <Confirm open=launching.asking() title text yes="live.end_yes" no="live.end_no" on_yes=move || desk.end_broadcast() />
    }
}
