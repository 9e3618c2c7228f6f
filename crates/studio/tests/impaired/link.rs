//! A network on loopback between the studio and the endpoint: loses at random, from a seed, and lets through only
//! so much, behind a queue that drops what does not fit.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// One way, so that resending takes a round trip.
const DELAY: Duration = Duration::from_millis(10);
/// What the narrow place holds before it drops: what home routers have.
const BUFFER: Duration = Duration::from_millis(300);
/// The studio's payload types for video and for what it sends again.
const VIDEO: u8 = 102;
const RESENT: u8 = 103;

pub(crate) struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    /// Where the studio sends to, and where the endpoint hears it from.
    front: UdpSocket,
    back: UdpSocket,
    conditions: Mutex<Conditions>,
}

#[derive(Default)]
struct Conditions {
    lost_in_a_thousand: u64,
    kbps: Option<u32>,
    random: u64,
    seen: Seen,
    offered: VecDeque<(Instant, usize)>,
}

/// What passed since the last [`Link::begin`].
#[derive(Default, Clone)]
pub(crate) struct Seen {
    /// Timestamps of the frames that the studio sent, lost or not.
    pub(crate) frames: BTreeSet<u32>,
    pub(crate) lost: u32,
    pub(crate) resent: u32,
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().expect("a lock") {
            task.abort();
        }
    }
}

impl Link {
    pub(crate) async fn new() -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.expect("a UDP port");
        let back = UdpSocket::bind("127.0.0.1:0").await.expect("a UDP port");
        let conditions = Mutex::new(Conditions { random: 0x5eed, ..Conditions::default() });
        Self {
            address: front.local_addr().expect("an address"),
            shared: Arc::new(Shared { front, back, conditions }),
            task: Mutex::default(),
        }
    }

    /// Connects it to the endpoint; says where the studio has to send.
    pub(crate) fn lead_to(&self, endpoint: SocketAddr) -> SocketAddr {
        let task = tokio::spawn(carry(Arc::clone(&self.shared), endpoint));
        *self.task.lock().expect("a lock") = Some(task);
        self.address
    }

    /// Of every kind of packet, both ways.
    pub(crate) fn lose(&self, in_a_thousand: u64) {
        self.shared.conditions().lost_in_a_thousand = in_a_thousand;
    }

    /// How much gets through from the studio.
    pub(crate) fn limit(&self, kbps: u32) {
        self.shared.conditions().kbps = Some(kbps);
    }

    pub(crate) fn begin(&self) {
        self.shared.conditions().seen = Seen::default();
    }

    pub(crate) fn seen(&self) -> Seen {
        self.shared.conditions().seen.clone()
    }

    /// What the studio sent within the last second, whether it got through or not.
    pub(crate) fn offered_kbps(&self) -> u32 {
        let mut conditions = self.shared.conditions();
        conditions.forget(Instant::now());
        let bytes: usize = conditions.offered.iter().map(|(_, size)| size).sum();
        (bytes * 8 / 1000) as u32
    }
}

impl Shared {
    fn conditions(&self) -> std::sync::MutexGuard<'_, Conditions> {
        self.conditions.lock().expect("a lock")
    }
}

impl Conditions {
    fn forget(&mut self, now: Instant) {
        while self.offered.front().is_some_and(|(at, _)| now.duration_since(*at) > Duration::from_secs(1)) {
            self.offered.pop_front();
        }
    }

    fn offer(&mut self, datagram: &[u8], now: Instant) {
        self.forget(now);
        self.offered.push_back((now, datagram.len()));
        // RTP headers are not encrypted: RFC 3711 section 3.1.
        match datagram {
            [128..=191, kind, _, _, a, b, c, d, ..] if kind & 0x7f == VIDEO => {
                self.seen.frames.insert(u32::from_be_bytes([*a, *b, *c, *d]));
            }
            [128..=191, kind, ..] if kind & 0x7f == RESENT => self.seen.resent += 1,
            _ => {}
        }
    }

    fn loses(&mut self) -> bool {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let lost = (self.random >> 33) % 1000 < self.lost_in_a_thousand;
        self.seen.lost += u32::from(lost);
        lost
    }
}

/// What is on its way in one direction.
struct Queue {
    free_at: Instant,
    waiting: VecDeque<(Instant, Vec<u8>)>,
}

impl Queue {
    fn new() -> Self {
        Self { free_at: Instant::now(), waiting: VecDeque::new() }
    }

    fn push(&mut self, datagram: &[u8], now: Instant, kbps: Option<u32>) -> bool {
        let start = self.free_at.max(now);
        if kbps.is_some() && start - now > BUFFER {
            return false;
        }
        let bits = datagram.len() as u64 * 8;
        self.free_at =
            start + kbps.map_or(Duration::ZERO, |kbps| Duration::from_micros(bits * 1000 / u64::from(kbps)));
        self.waiting.push_back((self.free_at + DELAY, datagram.to_vec()));
        true
    }

    fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }

    async fn deliver(&mut self, from: &UdpSocket, to: SocketAddr) {
        while self.due().is_some_and(|at| at <= Instant::now())
            && let Some((_, datagram)) = self.waiting.pop_front()
        {
            // A side that went away is the test's doing.
            drop(from.send_to(&datagram, to).await);
        }
    }
}

async fn carry(shared: Arc<Shared>, endpoint: SocketAddr) {
    let (mut there, mut back) = (Queue::new(), Queue::new());
    let mut studio = None;
    let (mut from_studio, mut from_endpoint) = (vec![0; 2000], vec![0; 2000]);
    loop {
        let due = there.due().into_iter().chain(back.due()).min();
        let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            Ok((length, from)) = shared.front.recv_from(&mut from_studio) => {
                studio = Some(from);
                let (now, datagram) = (Instant::now(), &from_studio[..length]);
                let mut conditions = shared.conditions();
                conditions.offer(datagram, now);
                if !conditions.loses() && !there.push(datagram, now, conditions.kbps) {
                    conditions.seen.lost += 1;
                }
            }
            Ok((length, _)) = shared.back.recv_from(&mut from_endpoint) => {
                if !shared.conditions().loses() {
                    back.push(&from_endpoint[..length], Instant::now(), None);
                }
            }
            () = tokio::time::sleep_until(due) => {}
        }
        there.deliver(&shared.back, endpoint).await;
        if let Some(studio) = studio {
            back.deliver(&shared.front, studio).await;
        }
    }
}
