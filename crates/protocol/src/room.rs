//! The room's WebSocket (`GET /ws/{room}`): JSON, one message a text frame.
//!
//! A client opens with [`ClientMessage::Hello`]; the relay answers [`ServerMessage::Welcome`] and from then
//! on says [`ServerMessage::Event`] for all that has an order, and the rest as it changes. After a break the
//! client says the last seq it saw and gets the missed tail, or a fresh history where the tail is too long.

use serde::{Deserialize, Serialize};

use crate::coin::{CoinAsk, CoinNews, Shop};
use crate::danmaku::Fly;
use crate::emote::Emote;
use crate::gift::{Board, Gift};
pub use crate::member::{Member, Role};
pub use crate::moderation::Desk;
use crate::moderation::{Former, Raid, Reason, Rules};
use crate::overlay::Control;
use crate::person::Card;
use crate::report::{Case, Dismissed, Lifted, Notice, Report, Upheld};
pub use crate::spend::Badges;
use crate::spend::{
    Arrange, BecameMember, Drawn, Goal, Packet, PacketOver, Paid, Shows, Spend, Standing, Terms,
};
pub use crate::state::*;
use crate::talk::Quote;
use crate::{Failure, GiftId, MessageId, Nonce, Seq, UserId};

/// Longest chat message, in Unicode scalar values after trimming.
pub const MAX_TEXT: usize = 300;
/// Longest nickname, in Unicode scalar values after trimming.
pub const MAX_NAME: usize = 24;
/// Longest text on the card between publishers, in Unicode scalar values after trimming.
pub const MAX_CARD: usize = 140;
/// Longest WebSocket message a client may send, in bytes. Four bytes a scalar value, escapes, and the envelope.
pub const MAX_CLIENT_MESSAGE: usize = 8 * 1024;
/// Longest timeout, in seconds: two weeks.
pub const MAX_TIMEOUT: u32 = 14 * 24 * 3600;

/// Milliseconds since the Unix epoch, on the relay's clock.
pub type UnixMillis = u64;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// First message. Without `token` the relay makes a new guest.
    Hello {
        version: u32,
        /// The device token from an earlier `welcome`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// The owner token: makes this session the owner's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// Last seq seen, to resume.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Seq>,
        /// Whether this client takes `batch`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        batches: bool,
        /// Whether this client takes what is long as binary messages, too: the same JSON, deflated (RFC 1951).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        packed: bool,
    },
    /// Sets the nickname.
    Name { name: String },
    /// Says something. Answered by `done` or `refused` with the same nonce; a repeated nonce is said once.
    Say {
        nonce: Nonce,
        text: String,
        /// How it is to fly over the picture; without it, plainly.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fly: Option<Fly>,
        /// The message that it answers: one of the newest that everybody can see.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<MessageId>,
    },
    /// Reports a message to the moderators. Answered like `grant`; a repeated report is one.
    Report(Report),
    /// Likes the broadcast, 1 to [`MAX_LIKES`](crate::danmaku::MAX_LIKES) times. Not answered: more than a person can
    /// mean are not counted, and none are while nobody is on air.
    Like { count: u32 },
    /// Follows the room, or does not any more. Answered like `grant`; what is so already is done.
    Follow { nonce: Nonce, on: bool },
    /// Moderates. Owner and moderators only. Answered by `done` or `refused`.
    Moderate { nonce: Nonce, action: Action },
    /// Sets [`RoomState::card`]; an empty text takes it away. Owner only. Answered by `done`, with the room's
    /// newest seq, or `refused`.
    SetCard { nonce: Nonce, text: String },
    /// Sends `count` pieces of a gift, paid at once. Answered by `done` or `refused`; a repeated nonce is paid once.
    SendGift { nonce: Nonce, gift: GiftId, count: u32 },
    /// Gives coins to a person. Owner only. Answered by `done`, with the room's newest seq, or `refused`.
    Grant { nonce: Nonce, user: UserId, coins: u64 },
    /// Gives a gift's coins back: the row of the books that its event names. Owner only.
    Refund { nonce: Nonce, entry: u64 },
    /// Sets what the room offers. Owner only. Answered like `grant`.
    SetGifts { nonce: Nonce, gifts: Vec<Gift> },
    /// How coins come to people. Answered like `grant`; what is asked twice under one nonce is done once.
    Coins { nonce: Nonce, ask: CoinAsk },
    /// Tells the room's overlay pages what to do. Owner only. Answered like `grant`.
    Overlay { nonce: Nonce, control: Control },
    /// Does something with coins besides giving them. Answered by `done` or `refused`; a repeated nonce is carried out once.
    Spend { nonce: Nonce, what: Spend },
    /// Sets what coins are good for beside gifts. Owner only. Answered like `grant`.
    Arrange { nonce: Nonce, what: Arrange },
    /// Asks who somebody is. Answered by `card` or `refused`.
    Card { nonce: Nonce, user: UserId },
    /// Writes something down about a person, for the moderators. Answered like `card`.
    AddNote { nonce: Nonce, user: UserId, text: String },
    /// Takes a note away: one's own, or as the owner anybody's. Answered like `card`.
    DropNote { nonce: Nonce, user: UserId, note: u64 },
    /// Asks for the relay's clock; `sent` comes back unchanged.
    Ping { sent: f64 },
    /// What this viewer's player measures, at most every two seconds.
    Playing {
        /// Capture to screen, in milliseconds, where it can be measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        latency_ms: Option<u32>,
    },
}

/// What a moderator does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Hides a message from everybody.
    Delete { message: MessageId },
    /// Undoes a delete.
    Restore { message: MessageId },
    /// Mutes for 1 to [`MAX_TIMEOUT`] seconds, from now.
    Timeout { user: UserId, seconds: u32 },
    /// Closes every session of the person, chat and media, and refuses new ones.
    Ban {
        user: UserId,
        /// And of everybody in their network (a /24, or a /64 of IPv6) whom nobody has given a role or trusts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        range: bool,
    },
    /// Undoes timeout and ban.
    Pardon { user: UserId },
    /// Lets a held message be seen, in its place.
    Approve { message: MessageId },
    /// Keeps a held message back for good. It can be approved later.
    Deny { message: MessageId },
    /// Puts right what the event of that seq did: a raid that was taken for one, a delete, a timeout, a ban, a denial.
    Undo {
        act: Seq,
        /// And all raids that were found after it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        and_later: bool,
    },
    /// Against a raid, all at once: newcomers wait, the others write slowly, links are held, and what many strangers say
    /// alike is taken away, also what was said in the last half minute. Ends by itself some minutes after the raid.
    Shield { on: bool },
    /// Sets what the room takes.
    SetRules { rules: Rules },
    /// The rules do not bind this person; nothing of theirs is taken for a part of a raid.
    Trust { user: UserId },
    /// All that this person writes is held.
    Restrict { user: UserId },
    /// Neither trusted nor restricted.
    Unmark { user: UserId },
    /// Makes a guest a moderator or a VIP, or either a guest again. Owner only.
    Appoint { user: UserId, role: Role },
    /// Takes the picture away that this person shows of themselves, or gives it back. Until then they can show no other.
    HideAvatar { user: UserId, hidden: bool },
    /// Puts a message above the chat, in place of the one that is there.
    Pin { message: MessageId },
    /// Takes it down.
    Unpin {},
    /// Acts upon what is reported: the message goes, and its author one step up the ladder.
    Uphold { message: MessageId },
    /// What is reported is nothing to act upon.
    Dismiss { message: MessageId },
    /// Undoes the last `uphold` of the message: it is back, its author free, and the step does not count.
    Lift { message: MessageId },
}

/// What the relay says.
#[allow(
    clippy::large_enum_variant,
    reason = "the large one comes once a session, and each is taken apart at once"
)]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answer to `hello`.
    Welcome {
        version: u32,
        you: Member,
        /// Keep it: it makes the next session the same person. Also the bearer token of this viewer's WHEP.
        token: String,
        room: RoomState,
        /// True: `history` is only what came after the `since` of the hello. False: forget and start with it.
        resumed: bool,
        /// Whether the person follows the room.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        following: bool,
        /// Oldest first. Deleted messages are not in it.
        history: Vec<Event>,
        /// The room's newest seq.
        seq: Seq,
        /// Set where the person is muted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        muted_until: Option<UnixMillis>,
        /// What can be sent, as in `gifts`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        gifts: Vec<Gift>,
        /// The room's own, as in `emotes`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        emotes: Vec<Emote>,
        /// How coins can be had.
        #[serde(default, skip_serializing_if = "Shop::is_empty")]
        shop: Shop,
        /// Who gave most, as in `board`.
        #[serde(default)]
        board: Board,
        /// What else is done with coins.
        #[serde(default)]
        shows: Shows,
        /// For moderators: what waits for them, and the rules with their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        desk: Option<Desk>,
    },
    /// Something that has a place in the room's order.
    Event { event: Event },
    /// Several at once, in their order, for clients that said that they take it.
    Batch { messages: Vec<ServerMessage> },
    /// The stream or the room changed. The newest replaces the older.
    Room { room: RoomState },
    /// How many are here. The newest replaces the older; sent at most once a second.
    Presence { presence: Presence },
    /// How often the broadcast was liked. The newest replaces the older; sent at most twice a second.
    Likes { total: u64 },
    /// For moderators: somebody who has a name follows the room from now on. At most five a second are told.
    Followed { by: Member, followers: u64 },
    /// Whether this person follows the room, after a change by one of their pages.
    Following { on: bool },
    /// The request with this nonce was carried out, as the event `seq`.
    Done { nonce: Nonce, seq: Seq },
    /// The request was not carried out and changed nothing.
    Refused {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
        failure: Failure,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u32>,
    },
    /// The name was set (answer to `name`), or the role changed.
    You { you: Member },
    /// For overlay pages: what their gifts shall do.
    Overlay { control: Control },
    /// How many coins this person has. Told after the welcome, and whenever it changes.
    Wallet { coins: u64 },
    /// What can be sent. The newest replaces the older.
    Gifts { gifts: Vec<Gift> },
    /// The room's own emotes, which stand in texts where these say `:name:`. The newest replaces the older.
    Emotes { emotes: Vec<Emote> },
    /// How coins come to people.
    Coins { news: CoinNews },
    /// Who gave most. The newest replaces the older; sent at most every two seconds.
    Board { board: Board },
    /// What holds for everybody who spends. The newest replaces the older.
    Terms { terms: Terms },
    /// How far the goal is. The newest replaces the older; sent at most once a second.
    Goal {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        goal: Option<Goal>,
    },
    /// Messages that were paid for and stand above the chat, oldest first. The newest replaces the older.
    Strip { strip: Vec<Standing> },
    /// Until when this person's membership is paid for.
    Membership {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<UnixMillis>,
    },
    /// Where amounts are hidden: for the owner, and for the person whose they are, the event as they may know it. It was
    /// told before, without its amounts, and does not happen again.
    Amounts { event: Event },
    /// For those who have become moderators: what others find in their welcome.
    Desk { desk: Desk },
    /// For moderators: raids of the last minutes, newest last. The newest list replaces the older; at most once a second.
    Raids { raids: Vec<Raid> },
    /// For moderators: what is reported, the heaviest first. The newest list replaces the older; at most once a second.
    Reports { cases: Vec<Case> },
    /// A message of this person's was reported, and a moderator has acted upon it.
    Notice { notice: Notice },
    /// All that this person said, did and was called is gone: pages forget it.
    Erased { user: UserId },
    /// For moderators: the rules with their words. The newest replaces the older.
    Rules { rules: Rules },
    /// This person is muted until then; `None`: no longer.
    Muted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<UnixMillis>,
    },
    /// The relay will stop at about this time, or sooner where nobody is on air and nobody watches. Until then
    /// everything goes on; then reconnect.
    Leaving { at: UnixMillis },
    /// Who somebody is: answer to the request with this nonce.
    Card { nonce: Nonce, card: Box<Card> },
    /// Answer to `ping`: the relay's clock when it answered.
    Pong { sent: f64, at_us: u64 },
}

/// Something that has a place in the room's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    pub seq: Seq,
    pub at: UnixMillis,
    #[serde(flatten)]
    pub kind: EventKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A chat message; its [`MessageId`] is the event's seq.
    Said {
        by: Member,
        text: String,
        /// The sender's own nonce, so that its page replaces the line it showed at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
        /// How it flies over the picture, as far as its author may choose; without it, plainly.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fly: Option<Fly>,
        /// What it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Box<Quote>>,
    },
    Deleted {
        message: MessageId,
    },
    /// A delete was undone: the message as it was.
    Restored {
        message: MessageId,
        said_at: UnixMillis,
        by: Member,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Box<Quote>>,
    },
    /// Muted; viewers' pages hide nothing. The person's own page hears `muted` as well.
    TimedOut {
        user: Member,
        until: UnixMillis,
    },
    /// Banned: pages drop the person's messages.
    Banned {
        user: Member,
        /// And their network.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        range: bool,
    },
    Pardoned {
        user: Member,
    },
    /// A gift, paid.
    Gifted {
        by: Member,
        /// As it was then.
        gift: Gift,
        count: u32,
        /// What it cost in all.
        coins: u64,
        /// Its row in the room's books.
        entry: u64,
        /// The sender's own nonce.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
    },
    /// A gift was given back.
    Refunded {
        /// The event that showed it.
        gift: Seq,
        to: Member,
        coins: u64,
        /// The row that gives it back.
        entry: u64,
    },
    /// A message that nobody but moderators sees until one of them approves it; its [`MessageId`] is the event's seq.
    /// Told to moderators only, and those of a raid to nobody.
    Held {
        by: Member,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
        why: Reason,
        /// The event that recognised the raid which it is one of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raid: Option<Seq>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Box<Quote>>,
    },
    /// A held message stays away. Told to moderators only.
    Denied {
        message: MessageId,
    },
    /// Messages of a raid were taken away. What of it comes after is held.
    Swept {
        messages: Vec<MessageId>,
        why: Reason,
    },
    /// It was no raid: some of the messages as they were, at most [`MAX_UNSWEPT`](crate::moderation::MAX_UNSWEPT) each.
    Unswept {
        sweep: Seq,
        messages: Vec<Former>,
    },
    /// The shield went up until then, or down.
    Shielded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<UnixMillis>,
    },
    /// What the room takes has changed. Told to moderators only.
    Ruled {
        rules: Rules,
    },
    /// The rules do not bind this person any more. Told to moderators only, as the next two.
    Trusted {
        user: Member,
    },
    /// All that this person writes is held.
    Restricted {
        user: Member,
    },
    /// Neither of both any more.
    Unmarked {
        user: Member,
    },
    /// The person has this role from now on.
    Appointed {
        user: Member,
    },
    /// The picture that the person shows of themselves was taken away, or is given back.
    Avatar {
        user: Member,
        hidden: bool,
    },
    /// The message stands above the chat, in place of the one before.
    Pinned {
        message: MessageId,
        by: Member,
        text: String,
    },
    /// Nothing does any more.
    Unpinned {},
    /// A report was acted upon, by what stands beside it. Told to moderators only, as the next two.
    Upheld(Upheld),
    Dismissed(Dismissed),
    Lifted(Lifted),
    Packet(Packet),
    Drawn(Drawn),
    PacketOver(PacketOver),
    Paid(Paid),
    BecameMember(BecameMember),
    /// As much was given as the creator wished for. It is told once a goal.
    GoalReached {
        title: String,
    },
    /// What was here was somebody's who is erased. Told to nobody.
    Erased {},
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_flat_and_snake_case() {
        let said = ServerMessage::Event {
            event: Event {
                seq: Seq(7),
                at: 1,
                kind: EventKind::Said {
                    by: Member::new("u1".parse().unwrap(), "Ada".into(), Role::Guest),
                    text: "hi".into(),
                    nonce: None,
                    fly: None,
                    reply: None,
                },
            },
        };
        let json = serde_json::to_value(&said).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"type":"event","event":{"seq":7,"at":1,"event":"said",
                "by":{"id":"u1","name":"Ada","role":"guest"},"text":"hi"}})
        );
        assert_eq!(serde_json::from_value::<ServerMessage>(json).unwrap(), said);

        let ban = r#"{"type":"moderate","nonce":"n1","action":{"do":"ban","user":"u1"}}"#;
        assert_eq!(
            serde_json::from_str::<ClientMessage>(ban).unwrap(),
            ClientMessage::Moderate {
                nonce: "n1".parse().unwrap(),
                action: Action::Ban { user: "u1".parse().unwrap(), range: false }
            }
        );
    }
}
