//! One webhook: delivers its events in order, each until it is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use footlight_protocol::RoomId;
use footlight_protocol::room::UnixMillis;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Url, redirect};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Happening, Told, Webhook, sign};
use crate::clock;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::secret::{Secret, random};

/// A receiver answers within this; it is meant to take the event, not to work on it.
const ANSWER: Duration = Duration::from_secs(10);
/// How long, at the end, what is left may be tried once more.
const FAREWELL: Duration = Duration::from_millis(800);
/// The name of the delivery: the same for every attempt, so that an event that was taken twice is counted once.
const DELIVERY: &str = "footlight-delivery";
/// Which attempt this is, from 1.
const ATTEMPT: &str = "footlight-attempt";

/// How patiently a receiver is tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Wait after the first attempt; each next one is twice as long …
    pub(crate) first: Duration,
    /// … up to this.
    pub(crate) longest: Duration,
    /// An event is given up after so many. What waits behind it goes on.
    pub(crate) attempts: u32,
}

impl Default for Pace {
    /// Six minutes in all: a receiver that restarts, or a network that is repaired, misses nothing.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(60), attempts: 12 }
    }
}

impl Pace {
    /// The wait after a failed attempt (from 1): between half and all of its share, so that many relays do not
    /// come back to a receiver at the same instant. `dice` is any random number.
    pub(crate) fn wait(&self, attempt: u32, dice: u32) -> Duration {
        let doubled = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let share = self.first.saturating_mul(doubled).min(self.longest);
        share / 2 + (share / 2).mul_f64(f64::from(dice) / f64::from(u32::MAX))
    }
}

pub(super) struct Lane {
    client: Client,
    url: Url,
    /// Host and port: the rest of the address may hold something secret, so no more is logged.
    name: String,
    secret: Secret,
    pace: Pace,
    queue: mpsc::Receiver<Arc<Told>>,
    lost: Arc<AtomicU64>,
    metrics: Arc<Metrics>,
}

/// The body of a request.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    room: &'a RoomId,
    at: UnixMillis,
    /// Events between the last delivery and this one that were not delivered.
    lost: u64,
    #[serde(flatten)]
    happening: &'a Happening,
}

/// Why an attempt failed.
enum Refusal {
    Status(u16, Option<Duration>),
    Unreachable(reqwest::Error),
}

/// What became of an event.
enum Outcome {
    Taken,
    GivenUp,
    Cancelled,
}

impl Lane {
    pub(super) fn new(
        webhook: &Webhook,
        pace: Pace,
        queue: mpsc::Receiver<Arc<Told>>,
        lost: Arc<AtomicU64>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        let bad = |message: String| Error::Setting { setting: "webhooks.url", message };
        let url: Url = webhook.url.parse().map_err(|error| bad(format!("{error}")))?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(|| bad("has to begin with http:// or https://".to_owned()))?;
        let name = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let client = Client::builder()
            .timeout(ANSWER)
            // A signed body goes to the address that was configured and to no other.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("footlight-relay/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| Error::System { what: "an HTTP client" })?;
        Ok(Self { client, url, name, secret: webhook.secret.clone(), pace, queue, lost, metrics })
    }

    pub(super) async fn run(mut self, cancel: CancellationToken) {
        let mut unfinished = None;
        loop {
            let told = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                told = self.queue.recv() => told,
            };
            let Some(told) = told else { break };
            if let Outcome::Cancelled = self.deliver(&told, &cancel).await {
                unfinished = Some(told);
                break;
            }
        }
        self.farewell(unfinished).await;
    }

    /// Tries until the event is taken or given up.
    async fn deliver(&self, told: &Told, cancel: &CancellationToken) -> Outcome {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let body = body(told, lost);
        for attempt in 1..=self.pace.attempts {
            let tried = tokio::select! {
                () = cancel.cancelled() => break,
                tried = self.post(told, &body, attempt) => tried,
            };
            let Err(refusal) = tried else {
                self.metrics.hooks_delivered.one();
                return Outcome::Taken;
            };
            self.metrics.hooks_failed.one();
            self.complain(&refusal, attempt);
            if attempt == self.pace.attempts {
                break;
            }
            let dice = random::<4>().map_or(0, u32::from_le_bytes);
            let asked = match refusal {
                Refusal::Status(_, Some(after)) => after.min(self.pace.longest),
                _ => Duration::ZERO,
            };
            tokio::select! {
                () = cancel.cancelled() => break,
                () = tokio::time::sleep(self.pace.wait(attempt, dice).max(asked)) => {}
            }
        }
        if cancel.is_cancelled() {
            self.lost.fetch_add(lost, Ordering::Relaxed);
            return Outcome::Cancelled;
        }
        self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        self.metrics.hooks_lost.one();
        tracing::error!(webhook = self.name, delivery = told.id, "an event was given up");
        Outcome::GivenUp
    }

    async fn post(&self, told: &Told, body: &[u8], attempt: u32) -> Result<(), Refusal> {
        let seconds = clock::now_millis() / 1000;
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(DELIVERY, &told.id)
            .header(ATTEMPT, attempt)
            .header(sign::HEADER, sign::signature(&self.secret, seconds, body))
            .body(body.to_vec());
        let answer = request.send().await.map_err(|error| Refusal::Unreachable(error.without_url()))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Err(Refusal::Status(answer.status().as_u16(), after.map(Duration::from_secs)))
    }

    fn complain(&self, refusal: &Refusal, attempt: u32) {
        let webhook = self.name.as_str();
        match refusal {
            Refusal::Status(status, _) => {
                tracing::warn!(webhook, status, attempt, "a webhook refused an event")
            }
            Refusal::Unreachable(error) => {
                tracing::warn!(webhook, %error, attempt, "a webhook cannot be reached")
            }
        }
    }

    /// Tries what is left once, in order, until one fails or time is up.
    async fn farewell(&mut self, unfinished: Option<Arc<Told>>) {
        self.queue.close();
        let mut left: Vec<Arc<Told>> = unfinished.into_iter().collect();
        while let Ok(told) = self.queue.try_recv() {
            left.push(told);
        }
        let mut taken = 0;
        let tries = async {
            for told in &left {
                let lost = self.lost.swap(0, Ordering::Relaxed);
                if self.post(told, &body(told, lost), 1).await.is_err() {
                    break;
                }
                self.metrics.hooks_delivered.one();
                taken += 1;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, tries).await;
        let lost = left.len() - taken;
        if lost > 0 {
            self.metrics.hooks_lost.add(lost as u64);
            tracing::warn!(webhook = self.name, lost, "events were not delivered before the end");
        }
    }
}

fn body(told: &Told, lost: u64) -> Vec<u8> {
    let Told { id, room, at, happening } = told;
    serde_json::to_vec(&Body { id, room, at: *at, lost, happening }).expect("events are plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_spread() {
        let pace = Pace::default();
        for (attempt, share) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (12, 60), (400, 60)] {
            let (least, most) = (pace.wait(attempt, 0), pace.wait(attempt, u32::MAX));
            assert_eq!((least, most), (Duration::from_millis(share * 500), Duration::from_secs(share)));
        }
    }
}
