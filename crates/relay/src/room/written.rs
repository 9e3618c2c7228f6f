//! What the room does beside its loop, and what came of it.

use std::future::Future;
use std::pin::Pin;

use footlight_protocol::coin::TopUp;
use footlight_protocol::gift::Board;
use footlight_protocol::talk::Quote;
use footlight_protocol::{Nonce, UserId};

use super::SeatId;
use super::follows::Asked as Follow;
use super::older::Sought;
use super::people::Asked;
use crate::error::Error;
use crate::gift::watching::Due;
use crate::store::given::Earned;
use crate::store::ledger::Settled;
use crate::store::reports::Taken;

/// Work whose end the room waits for beside its loop, in the order in which it was begun.
pub(super) type Write = Pin<Box<dyn Future<Output = Written> + Send>>;

/// What came of it.
pub(super) enum Written {
    Nothing,
    /// The oldest waiting event was kept.
    Event(Result<(), Error>),
    /// The oldest waiting event was decided by the books.
    Settled(Box<Result<Settled, Error>>),
    /// A grant, which no event shows.
    Granted {
        seat: SeatId,
        nonce: Nonce,
        user: UserId,
        settled: Box<Result<Settled, Error>>,
    },
    /// So many coins somebody has, and what they have earned.
    Wallet {
        user: UserId,
        coins: u64,
        earned: Earned,
    },
    /// What somebody who came asked for coins.
    TopUps {
        seat: SeatId,
        list: Vec<TopUp>,
    },
    /// Somebody follows the room or does not any more, and whether it was otherwise.
    Follow(Box<Follow>, Result<bool, Error>),
    /// A reward for watching.
    Watched {
        due: Due,
        settled: Box<Result<Settled, Error>>,
    },
    /// Who gave most.
    Board(Board),
    /// What an answer to an older message quotes.
    Sought(Box<Sought>, Result<Quote, Error>),
    /// What a report came to.
    Reported(SeatId, Nonce, Box<Result<Taken, Error>>),
    /// Who somebody is.
    Card(Box<Asked>),
}
