//! A room: one actor that decides who publishes, who may watch and what is said in which order.
//!
//! Everything that concerns the room goes through its inbox, so nothing about it is locked or shared. Media
//! does not pass through here: the room only opens and closes sessions in [`crate::rtc`].

mod actor;
mod avatars;
mod claims;
mod coins;
mod described;
mod earned;
mod emotes;
mod follows;
mod gifts;
mod goal;
mod guard;
mod likes;
pub(crate) mod lines;
mod members;
mod moderate;
mod networks;
mod older;
mod orders;
mod packets;
mod paid;
pub(crate) mod patch;
mod people;
mod places;
mod reports;
mod seats;
mod sessions;
mod stream;
mod talk;
mod tally;
mod veil;
mod watching;
mod written;

use std::net::IpAddr;

use footlight_protocol::coin::Pack;
use footlight_protocol::emote::Emote;
use footlight_protocol::moderation::Rules;
use footlight_protocol::room::{
    ClientMessage, Presence, Recording, Role as Rank, RoomState, StreamState, UnixMillis,
};
use footlight_protocol::{CloseCode, Code, Failure, KeyId, LayerId, Nonce, RoomId, Seq, TopUpId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::bus::{Caller, Turned};
use crate::chat::frame::Form;
use crate::chat::outbox::Outbox;
use crate::ingest::feed::Feed;
use crate::mux::Outlets;
use crate::rtc::fragment::Fragment;
use crate::rtc::{Prepared, Role};
use crate::store::Person;
use crate::store::given::Earned;
use crate::store::orders::Settlement;
use crate::stripe::{Paid, Refunded};
use patch::{Condition, Patched};

pub(crate) use actor::{Actor, Setup};
pub(crate) use claims::invite_is_over;
pub(crate) use lines::encode;
pub(crate) use places::Place;

/// Requests that wait for the room. Full ⇒ the sockets that send them are not read.
pub(crate) const INBOX: usize = 1024;
/// What the media thread has to say. Full ⇒ it keeps it for a moment.
pub(crate) const NOTICES: usize = 1024;

/// One chat session in the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SeatId(u64);

/// A media session that was opened: the secret last part of its URL, and the tag of its ICE session.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) resource: String,
    pub(crate) etag: String,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// What a room is asked.
pub(crate) enum Ask {
    /// Somebody with a stream key publishes.
    Publish { address: IpAddr, key: KeyId, prepared: Prepared, reply: Reply<Opened> },
    /// As above, for a publisher that brings whole packets.
    Feed { address: IpAddr, key: KeyId, reply: Reply<Feed> },
    /// Which key somebody publishes with.
    Publishing { reply: Reply<Option<KeyId>> },
    /// The key is no longer good; whoever publishes with it has to go.
    Cut { key: KeyId, reply: Reply<()> },
    /// Somebody watches; with a device token, as that person.
    Watch { user: Option<UserId>, address: IpAddr, prepared: Prepared, reply: Reply<Opened> },
    /// Whether a media session is still open.
    Find { resource: String, role: Role, reply: Reply<()> },
    /// More of a session's ICE.
    Patch {
        resource: String,
        role: Role,
        condition: Option<Condition>,
        fragment: Fragment,
        reply: Reply<Patched>,
    },
    /// A viewer wants this layer of the picture; none: whichever its link carries.
    Layer { resource: String, layer: Option<LayerId>, reply: Reply<()> },
    /// Somebody watches over plain HTTP.
    Sit { user: Option<UserId>, address: IpAddr, reply: Reply<Place> },
    /// A media session says goodbye over HTTP.
    End { resource: String, role: Role, reply: Reply<()> },
    /// A chat session has said hello. The welcome is the first that it hears.
    Join { join: Box<Join>, reply: Reply<SeatId> },
    /// A chat session says something that concerns the room.
    Say { seat: SeatId, message: ClientMessage },
    /// How the recording of the broadcast stands now; `None` where there is none.
    Recording(Option<Recording>),
    /// Somebody is about to pay a pack by card.
    Order { user: UserId, pack: Pack, nonce: Nonce, reply: Reply<(TopUpId, Pack)> },
    /// The payment service says that an order was paid.
    Paid { paid: Paid, reply: Reply<Settlement> },
    /// And that money went back.
    Refunded { refunded: Refunded, reply: Reply<Settlement> },
    /// The owner sets the picture that a payer scans, by its name and as it is served; none takes it away.
    Picture { picture: Option<(String, Vec<u8>)>, reply: Reply<()> },
    /// The owner sets the emote of that name, or takes it away.
    Emote { name: String, made: Option<(Emote, Vec<u8>)>, reply: Reply<()> },
    /// Which there are.
    Emotes { reply: Reply<Vec<Emote>> },
    /// Whether somebody may set a picture of themselves.
    MayBePictured { user: UserId, reply: Reply<()> },
    /// Somebody shows another picture of themselves, or none.
    Pictured { user: UserId, avatar: Option<String> },
    /// Somebody is to be erased, in the database too.
    Erase { user: UserId, reply: Reply<()> },
    /// Whether somebody may have an account of that name, as far as this room is concerned.
    MayClaim { user: UserId, name: String, reply: Reply<()> },
    /// Somebody has one now.
    Claimed { user: UserId, name: String },
    /// Somebody's tokens are no good any more.
    SignedOut { user: UserId },
    /// Somebody shows a link that makes them this. Answered with what they are then.
    Invited { user: UserId, invite: u64, role: Rank, reply: Reply<Rank> },
    /// A chat session is over.
    Leave { seat: SeatId },
}

/// Who joins the chat.
pub(crate) struct Join {
    pub(crate) user: UserId,
    /// What is known of them, where they have taken a name.
    pub(crate) person: Option<Person>,
    /// By what they gave in this room.
    pub(crate) earned: Earned,
    /// Since when they follow the room, where they do.
    pub(crate) follows: Option<UnixMillis>,
    pub(crate) rank: Rank,
    pub(crate) address: IpAddr,
    pub(crate) since: Option<Seq>,
    pub(crate) token: String,
    pub(crate) way: Way,
}

/// How a session is written to.
pub(crate) enum Way {
    /// By this relay.
    Here { outbox: Outbox, form: Form },
    /// By another one, at which it asked to come in.
    There(Caller),
}

/// How the rest of the relay reaches a room.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) id: RoomId,
    pub(crate) inbox: mpsc::Sender<Ask>,
    pub(crate) state: watch::Receiver<RoomState>,
    /// What the room's muxing has ready for readers.
    pub(crate) outlets: Outlets,
}

impl Door {
    /// Asks and waits for the answer.
    pub(crate) async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(ask(reply)).await.map_err(|_| going())?;
        answer.await.map_err(|_| going())?
    }

    /// Takes a seat in the chat.
    pub(crate) async fn join(&self, join: Join) -> Result<SeatId, Turned> {
        let join = Box::new(join);
        self.ask(|reply| Ask::Join { join, reply }).await.map_err(|failure| {
            let code = match failure.code {
                Code::Banned => CloseCode::Banned,
                Code::Full => CloseCode::Full,
                _ => CloseCode::GoingAway,
            };
            Turned::new(Some(failure), code)
        })
    }

    /// Opens the room for a publisher that brings whole packets.
    pub(crate) async fn feed(&self, address: IpAddr, key: KeyId) -> Result<Feed, Failure> {
        self.ask(|reply| Ask::Feed { address, key, reply }).await
    }
}

/// A room before it has said itself what it is like: nothing is on air.
pub(crate) fn offline(room: RoomId) -> RoomState {
    RoomState {
        room,
        stream: StreamState::Offline,
        presence: Presence::default(),
        notes: Vec::new(),
        recording: None,
        card: None,
        layers: Vec::new(),
        renditions: None,
        likes: 0,
        followers: 0,
        rules: Rules::default(),
        shield: None,
        pinned: None,
    }
}

/// What those hear who come while the relay drains.
fn draining() -> Failure {
    Failure::new(Code::Draining, "The relay is about to stop; try again in a moment")
}

fn going() -> Failure {
    Failure::new(Code::Internal, "The relay is going away")
}
