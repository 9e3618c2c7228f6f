//! One line of the chat. Names and texts become text nodes and nothing else.

use std::sync::Arc;

use footlight_protocol::UserId;
use footlight_protocol::room::{Member, Role};
use footlight_protocol::spend::{BecameMember, Paid, tier};
use footlight_protocol::talk::Quote;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::browser;
use crate::emotes::known_now;
use crate::part::answer::quote_view;
use crate::part::badge::badges_view;
use crate::part::face::picture_view;
use crate::part::gift_line::GiftLine;
use crate::part::icon::Icon;
use crate::part::moderate::{TIMEOUTS, Toolbar, Turn};
use crate::part::speech::speech_view;
use crate::part::spend_line::{MemberLine, PacketLine};
use crate::seat::Seat;
use crate::store::i18n;
use crate::store::room::{Line, LineKind, Pending};
use crate::store::speech::{Piece, pieces};
use crate::words::{Words, use_words};

/// Colours for names; `tokens.css` has as many.
const NICK_COLOURS: u32 = 8;

#[component]
pub fn Message(line: Arc<Line>) -> AnyView {
    let words = use_words();
    match &line.kind {
        LineKind::Said { by, text, quote } => said(&line, by.clone(), text.clone(), quote.as_deref(), None),
        LineKind::TimedOut { user, seconds } => {
            let (name, seconds) = (shown_name(user), *seconds);
            notice(move || {
                let usual = TIMEOUTS.iter().find(|(length, _)| u64::from(*length) == seconds);
                let length = usual.map_or_else(|| i18n::clock(seconds), |(_, key)| words.get(key).to_owned());
                words.fill("notice.timed_out", &[("name", &name), ("time", &length)])
            })
        }
        LineKind::Banned { user, range } => {
            let (name, key) =
                (shown_name(user), if *range { "notice.banned_range" } else { "notice.banned" });
            notice(move || words.fill(key, &[("name", &name)]))
        }
        LineKind::Swept { messages } => {
            let count = *messages as u32;
            notice(move || words.count("notice.swept_one", "notice.swept_many", count))
        }
        LineKind::Unswept { messages } => {
            let count = *messages as u32;
            notice(move || words.count("notice.unswept_one", "notice.unswept_many", count))
        }
        LineKind::Shielded { up } => {
            let key = if *up { "notice.shield_up" } else { "notice.shield_down" };
            notice(move || words.get(key).to_owned())
        }
        LineKind::Appointed { user } => {
            let (name, key) = (
                shown_name(user),
                match user.role {
                    Role::Moderator | Role::Owner => "notice.moderator",
                    Role::Vip => "notice.vip",
                    Role::Guest => "notice.guest",
                },
            );
            notice(move || words.fill(key, &[("name", &name)]))
        }
        LineKind::Paid(paid) => paid_line(&line, paid),
        LineKind::Packet(packet) => {
            view! { <PacketLine by=packet.by.clone() takers=packet.takers coins=packet.coins /> }.into_any()
        }
        LineKind::Member(member) => {
            let BecameMember { by, coins, months, entry } = member.clone();
            view! { <MemberLine by months coins entry /> }.into_any()
        }
        LineKind::Goal { title } => {
            let title = title.clone();
            goal_line(move || words.fill("notice.goal", &[("title", &title)]))
        }
        LineKind::Noticed { user } => {
            let name = shown_name(user);
            notice(move || words.fill("notice.noticed", &[("name", &name)]))
        }
        LineKind::Gifted(run) => view! { <GiftLine run=run.clone() /> }.into_any(),
        LineKind::Pardoned { user } => {
            let name = shown_name(user);
            notice(move || words.fill("notice.pardoned", &[("name", &name)]))
        }
    }
}

/// A message that the relay has not answered yet.
#[component]
pub fn Waiting(message: Arc<Pending>) -> impl IntoView {
    let (seat, words) = (Seat::get(), use_words());
    let me = seat.room().with_untracked(|room| room.me.clone());
    view! {
        <div class="message pending" data-nonce=message.nonce.to_string()>
            {message.reply.as_deref().map(|quote| quote_view(words, quote))}
            <p class="message-line">
                {me.map(|me| name_view(words, &me))} <span class="message-text">{speech_view(&pieces(&message.text, "", &known_now()))}</span>
                <span class="hidden">{words.say("chat.sending")}</span>
            </p>
        </div>
    }
}

/// As what anybody says, in the colour of what it cost.
fn paid_line(line: &Line, paid: &Paid) -> AnyView {
    said(line, paid.by.clone(), paid.text.clone(), None, Some((paid.coins, paid.entry)))
}

fn said(line: &Line, by: Member, text: String, quote: Option<&Quote>, price: Option<(u64, u64)>) -> AnyView {
    let (seat, words, turn) = (Seat::get(), use_words(), use_context::<Turn>());
    let id = line.id;
    let mine = seat.is_me(&by.id);
    let moderates = seat.moderates();
    // The arrow keys go through all lines; the tab key stops at one, and only where there is much to do.
    let tabindex = move || match turn {
        Some(turn) if moderates.get() => Some(if turn.is_at(id) { "0" } else { "-1" }),
        Some(_) => Some("-1"),
        None => None,
    };
    let name = seat.room().with_untracked(|room| room.name().to_owned());
    let pieces = pieces(&text, &name, &known_now());
    let answers_me = quote.and_then(|quote| quote.of.as_ref()).is_some_and(|of| seat.is_me(&of.by.id));
    let to_me = !mine && (answers_me || pieces.iter().any(|piece| matches!(piece, Piece::Me(_))));
    let speech = speech_view(&pieces);
    let quote = quote.map(|quote| quote_view(words, quote));
    let cost = price.filter(|(coins, _)| *coins > 0).map(|(coins, _)| {
        view! { <span class="coins">{Icon::Coin.view()} {coins}</span> }
    });
    // Made when somebody comes near: of hundreds of lines, few are ever acted on.
    let near = RwSignal::new(false);
    let toolbar = {
        let by = by.clone();
        move || {
            let said = (by.clone(), text.clone());
            let wanted = near.get() && turn.is_some();
            wanted.then(|| view! { <Toolbar message=id said mine /> })
        }
    };
    view! {
        <div
            class=price.map_or_else(|| "message".to_owned(), |(coins, _)| format!("message paid tier-{}", tier(coins)))
            class:mine=mine
            class:to-me=to_me
            data-entry=price.map(|(_, entry)| entry.to_string())
            data-message-id=id.0.to_string()
            data-user=by.id.to_string()
            tabindex=tabindex
            on:pointerenter=move |_| near.set(true)
            on:focus=move |_| {
                near.set(true);
                if let Some(turn) = turn {
                    turn.go(id);
                }
            }
        >
            {quote}
            <p class="message-line" title=time_of_day(line.at)>
                {name_view(words, &by)}
                {cost} <span class="message-text">{speech}</span>
            </p>
            {toolbar}
        </div>
    }
    .into_any()
}

/// The name in its colour, the role, and what the person has earned. Where there is a room to ask, the name opens the
/// person's card.
pub fn name_view(words: Words, by: &Member) -> AnyView {
    let role = role_key(by.role);
    view! {
        {picture_view(by)}
        {bare_name(by)}
        {role.map(|key| view! { <span class="role" class:role-owner=key == "role.owner" class:role-vip=key == "role.vip">{words.say(key)}</span> })}
        {badges_view(words, by.badges)}
    }
    .into_any()
}

/// The word for a role that has one.
pub fn role_key(role: Role) -> Option<&'static str> {
    match role {
        Role::Owner => Some("role.owner"),
        Role::Moderator => Some("role.moderator"),
        Role::Vip => Some("role.vip"),
        Role::Guest => None,
    }
}

fn bare_name(by: &Member) -> AnyView {
    let class = nick(&by.id);
    let Some(seat) = use_context::<Seat>() else {
        return view! { <span class=class>{shown_name(by)}</span> }.into_any();
    };
    let of = by.clone();
    // In the log the keyboard is at messages, and there are hundreds.
    let tabindex = use_context::<Turn>().map(|_| "-1");
    let open = move |event: web_sys::MouseEvent| {
        event.stop_propagation();
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        seat.open_card(of.clone(), target.map(|target| browser::place_of(&target)).unwrap_or_default());
    };
    view! {
        <button type="button" class=class tabindex=tabindex aria-haspopup="dialog" on:click=open>
            {shown_name(by)}
        </button>
    }
    .into_any()
}

fn notice(text: impl Fn() -> String + Send + 'static) -> AnyView {
    view! { <p class="message-notice">{Icon::Clock.view()} <span>{text}</span></p> }.into_any()
}

/// Everybody sees it, and not as something that moderators did.
fn goal_line(text: impl Fn() -> String + Send + 'static) -> AnyView {
    view! { <p class="message goal-line">{Icon::Flag.view()} <span>{text}</span></p> }.into_any()
}

/// The nickname, or what the relay calls somebody who has none.
pub fn shown_name(member: &Member) -> String {
    if member.name.is_empty() { member.id.to_string() } else { member.name.clone() }
}

/// The classes of a person's name.
pub fn nick(user: &UserId) -> String {
    format!("message-name nick-{}", colour(user))
}

/// The same person has the same colour everywhere (FNV-1a, 32 bit).
pub fn colour(user: &UserId) -> u32 {
    let hash = user
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) % NICK_COLOURS
}

fn time_of_day(at: u64) -> String {
    let date = js_sys::Date::new(&(at as f64).into());
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}
