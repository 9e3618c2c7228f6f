//! Outputs: where the packets go. WHIP today.
//!
//! An output is one task that connects, sends, and when the other side goes away connects again until it is told to
//! stop. It never gives up while the broadcast runs, and it never holds up the encoders: see [`Lane`](crate::air::Lane).

mod peer;
mod resend;
mod tap;
mod whip;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use footlight_protocol::{Code, Failure};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Clock;
use crate::air::{Air, Lane, Parcel};
use crate::desk::Desk;

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
#[derive(Debug, Clone)]
pub enum Target {
    /// A WHIP endpoint (RFC 9725) and its bearer token.
    Whip { url: String, key: Secret },
}

/// Why an output is not connected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// 401 or 403.
    #[error("the stream key is refused")]
    Key,
    #[error("the relay says {0}")]
    Status(u16),
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
            Self::Key => Failure::new(Code::KeyRefused, "The relay refuses the stream key"),
            Self::Status(409) => Failure::new(Code::RoomBusy, "Somebody else is publishing to this room"),
            Self::Status(code) => {
                Failure::new(Code::Unreachable, format!("The relay refuses the broadcast (HTTP {code})"))
            }
            Self::Unreachable(_) => Failure::new(Code::Unreachable, "The relay cannot be reached"),
            Self::Media(_) => Failure::new(Code::Unreachable, "No media connection to the relay"),
        }
    }

    /// Longest pause between two tries. A closed port is cheap to ask and, once open again, viewers wait for us; a
    /// relay that answers "no" is left alone for longer.
    fn longest_pause(&self) -> Duration {
        match self {
            Self::Unreachable(_) => Duration::from_millis(500),
            Self::Status(_) | Self::Media(_) => Duration::from_secs(2),
            Self::Key => Duration::from_secs(5),
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Everything that an output is given.
pub(crate) struct Output {
    pub(crate) target: Target,
    pub(crate) lane: Arc<Lane>,
    pub(crate) packets: mpsc::Receiver<Parcel>,
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) ceiling_kbps: u32,
    /// In how many layers the picture may go out.
    pub(crate) layers: usize,
    pub(crate) stop: CancellationToken,
}

impl Output {
    /// Runs until stopped; says goodbye to the other side before it returns.
    pub(crate) async fn run(mut self) {
        let (mut attempt, mut pause, mut told) = (0, FIRST_PAUSE, None);
        while !self.stop.is_cancelled() {
            let connected = tokio::select! {
                () = self.stop.cancelled() => break,
                connected = whip::Session::connect(&self) => connected,
            };
            let refusal = match connected {
                Ok(mut session) => {
                    tracing::info!(attempt, "output connected");
                    (attempt, pause, told) = (0, FIRST_PAUSE, None);
                    // What waits is older than the keyframe that comes next.
                    while self.packets.try_recv().is_ok() {}
                    self.air.connected(&self.lane);
                    let why = session.run(&mut self.packets, &self.stop).await;
                    self.air.disconnected(&self.lane, 1);
                    session.close().await;
                    tracing::info!(why, "output disconnected");
                    continue;
                }
                Err(refusal) => refusal,
            };
            attempt += 1;
            tracing::debug!(attempt, %refusal, "output not connected");
            self.air.disconnected(&self.lane, attempt);
            let failure = refusal.failure();
            if told != Some(failure.code) {
                told = Some(failure.code);
                self.desk.fail(failure);
            }
            pause = pause.min(refusal.longest_pause());
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(jittered(pause)) => {}
            }
            pause = (pause * 3 / 2).min(refusal.longest_pause());
        }
        self.air.disconnected(&self.lane, 0);
    }
}

/// Three quarters to five quarters, so that many studios do not all knock at once after a relay's restart.
fn jittered(pause: Duration) -> Duration {
    pause * (192 + random_u32() % 128) / 256
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

    #[test]
    fn pauses_stay_near_what_they_should_be() {
        for _ in 0..100 {
            let pause = jittered(Duration::from_millis(400));
            assert!(pause >= Duration::from_millis(300) && pause <= Duration::from_millis(500), "{pause:?}");
        }
    }
}
