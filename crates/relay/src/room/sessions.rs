//! The room's media sessions: who may open one, whom it replaces, how its ICE goes on, and who is cut off.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use footlight_protocol::{Code, Failure, KeyId, LayerId, UserId};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Written};
use super::patch::{self, Condition, Patched, Verdict};
use super::places::Place;
use super::{Opened, draining};
use crate::chat::pace::{Pace, Rate};
use crate::clock;
use crate::hook::Happening;
use crate::ingest::feed::Feed;
use crate::moderation::banned;
use crate::rtc::fragment::{self, Credentials, Fragment};
use crate::rtc::{Command, Ended, Prepared, Role, SessionId};
use crate::secret::random_id;

/// Letters and digits in a session's URL: 160 bits, so that knowing it is being allowed to end it.
const RESOURCE: usize = 32;
/// Letters and digits in the tag of an ICE session, which has to be another one each time and no secret.
const TAG: usize = 16;

/// Who opened a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Whoever holds the key.
    Publisher(KeyId),
    /// With a device token, the person that it names.
    Viewer(Option<UserId>),
}

/// One media session of the room.
pub(super) struct Media {
    pub(super) who: Who,
    resource: String,
    etag: String,
    /// The peer's ICE credentials; none where the session is not WebRTC.
    ice: Option<Credentials>,
    /// ICE restarts of late.
    restarts: Pace,
    pub(super) address: IpAddr,
    pub(super) connected: bool,
}

impl Media {
    pub(super) fn role(&self) -> Role {
        match self.who {
            Who::Publisher(_) => Role::Publisher,
            Who::Viewer(_) => Role::Viewer,
        }
    }
}

impl Actor {
    pub(super) async fn publish(
        &mut self,
        address: IpAddr,
        key: KeyId,
        prepared: Prepared,
    ) -> Result<Opened, Failure> {
        self.admit(key)?;
        let (session, opened) = self.open(Who::Publisher(key), address, Some(&prepared.ice))?;
        self.take_over(session).await;
        self.command(Command::Open { session, room: self.id.clone(), role: Role::Publisher, prepared }).await;
        Ok(opened)
    }

    pub(super) async fn feed(&mut self, address: IpAddr, key: KeyId) -> Result<Feed, Failure> {
        self.admit(key)?;
        let (session, _) = self.open(Who::Publisher(key), address, None)?;
        self.take_over(session).await;
        let cut = CancellationToken::new();
        self.command(Command::OpenFeed { session, room: self.id.clone(), cut: cut.clone() }).await;
        Ok(Feed::new(session, self.engine.clone(), cut))
    }

    /// Whether somebody with the key may publish now.
    fn admit(&self, key: KeyId) -> Result<(), Failure> {
        // Asked here and not only at the door: a key that was taken back meanwhile has been cut already, and
        // would slip in behind that.
        match self.auth.keys.room(key) {
            None => return Err(Failure::new(Code::Unauthorized, "The stream key is no longer good")),
            Some(room) if room != self.id => {
                return Err(Failure::new(Code::Forbidden, "The stream key is of another room"));
            }
            Some(_) => {}
        }
        if self.publishing().is_some_and(|now| now != key) {
            return Err(Failure::new(Code::RoomBusy, "Somebody else is publishing to this room"));
        }
        Ok(())
    }

    /// The key that somebody publishes with.
    pub(super) fn publishing(&self) -> Option<KeyId> {
        match self.media.get(&self.stream.publisher()?)?.who {
            Who::Publisher(key) => Some(key),
            Who::Viewer(_) => None,
        }
    }

    /// Makes the session the room's publisher; the one before it, of the same key, has to go.
    async fn take_over(&mut self, session: SessionId) {
        self.notes.clear();
        if let Some(older) = self.stream.publish(session) {
            tracing::info!(room = %self.id, session = session.0, older = older.0, "publisher takes over");
            self.close(older).await;
        }
    }

    /// The key is no longer good: whoever publishes with it is gone, and viewers wait for the one who comes next
    /// as after a crash, since a key that is replaced is not a broadcast that is over.
    pub(super) async fn cut(&mut self, key: KeyId) {
        let publishes =
            |(session, media): (&SessionId, &Media)| (media.who == Who::Publisher(key)).then_some(*session);
        let sessions: Vec<SessionId> = self.media.iter().filter_map(publishes).collect();
        let before = self.told();
        for session in sessions {
            tracing::info!(room = %self.id, session = session.0, "publisher cut off: its key was taken back");
            self.stream.ended(session, Ended::Lost, clock::now_millis());
            self.close(session).await;
        }
        self.changed(&before);
    }

    pub(super) async fn watch(
        &mut self,
        user: Option<UserId>,
        address: IpAddr,
        prepared: Prepared,
    ) -> Result<Opened, Failure> {
        self.may_watch(user.as_ref(), address)?;
        let (session, opened) = self.open(Who::Viewer(user), address, Some(&prepared.ice))?;
        self.command(Command::Open { session, room: self.id.clone(), role: Role::Viewer, prepared }).await;
        Ok(opened)
    }

    /// A seat for somebody who watches over plain HTTP or RTMP.
    pub(super) fn sit(&mut self, user: Option<UserId>, address: IpAddr) -> Result<Place, Failure> {
        self.may_watch(user.as_ref(), address)?;
        if self.drain.is_begun() {
            return Err(draining());
        }
        let place = self.places.sit(user.clone(), address);
        self.tell(Happening::ViewerJoined { user, viewers: self.viewers() });
        Ok(place)
    }

    fn may_watch(&self, user: Option<&UserId>, address: IpAddr) -> Result<(), Failure> {
        if self.sanctions.bars(user, address) || self.bars_network(user, address) {
            return Err(banned());
        }
        let viewers = || self.media.values().filter(|media| media.role() == Role::Viewer);
        let here = viewers().filter(|media| media.address == address).count();
        let here = here + self.places.at_address(address);
        let crowded = !address.is_loopback() && here >= self.limits.sessions_per_address;
        if crowded || viewers().count() + self.places.len() >= self.limits.viewers {
            return Err(Failure::new(Code::Full, "There is no seat left; try again later"));
        }
        Ok(())
    }

    fn open(
        &mut self,
        who: Who,
        address: IpAddr,
        ice: Option<&Credentials>,
    ) -> Result<(SessionId, Opened), Failure> {
        if self.drain.is_begun() {
            return Err(draining());
        }
        let (resource, etag) = (random(RESOURCE)?, random(TAG)?);
        let session = SessionId(self.sessions.fetch_add(1, Ordering::Relaxed) + 1);
        let opened = Opened { resource: resource.clone(), etag: etag.clone() };
        let (ice, restarts) = (ice.cloned(), Pace::new(Rate::CHAT));
        self.media.insert(session, Media { who, resource, etag, ice, restarts, address, connected: false });
        Ok((session, opened))
    }

    pub(super) fn find(&self, resource: &str, role: Role) -> Result<SessionId, Failure> {
        let mut all = self.media.iter();
        let found = all.find(|(_, media)| media.resource == resource && media.role() == role);
        found.map(|(session, _)| *session).ok_or_else(no_session)
    }

    pub(super) async fn patch(
        &mut self,
        session: SessionId,
        condition: Option<Condition>,
        fragment: Fragment,
    ) -> Result<Patched, Failure> {
        let media = self.media.get_mut(&session).ok_or_else(no_session)?;
        let now = media.ice.as_ref().ok_or_else(no_session)?;
        let ice = match patch::judge(condition.as_ref(), fragment, &media.etag, now) {
            Verdict::Say(patched) => return Ok(patched),
            Verdict::Restart(ice) => ice,
        };
        media.restarts.take(clock::now_millis()).map_err(|_| {
            Failure::new(Code::TooFast, "ICE is restarted too often; the connection stays as it is")
        })?;
        let etag = random(TAG)?;
        let (reply, answer) = oneshot::channel();
        self.command(Command::Restart { session, ice: ice.clone(), reply }).await;
        // The media thread answers between packets and waits for nobody, so the room may wait for it.
        let answer = answer.await.ok().flatten().ok_or_else(no_session)?;
        let media = self.media.get_mut(&session).ok_or_else(no_session)?;
        media.etag.clone_from(&etag);
        media.ice = Some(ice);
        tracing::info!(room = %self.id, session = session.0, "ICE restarted");
        Ok(Patched::Restarted { etag, fragment: fragment::of_answer(&answer) })
    }

    /// A viewer's choice among the layers that it was told of. One that goes later is left for the next best, and gone
    /// back to.
    pub(super) async fn pick(&mut self, resource: &str, layer: Option<LayerId>) -> Result<(), Failure> {
        let session = self.find(resource, Role::Viewer)?;
        if layer.as_ref().is_some_and(|layer| !self.layers.iter().any(|one| one.id == *layer)) {
            return Err(Failure::new(Code::NotFound, "The picture does not come in such a layer"));
        }
        self.command(Command::Layer { session, layer }).await;
        Ok(())
    }

    /// Ends the media of somebody who is banned: sessions under their token, and sessions without one from
    /// the addresses of their chat. On the loopback interface everybody has the same address.
    pub(super) fn cut_off(&mut self, user: &UserId, addresses: &[IpAddr]) {
        let theirs = |owner: Option<&UserId>, address: IpAddr| match owner {
            Some(owner) => owner == user,
            None => !address.is_loopback() && addresses.contains(&address),
        };
        self.places.cut_off(theirs);
        self.close_media(self.watching(theirs));
    }

    /// Viewers' sessions of those that `whose` names, by person and address.
    pub(super) fn watching(&self, whose: impl Fn(Option<&UserId>, IpAddr) -> bool) -> Vec<SessionId> {
        let theirs = |media: &Media| match &media.who {
            Who::Viewer(owner) => whose(owner.as_ref(), media.address),
            Who::Publisher(_) => false,
        };
        self.media.iter().filter(|(_, media)| theirs(media)).map(|(session, _)| *session).collect()
    }

    pub(super) fn close_media(&mut self, sessions: Vec<SessionId>) {
        for session in sessions {
            let engine = self.engine.clone();
            // Queued behind the room's writes rather than awaited: it has no answer, and a ban must not wait.
            if engine.try_send(Command::Close { session }).is_err() {
                self.writes.push_back(Box::pin(async move {
                    let _ = engine.send(Command::Close { session }).await;
                    Written::Nothing
                }));
            }
        }
    }

    pub(super) async fn close(&mut self, session: SessionId) {
        self.command(Command::Close { session }).await;
    }

    async fn command(&mut self, command: Command) {
        // The thread only goes when the whole relay does.
        let _ = self.engine.send(command).await;
    }
}

fn random(length: usize) -> Result<String, Failure> {
    random_id(length).map_err(|error| {
        tracing::error!(%error, "no session without random numbers");
        Failure::new(Code::Internal, "The relay cannot open a session")
    })
}

fn no_session() -> Failure {
    Failure::new(Code::NotFound, "There is no such session")
}
