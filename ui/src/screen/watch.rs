//! The viewer page: the stage, who is here, and the chat.

use footlight_protocol::room::{ServerMessage, StreamState};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::air::Air;
use crate::api::Relay;
use crate::browser;
use crate::following::Notices;
use crate::liking::Liking;
use crate::part::follow::FollowButton;
use crate::part::icon::Mark;
use crate::part::invited::Invited;
use crate::part::me::{Me, TOKEN};
use crate::part::preferences::LanguageChoice;
use crate::part::side::{Looking, Side};
use crate::part::stage::Stage;
use crate::part::viewers::Viewers;
use crate::part::way_menu;
use crate::player::Routes;
use crate::seat::Seat;
use crate::socket::Address;
use crate::store::place;
use crate::store::playback::{Rung, Status, Why};
use crate::store::room::{Link, RoomEvent};
use crate::viewing::Viewing;
use crate::words;

#[component]
pub fn Watch() -> impl IntoView {
    browser::end_boot();
    let words = words::provide_kept();
    let room = place::room(&window().location().pathname().unwrap_or_default());
    provide_context(Relay::here(room.clone()));
    let seat = Seat::provide();
    let viewing = Viewing::provide(seat);
    // Without a measured picture what flies is of now.
    let clock = move || viewing.media_ms().unwrap_or_else(|| seat.relay_now(browser::now_ms()));
    let air = Air::provide(clock, Signal::stored(true));
    let liking = Liking::provide(seat, air);
    let notices = Notices::new(seat, words, room.clone());
    let looking = Looking::provide();
    let keys =
        window_event_listener(leptos::ev::keydown, move |event| keyboard(air, (seat, looking), &event));
    on_cleanup(move || keys.remove());
    let token = browser::stored(TOKEN);
    let socket = browser::socket_url(&format!("/ws/{room}"));
    let address = Address { socket, probe: Some("/healthz".to_owned()), token: token.clone(), owner: None };
    seat.connect(address, move |event| {
        if let RoomEvent::Server(ServerMessage::Welcome { token, .. }) = event {
            browser::store(TOKEN, token);
        }
        // Another page of this browser may have signed in, or out, since.
        if matches!(event, RoomEvent::Link(Link::Lost { .. })) {
            browser::stored(TOKEN).into_iter().for_each(|token| seat.renew(token));
        }
        viewing.hear(event);
        notices.hear(event);
        let me = seat.room().with_untracked(|room| room.me.as_ref().map(|me| me.id.clone()));
        air.hear(event, me.as_ref());
        liking.hear(event);
    });

    let chat_open = RwSignal::new(false);
    let live = Memo::new(move |_| {
        seat.room().with(|room| matches!(room.stream, Some(StreamState::Live { .. })))
            && viewing.status().get() != Status::Banned
    });
    let latency = move || viewing.latency_ms().get();
    let reason = move || match viewing.status().get() {
        Status::Failed(why) => Some(match why {
            Why::NoPlayer => "no-player",
            Why::NoH264 => "no-h264",
            Why::Blocked => "blocked",
            Why::Unreachable => "unreachable",
            Why::Refused(_) => "refused",
        }),
        _ => None,
    };
    let compatible = move || viewing.path().get() == Some((Rung::Hls, true));
    view! {
        <main
            id="player"
            class="watch"
            class:chat-open=move || chat_open.get()
            data-state=move || viewing.status().get().name()
            data-reason=reason
            data-path=move || viewing.path().get().map(|(rung, _)| rung.name())
            data-way=move || viewing.choice().get().name()
            data-latency-ms=move || latency().map(|ms| ms.to_string())
        >
            <Stage
                routes=Routes { whep: format!("/whep/{room}"), hls: format!("/hls/{room}/index.m3u8") }
                token
                chat_open
            />
            <header class="bar">
                <span class="brand">
                    <Mark />
                    <span class="brand-room">{room.to_string()}</span>
                </span>
                <Show when=move || live.get()>
                    <span class="live-badge">{words.say("live.badge")}</span>
                </Show>
                <span id="latency" class="latency" title=move || way_menu::sentence(words, viewing)>
                    {move || way_menu::delay(words, viewing)}
                    <Show when=compatible>
                        <span class="latency-mode">" · "{words.say("watch.compatible")}</span>
                    </Show>
                </span>
                <Viewers />
                <FollowButton />
                <span class="gap"></span>
                <LanguageChoice on_choose=move |language| words.keep(language) />
                <Me />
            </header>
            <aside class="side">
                <Side />
            </aside>
            <Invited />
        </main>
    }
}

/// Keys that work everywhere but where they mean something of their own.
fn keyboard(air: Air, (seat, looking): (Seat, Looking), event: &KeyboardEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let typing = target
        .as_ref()
        .is_some_and(|target| ["SELECT", "TEXTAREA", "INPUT"].contains(&target.tag_name().as_str()));
    if typing || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    // In the log it deletes, for those who moderate.
    let in_log = target.is_some_and(|target| target.closest("#chat-log").ok().flatten().is_some());
    if looking.key(seat, event) {
        event.prevent_default();
    } else if !in_log && event.key().eq_ignore_ascii_case("d") {
        air.toggle();
        event.prevent_default();
    }
}
