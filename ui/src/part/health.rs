//! The health line: one sentence, a dot, and the numbers behind it.

use footlight_protocol::room::Presence;
use footlight_protocol::studio::{Layers, Phase};
use leptos::prelude::*;

use crate::desk::Desk;
use crate::seat::Seat;
use crate::store::health::{Cause, Losses, Verdict};
use crate::store::layer;
use crate::words::use_words;

#[component]
pub fn HealthLine() -> impl IntoView {
    let (desk, seat, words) = (Desk::get(), Seat::get(), use_words());
    let presence = Memo::new(move |_| seat.room().with(|room| room.presence));
    let on_air = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.on_air()));
    let verdict = Memo::new(move |_| {
        desk.snapshot().with(|snapshot| {
            desk.doctor().with(|doctor| {
                let presence = presence.get();
                let strain = snapshot.layers.eased.map(|eased| eased.strain);
                let (camera, microphone) = (&snapshot.camera_state, &snapshot.microphone_state);
                doctor.verdict(&snapshot.phase, camera, microphone, strain, &presence)
            })
        })
    });
    let phase = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.clone()));
    let eased = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.layers.eased));
    let sentence = move || {
        if let (Verdict::Fair(cause @ Cause::Eased(_)), Some(eased)) = (verdict.get(), eased.get()) {
            let [width, height, fps] = [eased.width, eased.height, eased.fps].map(|n| n.to_string());
            return words.fill(cause.key(), &[("width", &width), ("height", &height), ("fps", &fps)]);
        }
        let key = match (verdict.get(), phase.get()) {
            (_, Phase::Starting) => "health.starting",
            (_, Phase::Ending) => "health.ending",
            (Verdict::Idle, _) => "health.idle",
            (Verdict::Good, _) => "health.good",
            (Verdict::Fair(cause) | Verdict::Bad(cause), _) => cause.key(),
        };
        words.get(key).to_owned()
    };
    let tone = move || match verdict.get() {
        Verdict::Idle => "idle",
        Verdict::Good => "good",
        Verdict::Fair(_) => "fair",
        Verdict::Bad(_) => "bad",
    };
    let health = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.health));
    // The qualities that go out, and why there are no more; those that the relay makes of another encoder's picture.
    let layers = Memo::new(move |_| {
        let own = desk.snapshot().with(|snapshot| {
            let Layers { sent, held, .. } = &snapshot.layers;
            layer::told(sent, held.and_then(layer::held)).filter(|(sent, _)| !sent.is_empty())
        });
        own.or_else(|| {
            seat.room().with(|room| layer::told(&room.layers, room.renditions?.held.and_then(layer::held)))
        })
    });
    let layers_told = move || {
        let (sent, why) = layers.get()?;
        let why = why.map(|why| words.get(why).to_owned());
        let text = match why {
            Some(why) if sent.is_empty() => why,
            Some(why) => format!("{sent}: {why}"),
            None => sent,
        };
        Some(("layers", text, Some(words.get("layer.sent_title").to_owned())))
    };
    let megabits = |kbps: u32| format!("{:.1}", f64::from(kbps) / 1_000.0);
    let numbers = move || {
        let health = health.get();
        let fps = words.fill("health.fps", &[("n", &format!("{:.0}", health.fps))]);
        if !on_air.get() {
            return std::iter::once(("fps", fps, None)).chain(layers_told()).collect();
        }
        let load = format!("{:.0}", health.encoder_load * 100.0);
        let lost = Losses::of(&health);
        let (total, skipped, dropped) =
            (lost.total().to_string(), lost.skipped.to_string(), lost.dropped.to_string());
        let explained = words.fill("health.lost_title", &[("skipped", &skipped), ("dropped", &dropped)]);
        let rate = [("n", megabits(health.bitrate_kbps)), ("target", megabits(health.target_kbps))];
        let rate: Vec<(&str, &str)> = rate.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut numbers = vec![("fps", fps, None)];
        // Second, where no width drops it: it is what the creator feels in every answer.
        if let Presence { viewers: 1.., latency_p50_ms: Some(ms), .. } = presence.get() {
            let seconds = format!("{:.2}", f64::from(ms) / 1_000.0);
            let text = words.fill("health.latency", &[("n", &seconds)]);
            numbers.push(("latency", text, Some(words.get("health.latency_title").to_owned())));
        }
        numbers.extend([
            ("rate", words.fill("health.rate", &rate), None),
            ("load", words.fill("health.load", &[("n", &load)]), None),
            ("lost", words.fill("health.lost", &[("n", &total)]), Some(explained)),
        ]);
        numbers.extend(layers_told());
        numbers
    };
    view! {
        <div id="health" class="health" data-tone=tone>
            <p class="health-line" role="status">
                <span class="health-dot" aria-hidden="true"></span>
                {sentence}
            </p>
            <ul class="health-numbers" aria-label=words.say("health.numbers")>
                {move || {
                    numbers()
                        .into_iter()
                        .map(|(name, text, explained)| {
                            let label = explained.as_ref().map(|explained| format!("{text}. {explained}"));
                            view! {
                                <li data-number=name title=explained aria-label=label>
                                    {text}
                                </li>
                            }
                        })
                        .collect_view()
                }}
            </ul>
        </div>
    }
}
