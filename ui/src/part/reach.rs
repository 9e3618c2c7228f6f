//! Who will get in, in words, before and while the creator is live, and how many the line carries.

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::store::reach::{Reach, ReachEvent, seats, verdict, why};
use crate::words::use_words;

/// How often the relay is asked, which looks around by itself.
const PERIOD: Duration = Duration::from_secs(20);

#[component]
pub fn ReachLine() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let reach = RwSignal::new(Reach::default());
    let kbit = Memo::new(move |_| {
        let kbit = desk.snapshot().with(|snapshot| snapshot.health.target_kbps);
        // The forecast need not follow every step of rate control.
        (kbit > 0).then_some(kbit.next_multiple_of(500))
    });
    let ask = move |again: bool| {
        let Some(access) = desk.access().get_untracked() else { return };
        let stream_kbit = kbit.get_untracked();
        reach.update(|reach| reach.apply(ReachEvent::Asked));
        spawn_local(async move {
            let relay = Relay::owned(&access);
            let told =
                if again { relay.look_again(stream_kbit).await } else { relay.reach(stream_kbit).await };
            reach.try_update(|reach| reach.apply(told.map_or(ReachEvent::Failed, ReachEvent::Told)));
        });
    };
    // A switch of sharing is another relay, for which other things are true.
    Effect::new(move |_| {
        desk.access().track();
        kbit.track();
        ask(false);
    });
    if let Ok(timer) = set_interval_with_handle(move || ask(false), PERIOD) {
        on_cleanup(move || timer.clear());
    }
    let forecast = Memo::new(move |_| reach.with(|reach| reach.forecast.clone().filter(|_| reach.speaks())));
    let busy = Memo::new(move |_| reach.with(|reach| reach.busy));
    move || {
        let forecast = forecast.get()?;
        let (key, tone) = verdict(&forecast);
        let reasons = forecast.reasons.clone();
        let carried = seats(&forecast);
        let text = move || {
            let mut said: Vec<String> =
                reasons.iter().map(|reason| words.get(why(*reason)).to_owned()).collect();
            said.extend(carried.map(|(key, n)| words.fill(key, &[("n", &n.to_string())])));
            said.join(" ")
        };
        Some(view! {
            <div id="reach" class="reach" data-tone=tone.name() role="status">
                <p class="reach-line">
                    <span class="reach-dot" aria-hidden="true"></span>
                    <strong>{words.say(key)}</strong>
                    <button
                        type="button"
                        class="quiet square"
                        class:busy=move || busy.get()
                        disabled=move || busy.get()
                        aria-label=words.say("reach.again")
                        title=words.say("reach.again")
                        on:click=move |_| ask(true)
                    >
                        {Icon::Replay.view()}
                    </button>
                </p>
                <p class="reach-why">{text}</p>
            </div>
        })
    }
}
