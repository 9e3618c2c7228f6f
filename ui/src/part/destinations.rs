//! Where the broadcast goes: the creator's own page first, then the platforms and servers beside it, and how each does.

use footlight_protocol::DestinationId;
use footlight_protocol::destination::{Destination, DestinationState, DestinationStatus, MAX_DESTINATIONS};
use leptos::prelude::*;

use crate::desk::Desk;
use crate::part::destination_form::{DestinationForm, Form};
use crate::part::icon::Icon;
use crate::seat::Seat;
use crate::store::destinations as store;
use crate::words::{Words, use_words};

#[component]
pub fn Destinations() -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let all = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.destinations.clone()));
    let ids = Memo::new(move |_| {
        all.with(|all| all.iter().map(|known| known.destination.id.clone()).collect::<Vec<_>>())
    });
    let form = RwSignal::new(None::<Form>);
    let full = move || all.with(|all| all.iter().filter(|known| !known.fixed).count() >= MAX_DESTINATIONS);
    let adds = move || if full() { words.get("dest.full") } else { words.get("dest.add") };
    view! {
        <section id="destinations" class="card destinations" aria-labelledby="destinations-title">
            <header class="dest-head">
                <h2 id="destinations-title" class="picker-label">
                    {Icon::Send.view()} <span>{words.say("dest.title")}</span>
                </h2>
                <span class="gap"></span>
                <button
                    id="destination-add"
                    type="button"
                    class="secondary"
                    title=adds
                    disabled=full
                    on:click=move |_| form.set(Some(Form::New))
                >
                    {Icon::Add.view()} <span>{words.say("dest.add")}</span>
                </button>
            </header>
            <ul class="dest-list">
                <For each=move || ids.get() key=|id| id.clone() let:id>
                    <Row id all form />
                </For>
            </ul>
            <p class="dest-alone" hidden=move || all.with(|all| all.iter().any(|known| !known.fixed))>
                {words.say("dest.none")}
            </p>
            <Heard all />
        </section>
        <DestinationForm form />
    }
}

/// Tells a screen reader what has changed, without the seconds that count down.
#[component]
fn Heard(all: Memo<Vec<DestinationStatus>>) -> impl IntoView {
    let words = use_words();
    let states = Memo::new(move |_| {
        let state = |known: &DestinationStatus| (name_of(words, known), known.state.name());
        all.with(|all| all.iter().map(state).collect::<Vec<_>>())
    });
    let news = RwSignal::new(String::new());
    Effect::new(move |before: Option<Vec<(String, &'static str)>>| {
        let now = states.get();
        if let Some(before) = before {
            let changed = now.iter().filter(|state| !before.contains(state));
            let said: Vec<String> =
                changed.map(|(name, state)| format!("{name}: {}", words.get(heard(state)))).collect();
            if !said.is_empty() {
                news.set(said.join(". "));
            }
        }
        now
    });
    view! {
        <p class="hidden" role="status" aria-live="polite">
            {news}
        </p>
    }
}

fn heard(state: &str) -> &'static str {
    match state {
        "connecting" => "dest.connecting",
        "live" => "dest.live",
        "slow" => "dest.slow",
        "waiting" => "dest.waiting",
        "refused" => "dest.refused",
        _ => "dest.switched_off",
    }
}

/// The creator's own page is called so; others have the name that they were given.
fn name_of(words: Words, known: &DestinationStatus) -> String {
    if known.fixed && known.destination.url.contains("/whip/") && known.destination.name == "Footlight" {
        words.get("dest.own").to_owned()
    } else {
        known.destination.name.clone()
    }
}

#[component]
fn Row(id: DestinationId, all: Memo<Vec<DestinationStatus>>, form: RwSignal<Option<Form>>) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let id = StoredValue::new(id);
    let known = Memo::new(move |_| {
        all.with(|all| id.with_value(|id| all.iter().find(|known| known.destination.id == *id).cloned()))
    });
    let state = move || known.with(|known| known.as_ref().map_or("off", |known| known.state.name()));
    let fixed = known.with_untracked(|known| known.as_ref().is_some_and(|known| known.fixed));
    let waits =
        Memo::new(move |_| known.with(|known| known.as_ref().is_some_and(|k| k.state.retry_at().is_some())));
    let name =
        move || known.with(|known| known.as_ref().map(|known| name_of(words, known)).unwrap_or_default());
    let place = move || {
        known.with(|known| {
            let known = known.as_ref()?;
            let platform = words.get(store::platform(known.destination.platform));
            Some(platform).filter(|platform| !known.fixed && *platform != known.destination.name)
        })
    };
    view! {
        <li class="dest" data-destination=id.with_value(ToString::to_string) data-state=state>
            <span class="dest-dot" aria-hidden="true"></span>
            <div class="dest-text">
                <p class="dest-name">
                    <strong>{name}</strong>
                    <small>{place}</small>
                </p>
                <p class="dest-state">
                    <Says known />
                </p>
            </div>
            <Show when=move || waits.get()>
                <button
                    type="button"
                    class="secondary dest-retry"
                    data-act="retry"
                    aria-label=move || format!("{}: {}", name(), words.get("dest.retry"))
                    on:click=move |_| desk.retry_destination(id.get_value())
                >
                    {Icon::Replay.view()} <span>{words.say("dest.retry")}</span>
                </button>
            </Show>
            {(!fixed).then(|| view! { <Acts id known form /> })}
        </li>
    }
}

/// How it does, in words.
#[component]
fn Says(known: Memo<Option<DestinationStatus>>) -> impl IntoView {
    let (desk, seat, words) = (Desk::get(), Seat::get(), use_words());
    let on_air = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.phase.on_air()));
    move || {
        let known = known.get()?;
        let plain = words.get(store::state(&known, on_air.get()));
        Some(match &known.state {
            DestinationState::Live { .. } => {
                let kbps = known.kbps.to_string();
                view! { {plain} " " <span class="dest-rate">{words.fill("dest.rate", &[("n", &kbps)])}</span> }
                    .into_any()
            }
            DestinationState::Waiting { failure, .. } | DestinationState::Refused { failure, .. } => {
                let why = store::failure(failure)
                    .map_or_else(|| words.failure(failure), |key| words.get(key).into());
                let next = match store::countdown(&known.state, seat.now().get()) {
                    Some(seconds) => words.fill("dest.next_try", &[("n", &seconds.to_string())]),
                    None => words.get("dest.trying").to_owned(),
                };
                view! { <span class="dest-why">{why}</span> " " <span class="dest-next">{next}</span> }
                    .into_any()
            }
            DestinationState::Off if known.fixed && !on_air.get() => words.get("dest.own_ready").into_any(),
            _ => plain.into_any(),
        })
    }
}

/// What can be done with one that was added.
#[component]
fn Acts(
    id: StoredValue<DestinationId>,
    known: Memo<Option<DestinationStatus>>,
    form: RwSignal<Option<Form>>,
) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let sure = RwSignal::new(false);
    let enabled =
        Memo::new(move |_| known.with(|known| known.as_ref().is_some_and(|known| known.destination.enabled)));
    let destination =
        move || known.with_untracked(|known| known.as_ref().map(|known| known.destination.clone()));
    let named = move |key: &'static str| {
        let name = known.with(|k| k.as_ref().map(|k| k.destination.name.clone()).unwrap_or_default());
        format!("{}: {}", name, words.get(key))
    };
    let remove = move |_| {
        if sure.get_untracked() {
            desk.remove_destination(id.get_value());
        } else {
            sure.set(true);
        }
    };
    view! {
        <label class="switch dest-switch" title=words.say("dest.switch")>
            <input
                type="checkbox"
                role="switch"
                data-act="toggle"
                aria-label=move || named("dest.switch")
                prop:checked=move || enabled.get()
                on:change=move |event| desk.enable_destination(id.get_value(), event_target_checked(&event))
            />
            <span class="switch-track" aria-hidden="true"></span>
        </label>
        <button
            type="button"
            class="quiet square"
            data-act="edit"
            aria-label=move || named("dest.edit")
            title=words.say("dest.edit")
            on:click=move |_| form.set(destination().map(|destination: Destination| Form::Change(destination)))
        >
            {Icon::Pencil.view()}
        </button>
        <button
            type="button"
            class="quiet"
            class:square=move || !sure.get()
            class:sure=move || sure.get()
            data-act="remove"
            aria-label=move || named(if sure.get() { "dest.remove_sure" } else { "dest.remove" })
            title=words.say("dest.remove")
            on:click=remove
            on:blur=move |_| sure.set(false)
        >
            {Icon::Trash.view()}
            <Show when=move || sure.get()>
                <span>{words.say("dest.remove_sure")}</span>
            </Show>
        </button>
    }
}
