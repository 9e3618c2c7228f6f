//! Who publishes, and what viewers are told about it. Plain state: told the time, told what happened.

use std::time::Duration;

use footlight_media::{Codec, Time};
use footlight_protocol::room::{MediaClock, StreamState, UnixMillis};

use crate::rtc::{Ended, SessionId};

/// A publisher that left without goodbye may be back within this; after it the broadcast is over.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The room's broadcast.
#[derive(Debug)]
pub(super) struct Stream {
    publisher: Option<SessionId>,
    clock: MediaClock,
    on_air: Option<OnAir>,
}

#[derive(Debug, Clone, Copy)]
struct OnAir {
    since: UnixMillis,
    interrupted: Option<UnixMillis>,
}

impl Stream {
    /// `now` only anchors the media clock, which holds for as long as the room lives.
    pub(super) fn new(now: Time) -> Self {
        let clock = MediaClock { rtp: now.to_rtp(Codec::H264.clock_rate()), at_us: now.as_micros() };
        Self { publisher: None, clock, on_air: None }
    }

    pub(super) fn is_publisher(&self, session: SessionId) -> bool {
        self.publisher == Some(session)
    }

    pub(super) fn publisher(&self) -> Option<SessionId> {
        self.publisher
    }

    pub(super) fn state(&self) -> StreamState {
        let clock = self.clock;
        match self.on_air {
            None => StreamState::Offline,
            Some(OnAir { since, interrupted: None }) => StreamState::Live { since, clock },
            Some(OnAir { interrupted: Some(since), .. }) => StreamState::Interrupted { since, clock },
        }
    }

    /// A publisher with the right key is here. The one it replaces, if any, has to go: the same key twice is
    /// the same person with a new connection.
    pub(super) fn publish(&mut self, session: SessionId) -> Option<SessionId> {
        self.publisher.replace(session)
    }

    /// Packets flow.
    pub(super) fn flowing(&mut self, session: SessionId, now: UnixMillis) {
        if self.publisher == Some(session) {
            let since = self.on_air.map_or(now, |on_air| on_air.since);
            self.on_air = Some(OnAir { since, interrupted: None });
        }
    }

    /// Packets have stopped, or the connection is gone.
    pub(super) fn silent(&mut self, session: SessionId, now: UnixMillis) {
        if self.publisher == Some(session)
            && let Some(on_air) = &mut self.on_air
        {
            on_air.interrupted.get_or_insert(now);
        }
    }

    /// The publisher's session is over.
    pub(super) fn ended(&mut self, session: SessionId, ended: Ended, now: UnixMillis) {
        if self.publisher != Some(session) {
            return;
        }
        if ended == Ended::Closed {
            self.on_air = None;
        } else {
            self.silent(session, now);
        }
        self.publisher = None;
    }

    /// Ends a broadcast whose publisher has not come back. Says which session is still open though silent.
    pub(super) fn tick(&mut self, now: UnixMillis) -> Option<SessionId> {
        let interrupted = self.on_air?.interrupted?;
        if now.saturating_sub(interrupted) < PATIENCE.as_millis() as u64 {
            return None;
        }
        self.on_air = None;
        self.publisher.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    fn name(stream: &Stream) -> &'static str {
        match stream.state() {
            StreamState::Offline => "offline",
            StreamState::Live { .. } => "live",
            StreamState::Interrupted { .. } => "interrupted",
        }
    }

    #[test]
    fn a_publisher_that_crashes_and_comes_back_continues_its_broadcast() {
        let mut stream = Stream::new(Time::from_micros(1_795_375_970_000_000));
        assert_eq!(stream.publish(A), None);
        assert_eq!(name(&stream), "offline");
        stream.flowing(A, 100);
        assert_eq!(name(&stream), "live");
        stream.silent(A, 2_000);
        assert_eq!(name(&stream), "interrupted");
        assert_eq!(stream.publish(B), Some(A));
        stream.ended(A, Ended::Closed, 2_100);
        assert_eq!(name(&stream), "interrupted");
        stream.flowing(A, 2_150);
        assert_eq!(name(&stream), "interrupted");
        stream.flowing(B, 2_200);
        assert!(matches!(stream.state(), StreamState::Live { since: 100, .. }));
    }

    #[test]
    fn goodbye_ends_the_broadcast_and_silence_ends_it_later() {
        let mut stream = Stream::new(Time::default());
        stream.publish(A);
        stream.flowing(A, 0);
        stream.ended(A, Ended::Closed, 10);
        assert_eq!(name(&stream), "offline");

        stream.publish(A);
        stream.flowing(A, 0);
        stream.ended(A, Ended::Lost, 10);
        assert_eq!(stream.tick(29_000), None);
        assert_eq!(name(&stream), "interrupted");
        assert_eq!(stream.tick(30_010), None);
        assert_eq!(name(&stream), "offline");

        stream.publish(B);
        stream.flowing(B, 0);
        stream.silent(B, 0);
        assert_eq!(stream.tick(40_000), Some(B));
        assert_eq!((name(&stream), stream.publisher()), ("offline", None));
    }
}
