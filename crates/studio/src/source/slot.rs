//! The slot between a picture source and the scene: holds the newest frame, and how the source does.
//!
//! Bound 1: a newer frame replaces one that was not taken, which is counted as skipped. Sources write through a
//! [`Feed`]; opening a new feed silences the ones before.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use footlight_media::Frame;
use footlight_protocol::studio::{CameraId, SourceState, StudioEvent};

use crate::desk::Desk;
use crate::worker::lock;

/// A slot that nothing was asked of for so long is not looked into.
const LINGER: Duration = Duration::from_secs(1);

pub(crate) struct Slot {
    inner: Mutex<Inner>,
    wake: Condvar,
    /// Hears how which source does, when that is news.
    tell: Box<Tell>,
}

/// Takes which source it is, and how it does.
type Tell = dyn Fn(&CameraId, SourceState) + Send + Sync;

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Inner {
    epoch: u64,
    camera: CameraId,
    state: SourceState,
    frame: Option<Frame>,
    skipped: u64,
    unseen: bool,
    /// When a frame was asked for last; `None`: nobody could have yet.
    asked: Option<Instant>,
}

/// What [`Slot::take`] came back with.
#[derive(Debug)]
pub(crate) enum Taken {
    Frame(Frame),
    /// The deadline passed; this is how the source does.
    Nothing(SourceState),
}

impl Slot {
    /// The camera's.
    pub(crate) fn new(desk: Arc<Desk>) -> Arc<Self> {
        Self::telling(move |camera, state| desk.tell(StudioEvent::Camera { camera: camera.clone(), state }))
    }

    /// One that tells somebody else; under its lock, so that must not ask it back.
    pub(crate) fn telling(tell: impl Fn(&CameraId, SourceState) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { inner: Mutex::default(), wake: Condvar::new(), tell: Box::new(tell) })
    }

    /// A feed for the source `camera`. Every earlier feed is dead from here on.
    pub(crate) fn feed(self: &Arc<Self>, camera: CameraId) -> Feed {
        let mut inner = lock(&self.inner);
        inner.epoch += 1;
        inner.camera = camera;
        inner.frame = None;
        let feed = Feed { slot: Arc::clone(self), epoch: inner.epoch };
        drop(inner);
        feed.state(SourceState::Opening);
        feed
    }

    /// Waits for a frame until `deadline`.
    pub(crate) fn take(&self, deadline: Instant) -> Taken {
        let mut inner = lock(&self.inner);
        inner.asked = Some(Instant::now());
        loop {
            if let Some(frame) = inner.frame.take() {
                return Taken::Frame(frame);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Taken::Nothing(inner.state.clone());
            }
            inner = match self.wake.wait_timeout(inner, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// The newest frame, which stays, and how the source does.
    pub(crate) fn newest(&self) -> (Option<Frame>, SourceState) {
        let mut inner = lock(&self.inner);
        inner.asked = Some(Instant::now());
        (inner.frame.clone(), inner.state.clone())
    }

    /// Whether nobody sees it: then it misses nothing when it is not taken.
    pub(crate) fn set_unseen(&self, unseen: bool) {
        lock(&self.inner).unseen = unseen;
    }

    /// Frames that were replaced before they were taken.
    pub(crate) fn skipped(&self) -> u64 {
        lock(&self.inner).skipped
    }
}

/// A source's way into the slot.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    slot: Arc<Slot>,
    epoch: u64,
}

impl Feed {
    /// Whether anybody would see a frame. Where nobody does, none has to be made: [`Self::pass`] says so instead.
    pub(crate) fn is_seen(&self) -> bool {
        lock(&self.slot.inner).asked.is_none_or(|asked| asked.elapsed() < LINGER)
    }

    /// The source runs, and leaves a frame out that nobody would see. False if it has been replaced and should end.
    pub(crate) fn pass(&self) -> bool {
        let mut inner = lock(&self.slot.inner);
        let (current, news) = (inner.epoch == self.epoch, inner.state != SourceState::Running);
        if current {
            // Old by the time that anybody looks again.
            inner.frame = None;
        }
        drop(inner);
        if current && news {
            self.state(SourceState::Running);
        }
        current
    }

    /// Delivers a frame. False if this source has been replaced and should end.
    pub(crate) fn frame(&self, frame: Frame) -> bool {
        let mut inner = lock(&self.slot.inner);
        if inner.epoch != self.epoch {
            return false;
        }
        let replaces = inner.frame.replace(frame).is_some();
        inner.skipped += u64::from(replaces && !inner.unseen);
        self.slot.wake.notify_one();
        let news = inner.state != SourceState::Running;
        drop(inner);
        if news {
            self.state(SourceState::Running);
        }
        true
    }

    /// Says how the source does, if that is news.
    pub(crate) fn state(&self, state: SourceState) {
        let mut inner = lock(&self.slot.inner);
        if inner.epoch != self.epoch {
            return;
        }
        if inner.state != state || state == SourceState::Opening {
            inner.state = state.clone();
            // Under the lock: the window must hear states in the order in which they came about.
            (self.slot.tell)(&inner.camera, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_media::{Picture, Time};
    use footlight_protocol::studio::Snapshot;

    fn frame(micros: u64) -> Frame {
        Frame { captured: Time::from_micros(micros), picture: Arc::new(Picture::black(16, 16)) }
    }

    #[test]
    fn what_nobody_asks_for_has_not_to_be_made() {
        let slot = Slot::telling(|_, _| {});
        let feed = slot.feed("camera".into());
        assert!(feed.is_seen(), "nobody could have asked yet");
        assert!(feed.frame(frame(1)));
        assert!(matches!(slot.take(Instant::now()), Taken::Frame(_)));
        assert!(feed.is_seen());
        lock(&slot.inner).asked = Instant::now().checked_sub(LINGER);
        assert!(!feed.is_seen());
        assert!(feed.frame(frame(2)) && feed.pass());
        assert!(matches!(slot.take(Instant::now()), Taken::Nothing(SourceState::Running)), "it is old");
        assert!(feed.is_seen(), "somebody asked");
        let _other = slot.feed("other".into());
        assert!(!feed.pass(), "it has been replaced");
    }

    #[test]
    fn the_newest_frame_wins_and_a_replaced_source_is_silent() {
        let desk = Arc::new(Desk::new(Snapshot::default()));
        let slot = Slot::new(Arc::clone(&desk));
        let old = slot.feed("old".into());
        assert!(old.frame(frame(1)));
        assert!(old.frame(frame(2)));
        slot.set_unseen(true);
        assert!(old.frame(frame(2)));
        slot.set_unseen(false);
        assert_eq!(slot.skipped(), 1);
        let soon = Instant::now() + Duration::from_secs(5);
        assert!(matches!(slot.take(soon), Taken::Frame(f) if f.captured == Time::from_micros(2)));
        assert_eq!(desk.snapshot().camera_state, SourceState::Running);

        let new = slot.feed("new".into());
        assert!(!old.frame(frame(3)));
        old.state(SourceState::Off);
        assert!(matches!(slot.take(Instant::now()), Taken::Nothing(SourceState::Opening)));
        assert!(new.frame(frame(4)));
        assert_eq!(
            (desk.snapshot().camera.as_str(), desk.snapshot().camera_state),
            ("new", SourceState::Running)
        );
    }
}
