//! One room over several relays.
//!
//! One relay is the room's home: it has the database, and its actor decides what is said in which order. The others are
//! branches: they hold sessions, hand what these say to the home, and write to them what the home tells. Between them
//! is a NATS server. JetStream keeps both directions until they are heard, so that nothing is lost while the server is
//! away for a while: each side sends one message at a time, gathers what comes meanwhile, and sends again what was not
//! confirmed, under a number by which it is kept once.
//!
//! | subject | who says it | kept | what |
//! | --- | --- | --- | --- |
//! | `footlight.ROOM.down` | the home | yes | [`wire::Down`]: what sessions hear, and every two seconds that the home lives |
//! | `footlight.ROOM.up.BRANCH` | a branch | yes | [`wire::Up`]: what sessions say, and that the branch lives |
//! | `footlight.ROOM.pass` | a branch | no | nothing, and the answer is what it shows with HTTP requests that it passes on |
//! | `footlight.ROOM.knock` | a branch | no | [`wire::Knock`]: a session says hello; it can hold the owner's token |
//!
//! Where the order cannot be kept (the home began anew, or was away for longer than is kept), a branch closes its
//! sessions: clients come back by themselves and resume where they were.

mod backlog;
mod branch;
mod home;
pub(crate) mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, Event, Subscriber, connection::State};
use bytes::Bytes;
use footlight_protocol::RoomId;
use tokio::sync::Mutex;

pub(crate) use backlog::Trunk;
pub(crate) use branch::{Gate, Setup as BranchSetup};
pub(crate) use home::{Home, Setup as HomeSetup};
pub(crate) use wire::{Caller, Turned};

use crate::error::Error;
use crate::secret::Secret;
use wire::{Down, Life};

/// Each side says so often that it lives.
const BEAT: Duration = Duration::from_secs(2);
/// Between two tries to reach the broker, or to be confirmed.
const AGAIN: Duration = Duration::from_millis(200);
/// A message is confirmed within this, or sent again.
const CONFIRMED: Duration = Duration::from_secs(1);
/// The broker is asked for a sign of life so often.
const PING: Duration = Duration::from_secs(5);
/// How long the broker keeps messages: longer than it or a relay may be away and still miss nothing.
const KEPT: Duration = Duration::from_secs(600);
/// And how many of them, in bytes.
const KEPT_BYTES: i64 = 256 << 20;
/// Within this a message that is sent again is known by its number.
const KNOWN: Duration = Duration::from_secs(120);

/// Where nothing was heard for so long, the broker may have forgotten who listens.
const DEAF: Duration = Duration::from_secs(30);
/// What the last words may take to be confirmed when a relay ends.
const GOODBYE: Duration = Duration::from_millis(700);

/// The setting that [`connect`] reads, as its errors name it.
const SETTING: &str = "FOOTLIGHT_BUS";

/// Connects to the broker at `nats://` or `tls://`. Returns at once; while the broker is away it is tried again.
pub(crate) async fn connect(url: &Secret) -> Result<Client, Error> {
    // Said without the address: there may be a password in it.
    let wrong = || Error::Setting { setting: SETTING, message: "is no nats:// or tls:// address".to_owned() };
    let address: async_nats::ServerAddr = url.reveal().parse().map_err(|_| wrong())?;
    ConnectOptions::new()
        .name("footlight-relay")
        .retry_on_initial_connect()
        .reconnect_delay_callback(|_| AGAIN)
        .ping_interval(PING)
        .event_callback(|event| async move {
            match event {
                Event::Connected => tracing::info!("the bus is there"),
                Event::Disconnected => {
                    tracing::warn!("the bus is away; what waits for it is sent when it is back")
                }
                event => tracing::debug!(%event, "bus"),
            }
        })
        .connect(address)
        .await
        .map_err(|_| wrong())
}

/// One relay's end of a room's bus.
#[derive(Clone)]
struct Link {
    client: Client,
    context: jetstream::Context,
    room: RoomId,
    /// Who makes the stream, one at a time: brokers are known to make it twice where they are asked twice at once, and
    /// then whoever listens to the first one hears nothing. None where that is another relay's to do.
    maker: Option<Arc<Mutex<()>>>,
}

/// What became of a message.
enum Kept {
    /// The broker has it, under this number.
    At(u64),
    /// It is longer than the broker takes. Whoever misses it by its number starts anew.
    Dropped,
    /// Another message of the subject is newer than the one that it had to follow.
    Contested,
}

impl Link {
    /// The end of the relay that has the room.
    fn of_home(client: Client, room: RoomId) -> Self {
        Self { maker: Some(Arc::default()), ..Self::of_branch(client, room) }
    }

    fn of_branch(client: Client, room: RoomId) -> Self {
        let context =
            jetstream::ContextBuilder::new().timeout(CONFIRMED).ack_timeout(CONFIRMED).build(client.clone());
        Self { client, context, room, maker: None }
    }

    fn subject(&self, last: &str) -> String {
        format!("footlight.{}.{last}", self.room)
    }

    fn stream(&self) -> String {
        format!("footlight-{}", self.room)
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Sends until it is kept. `after`: the message of this subject that has to be the newest so far.
    async fn keep(&self, subject: &str, id: &str, payload: Bytes, after: Option<u64>) -> Kept {
        loop {
            // Not known before the first connection.
            let most = self.client.server_info().max_payload;
            if most > 0 && payload.len() > most {
                tracing::error!(bytes = payload.len(), most, subject, "longer than the bus takes");
                return Kept::Dropped;
            }
            let mut message = PublishMessage::build().payload(payload.clone()).message_id(id);
            if let Some(after) = after {
                message = message.expected_last_subject_sequence(after);
            }
            let message = message.outbound_message(subject.to_owned());
            let headers = message.headers.unwrap_or_default();
            let sent = self.context.publish_with_headers(subject.to_owned(), headers, message.payload).await;
            let why = match sent {
                Ok(confirmed) => match confirmed.await {
                    Ok(confirmed) => return Kept::At(confirmed.sequence),
                    Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                        return Kept::Contested;
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            tracing::debug!(%why, subject, "not confirmed yet");
            if why.kind() == PublishErrorKind::StreamNotFound {
                self.prepare().await;
            }
            self.wait_for_broker().await;
        }
    }

    /// Who spoke last for the room, where that is still known.
    async fn newest_home(&self) -> Option<Life> {
        let stream = self.context.get_stream(self.stream()).await.ok()?;
        let newest = stream.get_last_raw_message_by_subject(&self.subject("down")).await.ok()?;
        serde_json::from_slice::<Down>(&newest.payload).ok().map(|down| down.home)
    }

    async fn wait_for_broker(&self) {
        loop {
            tokio::time::sleep(AGAIN).await;
            if self.is_connected() {
                return;
            }
        }
    }

    /// What is said to this relay alone, and not kept; from now on.
    async fn asked(&self, last: &str) -> Subscriber {
        loop {
            if let Ok(asked) = self.client.subscribe(self.subject(last)).await {
                return asked;
            }
            self.wait_for_broker().await;
        }
    }

    /// Returns when the room's stream is there. The home makes it.
    async fn prepare(&self) {
        let config = stream::Config {
            name: self.stream(),
            subjects: vec![self.subject("down"), self.subject("up.*")],
            max_age: KEPT,
            max_bytes: KEPT_BYTES,
            duplicate_window: KNOWN,
            ..stream::Config::default()
        };
        loop {
            let made = match &self.maker {
                Some(maker) => {
                    let _turn = maker.lock().await;
                    self.context
                        .get_or_create_stream(config.clone())
                        .await
                        .map(drop)
                        .map_err(|e| e.to_string())
                }
                None => self.context.get_stream(&config.name).await.map(drop).map_err(|e| e.to_string()),
            };
            let Err(error) = made else { return };
            // A broker without JetStream says so here.
            if self.is_connected() && self.maker.is_some() {
                tracing::warn!(error, "the bus has no stream for the room");
            }
            self.wait_for_broker().await;
        }
    }

    /// Hears what is said from now on, without a gap over the broker's absence.
    async fn hear(&self, subject: &str) -> Ordered {
        loop {
            self.prepare().await;
            let config = OrderedConfig {
                deliver_subject: self.client.new_inbox(),
                filter_subject: subject.to_owned(),
                deliver_policy: DeliverPolicy::New,
                replay_policy: ReplayPolicy::Instant,
                ..OrderedConfig::default()
            };
            let made = self.context.create_consumer_on_stream(config, self.stream()).await;
            let heard = match made {
                Ok(consumer) => consumer.messages().await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            match heard {
                Ok(messages) => return messages,
                Err(error) => tracing::debug!(error, subject, "cannot listen yet"),
            }
            self.wait_for_broker().await;
        }
    }
}
