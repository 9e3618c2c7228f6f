//! Somebody opened an invitation: they are asked once. The secret leaves the page's address at once.

use footlight_protocol::room::{Member, Role};
use footlight_protocol::{Code, Failure};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::browser;
use crate::part::icon::Icon;
use crate::part::modal::modal;
use crate::seat::Seat;
use crate::store::place;
use crate::words::use_words;

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    /// The relay is asked what the link offers.
    Looking,
    Asks(Role),
    Taking(Role),
    Done(Role),
    Failed(Failure),
}

#[component]
pub fn Invited() -> impl IntoView {
    let secret = place::invitation(&browser::fragment());
    secret.map(|secret| {
        browser::forget_fragment();
        view! { <Asking secret /> }
    })
}

#[component]
fn Asking(secret: String) -> impl IntoView {
    let (seat, words, relay) = (Seat::get(), use_words(), expect_context::<Relay>());
    let open = RwSignal::new(true);
    let step = RwSignal::new(Step::Looking);
    let room = relay.room().to_string();
    let (relay, secret) = (StoredValue::new(relay), StoredValue::new(secret));
    spawn_local(async move {
        let found = relay.get_value().look_at_invite(secret.get_value()).await;
        step.try_set(found.map_or_else(Step::Failed, |offer| Step::Asks(offer.role)));
    });
    let accept = move |_| {
        let (Step::Asks(role), Some(token)) =
            (step.get_untracked(), seat.room().with_untracked(|room| room.token.clone()))
        else {
            return;
        };
        step.set(Step::Taking(role));
        spawn_local(async move {
            let taken = relay.get_value().by(token).accept_invite(secret.get_value()).await;
            step.try_set(taken.map_or_else(Step::Failed, |offer| Step::Done(offer.role)));
        });
    };
    // Before the room has welcomed this page there is nobody who could become something.
    let here = Memo::new(move |_| seat.room().with(|room| room.token.is_some()));
    let dialog = modal(move || open.get());
    let title = move || match step.get() {
        Step::Looking => words.get("invited.looking").to_owned(),
        Step::Asks(role) | Step::Taking(role) => {
            words.fill(of_role(role, ["invited.moderator", "invited.vip"]), &[("room", &room)])
        }
        Step::Done(role) => words.get(of_role(role, ["invited.is_moderator", "invited.is_vip"])).to_owned(),
        Step::Failed(_) => words.get("invited.failed").to_owned(),
    };
    let text = move || match step.get() {
        Step::Looking => String::new(),
        Step::Asks(role) | Step::Taking(role) => {
            words.get(of_role(role, ["invited.moderator_text", "invited.vip_text"])).to_owned()
        }
        Step::Done(role) => {
            words.get(of_role(role, ["invited.done_moderator", "invited.done_vip"])).to_owned()
        }
        Step::Failed(failure) if failure.code == Code::NotFound => words.get("invited.gone").to_owned(),
        Step::Failed(failure) => words.failure(&failure),
    };
    let me = move || seat.room().with(|room| room.me.clone()).map(name_of).unwrap_or_default();
    let asks = move || matches!(step.get(), Step::Asks(_) | Step::Taking(_));
    view! {
        <dialog
            id="invited"
            class="dialog invited"
            node_ref=dialog
            aria-labelledby="invited-title"
            on:close=move |_| open.set(false)
        >
            <span class="invited-mark" aria-hidden="true">{Icon::Shield.view()}</span>
            <h2 id="invited-title">{title}</h2>
            <p>{text}</p>
            <Show when=move || asks() && !me().is_empty()>
                <p class="invited-me">{move || words.fill("invited.as", &[("name", &me())])}</p>
            </Show>
            <div class="dialog-buttons">
                <button id="invited-no" type="button" class="secondary" on:click=move |_| open.set(false)>
                    {move || words.get(if asks() { "invited.no" } else { "common.close" })}
                </button>
                <Show when=asks>
                    <button
                        id="invited-yes"
                        type="button"
                        class="primary"
                        disabled=move || !here.get() || matches!(step.get(), Step::Taking(_))
                        on:click=accept
                    >
                        {words.say("invited.yes")}
                    </button>
                </Show>
            </div>
        </dialog>
    }
}

fn of_role(role: Role, [moderator, vip]: [&'static str; 2]) -> &'static str {
    if role == Role::Vip { vip } else { moderator }
}

fn name_of(me: Member) -> String {
    me.name
}
