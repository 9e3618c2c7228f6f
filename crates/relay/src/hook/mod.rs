//! Webhooks: other programs are told what happens in the rooms, by signed HTTP requests.
//!
//! Every webhook has a lane of its own: a bounded queue and a task that delivers in order, again and again until
//! the receiver takes it or patience ends. A receiver that is down holds up nobody but itself.

mod lane;
mod sign;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use footlight_protocol::room::{Event, Member, StreamState, UnixMillis};
use footlight_protocol::{RoomId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::secret::{Secret, random_id};
use lane::Lane;
pub(crate) use lane::Pace;

/// Events that wait for one receiver: a busy chat room's joins and leaves over the minutes that a receiver takes
/// to restart. Full ⇒ the newest is lost, counted, and the receiver is told how many in what comes next.
const QUEUE: usize = 1024;
/// Letters and digits that tell the deliveries of one start of the relay from those of another.
const RUN: usize = 12;

/// A program that wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `http` or `https`. Private addresses are as good as public ones: the operator chose it.
    pub url: String,
    /// Signs each request.
    pub secret: Secret,
    /// What it is told. Empty: everything.
    pub events: Vec<Topic>,
}

/// A kind of event that a webhook can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A broadcast begins, is interrupted, resumes, ends.
    Publish,
    /// Somebody begins or stops to watch over WebRTC.
    Viewer,
    /// A chat session begins or ends.
    Member,
    /// A message was deleted or restored, a person timed out, banned or pardoned.
    Moderation,
    /// Coins were spent: a gift, a red packet and its shares, a paid message, a membership; or given back.
    Gift,
}

/// What happened, as it stands in the request's body beside `id`, `room`, `at` and `lost`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "data")]
pub(crate) enum Happening {
    /// `since` is when the broadcast, or the interruption, began.
    #[serde(rename = "publish.began")]
    Began { since: UnixMillis },
    /// The publisher is gone without goodbye and may be back.
    #[serde(rename = "publish.interrupted")]
    Interrupted { since: UnixMillis },
    #[serde(rename = "publish.resumed")]
    Resumed { since: UnixMillis },
    #[serde(rename = "publish.ended")]
    Ended,
    /// `user` where the viewer is known by a device token.
    #[serde(rename = "viewer.joined")]
    ViewerJoined { user: Option<UserId>, viewers: u32 },
    #[serde(rename = "viewer.left")]
    ViewerLeft { user: Option<UserId>, viewers: u32 },
    #[serde(rename = "member.joined")]
    MemberJoined { member: Member, members: u32 },
    #[serde(rename = "member.left")]
    MemberLeft { member: Member, members: u32 },
    /// The room's event, as members see it, and who caused it.
    #[serde(rename = "moderation")]
    Moderated { by: Option<UserId>, event: Event },
    /// The room's event, as members see it.
    #[serde(rename = "gift")]
    Gifted { event: Event },
}

impl Happening {
    /// What the step from one state of the stream to the next means.
    pub(crate) fn of_stream(before: &StreamState, now: &StreamState) -> Option<Self> {
        use StreamState::{Interrupted, Live, Offline};
        match (before, now) {
            (Offline, Live { since, .. }) => Some(Self::Began { since: *since }),
            (Live { .. }, Interrupted { since, .. }) => Some(Self::Interrupted { since: *since }),
            (Interrupted { .. }, Live { since, .. }) => Some(Self::Resumed { since: *since }),
            (Live { .. } | Interrupted { .. }, Offline) => Some(Self::Ended),
            _ => None,
        }
    }

    fn topic(&self) -> Topic {
        match self {
            Self::Began { .. } | Self::Interrupted { .. } | Self::Resumed { .. } | Self::Ended => {
                Topic::Publish
            }
            Self::ViewerJoined { .. } | Self::ViewerLeft { .. } => Topic::Viewer,
            Self::MemberJoined { .. } | Self::MemberLeft { .. } => Topic::Member,
            Self::Moderated { .. } => Topic::Moderation,
            Self::Gifted { .. } => Topic::Gift,
        }
    }
}

/// One event on its way to all who want it.
#[derive(Debug)]
struct Told {
    /// The same for every receiver and every attempt: whoever has seen it has seen this event.
    id: String,
    room: RoomId,
    at: UnixMillis,
    happening: Happening,
}

struct Inlet {
    topics: Vec<Topic>,
    queue: mpsc::Sender<Arc<Told>>,
    /// Events that had no room, and that the receiver has not been told about.
    lost: Arc<AtomicU64>,
}

/// Where the rooms say what happens; cheap to clone. Without webhooks it does nothing.
#[derive(Clone)]
pub(crate) struct Hooks(Arc<Inner>);

struct Inner {
    inlets: Vec<Inlet>,
    run: String,
    count: AtomicU64,
    metrics: Arc<Metrics>,
}

/// The lanes, to be run. They end when cancelled.
pub(crate) struct Lanes(Vec<Lane>);

/// Makes a lane for each webhook. An error names the setting that cannot be used.
pub(crate) fn open(
    webhooks: &[Webhook],
    pace: Pace,
    metrics: &Arc<Metrics>,
) -> Result<(Hooks, Lanes), Error> {
    let (mut inlets, mut lanes) = (Vec::new(), Vec::new());
    for webhook in webhooks {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        lanes.push(Lane::new(webhook, pace, receiver, lost.clone(), metrics.clone())?);
        inlets.push(Inlet { topics: webhook.events.clone(), queue, lost });
    }
    let inner = Inner { inlets, run: random_id(RUN)?, count: AtomicU64::new(0), metrics: metrics.clone() };
    Ok((Hooks(Arc::new(inner)), Lanes(lanes)))
}

impl Hooks {
    /// Tells everybody who wants to know. Never waits.
    pub(crate) fn tell(&self, room: &RoomId, happening: Happening) {
        let Inner { inlets, run, count, metrics } = &*self.0;
        let topic = happening.topic();
        let wants = |inlet: &&Inlet| inlet.topics.is_empty() || inlet.topics.contains(&topic);
        if inlets.iter().filter(wants).count() == 0 {
            return;
        }
        let id = format!("{run}-{}", count.fetch_add(1, Ordering::Relaxed) + 1);
        let told = Arc::new(Told { id, room: room.clone(), at: clock::now_millis(), happening });
        for inlet in inlets.iter().filter(wants) {
            if inlet.queue.try_send(told.clone()).is_err() {
                inlet.lost.fetch_add(1, Ordering::Relaxed);
                metrics.hooks_lost.one();
            }
        }
    }
}

impl Lanes {
    /// Delivers until cancelled; then tries what is left once, for a bounded time.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let mut running = JoinSet::new();
        for lane in self.0 {
            running.spawn(lane.run(cancel.clone()));
        }
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a webhook's lane failed");
            }
        }
        // Without webhooks there is nothing to do, and nothing has ended.
        cancel.cancelled().await;
    }
}

#[cfg(test)]
mod tests;
