//! Outputs: where the packets go, by WHIP or by RTMP.
//!
//! An output is one task that connects, sends, and when the other side goes away connects again until it is told to
//! stop. It never gives up while the broadcast runs, and it never holds up the encoders: see [`Lane`].

mod backoff;
mod dial;
mod peer;
mod pressure;
mod program;
mod resend;
mod rtmp;
mod tap;
mod whip;

use std::fmt;
use std::sync::Arc;

use footlight_media::Codec;
use footlight_protocol::destination::DestinationState;
use footlight_protocol::studio::StudioEvent;
use footlight_protocol::{Code, DestinationId, Failure};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::Clock;
use crate::air::Air;
use crate::desk::Desk;
use crate::lane::{Lane, Parcel};
use backoff::Backoff;

/// A stream key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where a broadcast goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A WHIP endpoint (RFC 9725) and its bearer token.
    Whip { url: String, key: Secret },
    /// An RTMP or RTMPS server with its application, as `rtmp://host/live`, and the stream key.
    Rtmp { url: String, key: Secret },
}

impl Target {
    /// The sound that is taken there.
    pub(crate) fn sound(&self) -> Codec {
        match self {
            Self::Whip { .. } => Codec::Opus,
            Self::Rtmp { .. } => Codec::Aac,
        }
    }
}

/// Why an output is not connected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// WHIP's 401 or 403, RTMP's "no".
    #[error("the stream key is refused")]
    Key,
    #[error("the other side says {0}")]
    Status(u16),
    /// Right behind the stream key, or soon after.
    #[error("the other side closed the connection")]
    HungUp,
    #[error("there is no such application")]
    NoApplication,
    /// TLS did not come about.
    #[error("no TLS: {0}")]
    Insecure(String),
    /// No answer, or one that makes no sense.
    #[error("{0}")]
    Unreachable(String),
    /// The media path did not come up.
    #[error("no media connection: {0}")]
    Media(String),
}

impl Refusal {
    fn failure(&self) -> Failure {
        match self {
            Self::Key => Failure::new(Code::KeyRefused, "The stream key was refused"),
            Self::Status(409) => Failure::new(Code::RoomBusy, "Somebody else is publishing there"),
            Self::Status(code) => {
                Failure::new(Code::Unreachable, format!("The broadcast was refused (HTTP {code})"))
            }
            Self::HungUp => {
                Failure::new(Code::HungUp, "The connection was closed right away; is the stream key right?")
            }
            Self::NoApplication => Failure::new(Code::NotFound, "There is nothing at this address"),
            Self::Insecure(_) => Failure::new(Code::Untrusted, "The server's certificate cannot be trusted"),
            Self::Unreachable(_) => Failure::new(Code::Unreachable, "The server cannot be reached"),
            Self::Media(_) => Failure::new(Code::Unreachable, "No media connection came about"),
        }
    }
}

/// Everything that an output is given.
pub(crate) struct Output {
    pub(crate) id: DestinationId,
    pub(crate) target: Target,
    pub(crate) lane: Arc<Lane>,
    pub(crate) packets: mpsc::Receiver<Parcel>,
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) ceiling_kbps: u32,
    pub(crate) fps: u32,
    /// In how many layers the picture may go out.
    pub(crate) layers: usize,
    pub(crate) stop: CancellationToken,
    /// The creator does not want to wait for the next try.
    pub(crate) retry: Arc<Notify>,
}

/// A connection that stands.
enum Session {
    // Both are large, and one is made a connection.
    Whip(Box<whip::Session>),
    Rtmp(Box<rtmp::Session>),
}

impl Session {
    async fn connect(output: &Output) -> Result<Self, Refusal> {
        match &output.target {
            Target::Whip { url, key } => {
                Ok(Self::Whip(Box::new(whip::Session::connect(output, url, key).await?)))
            }
            Target::Rtmp { url, key } => {
                Ok(Self::Rtmp(Box::new(rtmp::Session::connect(output, url, key.expose()).await?)))
            }
        }
    }

    async fn run(&mut self, packets: &mut mpsc::Receiver<Parcel>, stop: &CancellationToken) -> &'static str {
        match self {
            Self::Whip(session) => session.run(packets, stop).await,
            Self::Rtmp(session) => session.run(packets, stop).await,
        }
    }

    async fn close(&mut self) {
        match self {
            Self::Whip(session) => session.close().await,
            Self::Rtmp(session) => session.close().await,
        }
    }
}

impl Output {
    /// Runs until stopped; says goodbye to the other side before it returns.
    pub(crate) async fn run(mut self) {
        let steers = self.lane.steers();
        let (mut attempt, mut told) = (0, None);
        let mut backoff = Backoff::new(steers);
        self.tell(DestinationState::Connecting);
        while !self.stop.is_cancelled() {
            let connected = tokio::select! {
                () = self.stop.cancelled() => break,
                connected = Session::connect(&self) => connected,
            };
            let refusal = match connected {
                Ok(mut session) => {
                    tracing::info!(id = %self.id, attempt, "output connected");
                    // What waits is older than the keyframe that comes next.
                    while self.packets.try_recv().is_ok() {}
                    self.air.connected(&self.lane);
                    self.tell(DestinationState::Live { since: self.now_ms() });
                    let begun = tokio::time::Instant::now();
                    let why = session.run(&mut self.packets, &self.stop).await;
                    self.air.disconnected(&self.lane, 1);
                    session.close().await;
                    tracing::info!(id = %self.id, why, "output disconnected");
                    if backoff.was_long(begun.elapsed()) {
                        (attempt, told) = (0, None);
                        backoff = Backoff::new(steers);
                        self.tell(DestinationState::Connecting);
                        continue;
                    }
                    // It opens the door and closes it again, so it is not knocked at without end.
                    if why == rtmp::HUNG_UP { Refusal::HungUp } else { Refusal::Unreachable(why.to_owned()) }
                }
                Err(refusal) => refusal,
            };
            attempt += 1;
            tracing::debug!(id = %self.id, attempt, %refusal, "output not connected");
            self.air.disconnected(&self.lane, attempt);
            let failure = refusal.failure();
            if steers && told != Some(failure.code) {
                told = Some(failure.code);
                self.desk.fail(failure.clone());
            }
            let pause = backoff.pause(&refusal);
            let retry_at = self.now_ms() + pause.as_millis() as u64;
            self.tell(match refusal {
                Refusal::Key => DestinationState::Refused { retry_at, failure },
                _ => DestinationState::Waiting { attempt, retry_at, failure },
            });
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
                () = self.retry.notified() => {
                    backoff = Backoff::new(steers);
                    self.tell(DestinationState::Connecting);
                }
            }
        }
        self.air.disconnected(&self.lane, 0);
        self.air.remove_lane(&self.lane);
    }

    fn now_ms(&self) -> u64 {
        self.clock.now().as_micros() / 1000
    }

    /// Says how it does, unless it shall do nothing any more: then somebody else speaks for its place.
    fn tell(&self, state: DestinationState) {
        self.desk.update(|_| {
            let id = self.id.clone();
            (!self.stop.is_cancelled()).then_some(StudioEvent::Destination { id, state })
        });
    }
}

/// For identifiers and jitter; 0 if the system has no randomness, which no session survives anyway (DTLS).
fn random_u32() -> u32 {
    getrandom::u32().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let target = Target::Whip { url: "http://127.0.0.1/whip/main".into(), key: Secret::new("hunter2") };
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
