//! The line of the whole broadcast: where it is, where it was lively, and a glimpse of any place on it.

use leptos::html::{Div, Video};
use leptos::prelude::*;
use web_sys::PointerEvent;

use crate::replaying::Replaying;
use crate::store::i18n;
use crate::store::replay::Spot;
use crate::words::use_words;

/// Points of the curve, and of the glimpses: more places than that cannot be told apart on a screen.
const SLOTS: usize = 120;
const GLIMPSES: u64 = 200;

#[component]
pub fn Scrub() -> impl IntoView {
    let (replaying, words) = (Replaying::get(), use_words());
    let bar = NodeRef::<Div>::new();
    // Media time under the pointer.
    let pointed = RwSignal::new(None::<u64>);
    let drags = RwSignal::new(false);
    let at = move |event: &PointerEvent| {
        let place = bar.get_untracked()?.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - place.left()) / place.width().max(1.0);
        Some((share.clamp(0.0, 1.0) * replaying.duration_ms().get_untracked() as f64) as u64)
    };
    let down = move |event: PointerEvent| {
        if event.button() == 0
            && let Some(bar) = bar.get_untracked()
        {
            // The drag goes on outside of the line.
            let _ = bar.set_pointer_capture(event.pointer_id());
            drags.set(true);
            pointed.set(at(&event));
        }
    };
    let up = move |event: PointerEvent| {
        if drags.get_untracked() {
            drags.set(false);
            if let Some(ms) = at(&event) {
                replaying.seek(ms);
            }
            if event.pointer_type() != "mouse" {
                pointed.set(None);
            }
        }
    };
    let share = move |ms: u64| ms as f64 / replaying.duration_ms().get().max(1) as f64;
    let shown = move || pointed.get().filter(|_| drags.get()).unwrap_or_else(|| replaying.at_ms().get());
    let percent = move |share: f64| format!("{:.3}%", share * 100.0);
    let gaps = move || {
        replaying.duration_ms().track();
        let gaps = replaying.with_timeline(|timeline| timeline.gaps());
        gaps.into_iter()
            .map(|(from, to)| {
                view! {
                    <span
                        class="scrub-gap"
                        style:left=percent(from)
                        style:width=percent(to - from)
                        title=words.say("replay.gap")
                    ></span>
                }
            })
            .collect_view()
    };
    let curve = move || {
        replaying.known().track();
        let duration = replaying.duration_ms().get();
        path(&replaying.with_talk(|talk| talk.curve(duration, SLOTS)))
    };
    let seconds = |ms: u64| i18n::clock(ms / 1_000);
    let says = move || {
        let (at, all) = (seconds(replaying.at_ms().get()), seconds(replaying.duration_ms().get()));
        words.fill("replay.time", &[("at", &at), ("all", &all)])
    };
    view! {
        <div
            id="scrub"
            class="scrub"
            class:drags=move || drags.get()
            role="slider"
            tabindex="0"
            aria-label=words.say("replay.seek")
            aria-valuemin="0"
            aria-valuemax=move || (replaying.duration_ms().get() / 1_000).to_string()
            aria-valuenow=move || (replaying.at_ms().get() / 1_000).to_string()
            aria-valuetext=says
            style=("--at", move || percent(share(shown())))
            style=("--loaded", move || percent(share(replaying.loaded_ms().get())))
            node_ref=bar
            on:pointerdown=down
            on:pointermove=move |event| pointed.set(at(&event))
            on:pointerup=up
            on:pointercancel=move |_| {
                drags.set(false);
                pointed.set(None);
            }
            on:pointerleave=move |_| {
                if !drags.get_untracked() {
                    pointed.set(None);
                }
            }
        >
            <svg class="scrub-curve" viewBox="0 0 120 20" preserveAspectRatio="none" aria-hidden="true">
                <path d=curve />
            </svg>
            <span class="scrub-track">
                <span class="scrub-loaded"></span>
                <span class="scrub-past"></span>
                {gaps}
            </span>
            <span class="scrub-knob"></span>
            <Glimpse pointed=pointed.read_only() />
        </div>
    }
}

/// The picture and the time under the pointer. The picture comes from the recording itself, by a video of its own
/// that is loaded when somebody points for the first time.
#[component]
fn Glimpse(pointed: ReadSignal<Option<u64>>) -> impl IntoView {
    let replaying = Replaying::get();
    let screen = NodeRef::<Video>::new();
    // A browser seeks to one place after the other; only the newest wish counts.
    let wished = StoredValue::new(None::<Spot>);
    let shown = StoredValue::new(None::<Spot>);
    let busy = StoredValue::new(false);
    let seen = RwSignal::new(false);
    let go = move || {
        let (Some(video), Some(spot)) = (screen.get_untracked(), wished.get_value()) else { return };
        if busy.get_value() || shown.get_value() == Some(spot) {
            return;
        }
        busy.set_value(true);
        if shown.get_value().is_none_or(|shown| shown.part != spot.part) {
            let media = replaying.with_timeline(|timeline| timeline.media(spot.part).map(str::to_owned));
            video.set_src(&media.unwrap_or_default());
        } else {
            video.set_current_time(spot.at_s);
        }
        shown.set_value(Some(spot));
    };
    Effect::new(move |_| {
        let Some(ms) = pointed.get() else { return };
        let step = (replaying.duration_ms().get_untracked() / GLIMPSES).max(1);
        wished.set_value(replaying.with_timeline(|timeline| timeline.spot(ms / step * step)));
        go();
    });
    let measured = move |_| {
        if let (Some(video), Some(spot)) = (screen.get_untracked(), shown.get_value()) {
            video.set_current_time(spot.at_s);
        }
    };
    let landed = move |_| {
        seen.set(true);
        busy.set_value(false);
        go();
    };
    let left = move || {
        let share = pointed.get().unwrap_or(0) as f64 / replaying.duration_ms().get().max(1) as f64;
        format!("{:.3}%", share * 100.0)
    };
    view! {
        <div class="glimpse" class:up=move || pointed.get().is_some() style=("--x", left) aria-hidden="true">
            <video
                class="glimpse-screen"
                class:seen=move || seen.get()
                muted
                playsinline
                preload="auto"
                tabindex="-1"
                node_ref=screen
                on:loadedmetadata=measured
                on:seeked=landed
                on:error=move |_| busy.set_value(false)
            ></video>
            <span class="glimpse-time">{move || pointed.get().map(|ms| i18n::clock(ms / 1_000))}</span>
        </div>
    }
}

/// The curve as a closed shape in a field of 120 by 20.
fn path(curve: &[f64]) -> String {
    if curve.is_empty() {
        return String::new();
    }
    let step = 120.0 / curve.len() as f64;
    let top = |(at, height): (usize, &f64)| {
        format!(" L{:.1} {:.1}", (at as f64 + 0.5) * step, 20.0 - height * 19.0)
    };
    let points: String = curve.iter().enumerate().map(top).collect();
    format!("M0 20{points} L120 20Z")
}
