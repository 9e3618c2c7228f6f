//! The network between a peer of the tests and the relay: what it loses, and what the peer learns from the relay's
//! sender reports.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Instant, UNIX_EPOCH};

use footlight_media::Time;
use str0m::rtp::RtpPacket;

/// One RTP packet held against the newest sender report of its stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) video: bool,
    /// From abs-capture-time.
    pub(crate) captured: Time,
    /// From the sender report and the timestamp.
    pub(crate) reported: Time,
}

pub(crate) struct Path {
    /// RTP packets in a thousand that are lost on the way to the peer, and from it.
    incoming: AtomicU32,
    outgoing: AtomicU32,
    /// Kilobits a second that reach the peer; zero: all. What is above it waits in no queue.
    narrow: AtomicU32,
    passed: Mutex<(Option<Instant>, f64)>,
    /// Nothing reaches the peer, not even ICE.
    cut: AtomicBool,
    lost: AtomicU32,
    random: Mutex<u64>,
    placed: Mutex<Vec<Placed>>,
}

impl Path {
    pub(crate) fn new() -> Self {
        Self {
            incoming: AtomicU32::new(0),
            outgoing: AtomicU32::new(0),
            narrow: AtomicU32::new(0),
            passed: Mutex::default(),
            cut: AtomicBool::new(false),
            lost: AtomicU32::new(0),
            random: Mutex::new(0x5eed),
            placed: Mutex::default(),
        }
    }

    pub(crate) fn lose_incoming(&self, in_a_thousand: u32) {
        self.incoming.store(in_a_thousand, Ordering::Relaxed);
    }

    pub(crate) fn lose_outgoing(&self, in_a_thousand: u32) {
        self.outgoing.store(in_a_thousand, Ordering::Relaxed);
    }

    pub(crate) fn narrow(&self, kbit: u32) {
        self.narrow.store(kbit, Ordering::Relaxed);
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.lost() > 0
    }

    pub(crate) fn placed(&self) -> Vec<Placed> {
        self.placed.lock().unwrap().clone()
    }

    pub(crate) fn loses_incoming(&self, datagram: &[u8]) -> bool {
        self.count(
            self.cut.load(Ordering::Relaxed)
                || self.loses(&self.incoming, datagram)
                || self.overflows(datagram),
        )
    }

    pub(crate) fn loses_outgoing(&self, datagram: &[u8]) -> bool {
        self.count(self.loses(&self.outgoing, datagram))
    }

    fn count(&self, lost: bool) -> bool {
        self.lost.fetch_add(u32::from(lost), Ordering::Relaxed);
        lost
    }

    fn overflows(&self, datagram: &[u8]) -> bool {
        /// What a link lets through at once.
        const BURST_BYTES: f64 = 8_000.0;
        let kbit = self.narrow.load(Ordering::Relaxed);
        if kbit == 0 {
            return false;
        }
        let (at, room) = &mut *self.passed.lock().unwrap();
        let now = Instant::now();
        let since = at.replace(now).map_or(f64::MAX, |at| now.duration_since(at).as_secs_f64());
        *room = (*room + since * f64::from(kbit) * 125.0).min(BURST_BYTES);
        let fits = *room >= datagram.len() as f64;
        *room -= if fits { datagram.len() as f64 } else { 0.0 };
        !fits
    }

    fn loses(&self, share: &AtomicU32, datagram: &[u8]) -> bool {
        let share = share.load(Ordering::Relaxed);
        // RFC 7983 and RFC 5761: what is RTP, and not STUN, DTLS or RTCP.
        let rtp = matches!(datagram, [128..=191, kind, ..] if !(192..=223).contains(kind));
        if share == 0 || !rtp {
            return false;
        }
        let mut random = self.random.lock().unwrap();
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) % 1000 < u64::from(share)
    }

    /// Holds a packet against the newest sender report.
    pub(crate) fn note(&self, video: bool, packet: &RtpPacket, captured: Option<Time>) {
        let (Some(report), Some(captured)) = (&packet.last_sender_info, captured) else {
            return;
        };
        let rate = if video { 90_000 } else { 48_000 };
        let ticks = packet.header.timestamp.wrapping_sub(report.rtp_time.numer() as u32) as i32;
        let at = report.ntp_time.duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        let reported = at.saturating_add_signed(i64::from(ticks) * 1_000_000 / rate);
        self.placed.lock().unwrap().push(Placed { video, captured, reported: Time::from_micros(reported) });
    }
}
