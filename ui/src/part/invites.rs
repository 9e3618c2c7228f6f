//! Invitations: links by which people become moderators or VIPs, for the creator to make and take back.

use footlight_protocol::invite::{Invite, InviteRequest, MAX_INVITE_LABEL};
use footlight_protocol::room::Role;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api;
use crate::browser;
use crate::desk::Desk;
use crate::part::copy::CopyField;
use crate::part::icon::Icon;
use crate::part::message::shown_name;
use crate::store::invites::{Invites as Store, InvitesEvent};
use crate::words::{Words, use_words};

/// What is offered: roles, how many people, for how long.
const ROLES: [(Role, &str); 2] = [(Role::Moderator, "appoint.moderator"), (Role::Vip, "appoint.vip")];
const USES: [(u32, &str); 3] = [(1, "invite.uses_1"), (5, "invite.uses_5"), (20, "invite.uses_20")];
const TIMES: [(u32, &str); 3] =
    [(3_600, "invite.hour"), (24 * 3_600, "invite.day"), (7 * 24 * 3_600, "invite.week")];

/// Lists them while `open`.
#[component]
pub fn Invites(open: RwSignal<bool>) -> impl IntoView {
    let (desk, words) = (Desk::get(), use_words());
    let invites = RwSignal::new(Store::default());
    let ask = move |request: Request| {
        let Some(access) = desk.access().get_untracked() else { return };
        invites.update(|invites| invites.apply(InvitesEvent::Asked));
        spawn_local(async move {
            let event = carry_out(api::Relay::owned(&access), request).await;
            invites.try_update(|invites| invites.apply(event));
        });
    };
    Effect::new(move |_| {
        if open.get() {
            ask(Request::List);
        } else {
            invites.update(|invites| invites.apply(InvitesEvent::PutAway));
        }
    });
    let (role, uses, time) = (RwSignal::new(0), RwSignal::new(0), RwSignal::new(1));
    let label = RwSignal::new(String::new());
    let make = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        ask(Request::Make(InviteRequest {
            role: ROLES[role.get_untracked()].0,
            uses: USES[uses.get_untracked()].0,
            seconds: TIMES[time.get_untracked()].0,
            label: label.get_untracked().trim().to_owned(),
        }));
        label.set(String::new());
    };
    // The link that viewers get, with the secret where browsers send it to nobody.
    let link = Memo::new(move |_| {
        let secret = invites.with(|invites| invites.new.as_ref().map(|new| new.secret.clone()))?;
        let link = desk.access().with(|access| access.as_ref()?.links.first().cloned())?;
        Some(format!("{link}#invite={secret}"))
    });
    let rows = move || invites.with(|invites| invites.list.clone()).unwrap_or_default();
    let busy = move || invites.with(|invites| invites.busy);
    view! {
        <section class="stream-keys invites" aria-labelledby="invites-heading">
            <h3 id="invites-heading">{words.say("invite.title")}</h3>
            <p>{words.say("invite.text")}</p>
            {move || {
                link.get()
                    .map(|link| {
                        view! {
                            <div class="key-new" role="status">
                                <CopyField
                                    id="invite-link"
                                    button="invite-copy"
                                    label="invite.link"
                                    text=Signal::stored(link)
                                />
                                <p>{Icon::Warning.view()} <span>{words.say("invite.once")}</span></p>
                            </div>
                        }
                    })
            }}
            <p class="key-failure" role="alert">
                {move || invites.with(|invites| invites.failure.clone()).map(|failure| words.failure(&failure))}
            </p>
            <ul class="key-list">
                {move || {
                    rows()
                        .into_iter()
                        .map(|invite| view! { <Row invite invites revoke=Callback::new(move |id| ask(Request::Revoke(id))) /> })
                        .collect_view()
                }}
            </ul>
            <form class="invite-make" on:submit=make>
                <Choice id="invite-role" label="invite.role" chosen=role keys=ROLES.map(|(_, key)| key).to_vec() />
                <Choice id="invite-uses" label="invite.uses" chosen=uses keys=USES.map(|(_, key)| key).to_vec() />
                <Choice id="invite-time" label="invite.time" chosen=time keys=TIMES.map(|(_, key)| key).to_vec() />
                <input
                    id="invite-label"
                    type="text"
                    maxlength=MAX_INVITE_LABEL.to_string()
                    placeholder=words.say("invite.label")
                    aria-label=words.say("invite.label")
                    prop:value=move || label.get()
                    on:input=move |event| label.set(event_target_value(&event))
                />
                <button id="invite-make" type="submit" class="secondary" disabled=busy>
                    {words.say("invite.make")}
                </button>
            </form>
        </section>
    }
}

/// One of a few, by their place.
#[component]
fn Choice(
    id: &'static str,
    label: &'static str,
    chosen: RwSignal<usize>,
    keys: Vec<&'static str>,
) -> impl IntoView {
    let words = use_words();
    let options = keys.into_iter().enumerate().map(|(place, key)| {
        view! {
            <option value=place.to_string() selected=move || chosen.get() == place>
                {words.say(key)}
            </option>
        }
    });
    view! {
        <select
            id=id
            aria-label=words.say(label)
            title=words.say(label)
            on:change=move |event| chosen.set(event_target_value(&event).parse().unwrap_or(0))
        >
            {options.collect_view()}
        </select>
    }
}

/// One link, and who came by it.
#[component]
fn Row(invite: Invite, invites: RwSignal<Store>, revoke: Callback<u64>) -> impl IntoView {
    let words = use_words();
    let (id, is_open) = (invite.id, invite.is_open(browser::now_ms() as u64));
    let press = move |_| {
        if invites.with_untracked(|invites| invites.sure == Some(id)) {
            revoke.run(id);
        } else {
            invites.update(|invites| invites.apply(InvitesEvent::Considered(id)));
        }
    };
    let asked = move || invites.with(|invites| invites.sure == Some(id));
    let role = ROLES.iter().find(|(role, _)| *role == invite.role).map_or("appoint.guest", |(_, key)| *key);
    let names: Vec<String> = invite.taken.iter().map(|taken| shown_name(&taken.user)).collect();
    let taken = (!names.is_empty()).then(|| {
        let names = names.join(", ");
        view! { <span class="invite-taken">{move || words.fill("invite.taken", &[("names", &names)])}</span> }
    });
    let label = invite.label.clone();
    view! {
        <li class="key-row invite-row" class:over=!is_open data-invite=id.to_string()>
            <div class="invite-what">
                <span class="key-name">{words.say(role)}" "<span class="invite-label">{label}</span></span>
                <span class="invite-state">{move || state(words, &invite)}</span>
                {taken}
            </div>
            {is_open
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="quiet"
                            class:sure=asked
                            disabled=move || invites.with(|invites| invites.busy)
                            on:click=press
                        >
                            {move || words.get(if asked() { "invite.revoke_sure" } else { "invite.revoke" })}
                        </button>
                    }
                })}
        </li>
    }
}

/// How many came, and whether more can.
fn state(words: Words, invite: &Invite) -> String {
    let used = ("used", invite.used.to_string());
    let uses = ("uses", invite.uses.to_string());
    let parts = [("dateStyle", "medium"), ("timeStyle", "short")];
    let until = browser::moment(invite.expires_at as f64, words.language().tag(), &parts);
    let key = if invite.revoked {
        "invite.revoked"
    } else if invite.used >= invite.uses {
        "invite.used_up"
    } else if invite.is_open(browser::now_ms() as u64) {
        "invite.open"
    } else {
        "invite.expired"
    };
    words.fill(key, &[(used.0, &used.1), (uses.0, &uses.1), ("time", &until)])
}

enum Request {
    List,
    Make(InviteRequest),
    Revoke(u64),
}

async fn carry_out(relay: api::Relay, request: Request) -> InvitesEvent {
    let done = match request {
        Request::List => relay.invites().await.map(InvitesEvent::Listed),
        Request::Make(request) => relay.make_invite(&request).await.map(InvitesEvent::Made),
        Request::Revoke(id) => relay.revoke_invite(id).await.map(|()| InvitesEvent::Revoked(id)),
    };
    done.unwrap_or_else(InvitesEvent::Failed)
}
