//! Who says hello: the person behind the tokens, made new where there is none.

use std::net::IpAddr;

use footlight_protocol::room::{ClientMessage, Role as Rank};
use footlight_protocol::{CloseCode, Code, Failure, RoomId, VERSION};

use crate::auth::Auth;
use crate::bus::Turned;
use crate::chat::frame::Form;
use crate::room::{Join, Way};
use crate::store::Store;
use crate::store::given::Earned;

/// Checks a hello, and says who joins. `way` is told how the client takes what is said.
pub(crate) async fn admit(
    hello: ClientMessage,
    address: IpAddr,
    room: &RoomId,
    auth: &Auth,
    store: &Store,
    way: impl FnOnce(Form) -> Way,
) -> Result<Join, Turned> {
    let ClientMessage::Hello { version, token, owner, since, batches, packed } = hello else {
        return Err(Turned::new(None, CloseCode::Malformed));
    };
    if version != VERSION {
        let failure =
            Failure::new(Code::Version, format!("This relay speaks version {VERSION}; reload the page"));
        return Err(Turned::new(Some(failure), CloseCode::Malformed));
    }
    let rank = match owner.as_deref() {
        Some(token) if auth.is_owner(token) => Rank::Owner,
        Some(_) => {
            let failure = Failure::new(Code::Unauthorized, "The owner token is wrong");
            return Err(Turned::new(Some(failure), CloseCode::Malformed));
        }
        None => Rank::Guest,
    };
    let internal = |error: crate::error::Error| {
        tracing::error!(%error, "a session could not join");
        let failure = Failure::new(Code::Internal, "The relay could not do this");
        Turned::new(Some(failure), CloseCode::GoingAway)
    };
    // A token of another relay, or an altered one, makes a new person rather than an error: pages keep
    // tokens for longer than relays live.
    let known = token.as_deref().and_then(|token| auth.device(token));
    let (user, person, earned, follows) = match known {
        Some(user) => {
            let person = store.person(user.clone()).await.map_err(internal)?;
            let earned = store.earned(room.clone(), auth.purse(&user)).await.map_err(internal)?;
            let follows = store.follows(room.clone(), user.clone()).await.map_err(internal)?;
            (user, person, earned, follows)
        }
        None => (auth.new_user().map_err(internal)?, None, Earned::default(), None),
    };
    let token = auth.device_token(&user);
    let way = way(Form::of(batches, packed));
    Ok(Join { user, person, earned, follows, rank, address, since, token, way })
}
