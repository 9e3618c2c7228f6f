//! What becomes of the broadcast on the relay's disk, as the creator's window shows it, and the clips of it.

use footlight_protocol::replay::{Clip, Progress};
use footlight_protocol::room::{self, Pause};
use footlight_protocol::{Failure, ReplayId};

#[derive(Debug, Clone)]
pub enum RecordingEvent {
    /// What the room says of it.
    Told(Option<room::Recording>),
    /// What the owner is told more exactly.
    Measured(Option<Progress>),
    /// A clip of what is live is asked for, is there, or is not.
    Cutting,
    Cut(Clip),
    NotCut(Failure),
    /// The creator has seen where the clip is, or the recording.
    ClipPutAway,
    KeptPutAway,
}

/// A recording that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Off,
    On,
    /// The disk is full in so many minutes.
    Filling(u64),
    Paused(Pause),
}

/// A clip of the last seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Cut {
    #[default]
    None,
    Busy,
    Made(Clip),
    Failed(Failure),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    told: Option<room::Recording>,
    progress: Option<Progress>,
    pub cut: Cut,
    /// The broadcast that was kept last, until the creator has seen it.
    pub kept: Option<ReplayId>,
}

impl Recording {
    pub fn apply(&mut self, event: RecordingEvent) {
        match event {
            RecordingEvent::Told(told) => {
                if self.told.is_some() && told.is_none() {
                    self.kept = self.progress.take().map(|progress| progress.id);
                } else if told.is_some() && self.told.is_none() {
                    (self.kept, self.progress, self.cut) = (None, None, Cut::None);
                }
                self.told = told;
            }
            RecordingEvent::Measured(progress) => {
                // An answer may come after the end, which knows nothing any more.
                if self.told.is_some() && progress.is_some() {
                    self.progress = progress;
                }
            }
            RecordingEvent::Cutting => self.cut = Cut::Busy,
            RecordingEvent::Cut(clip) => self.cut = Cut::Made(clip),
            RecordingEvent::NotCut(failure) => self.cut = Cut::Failed(failure),
            RecordingEvent::ClipPutAway => self.cut = Cut::None,
            RecordingEvent::KeptPutAway => self.kept = None,
        }
    }

    pub fn state(&self) -> State {
        match self.told {
            None => State::Off,
            Some(room::Recording::Paused { why, .. }) => State::Paused(why),
            Some(room::Recording::On { full_in_s, .. }) => match full_in_s {
                Some(left) => State::Filling(u64::from(left) / 60),
                None => State::On,
            },
        }
    }

    /// Bytes on the disk, where they are known.
    pub fn bytes(&self) -> Option<u64> {
        self.progress.as_ref().map(|progress| progress.bytes)
    }
}

/// A size as people write it: `4.2 MB`, `640 MB`, `1.2 GB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// The keys of what a creator reads when a recording is paused.
pub fn paused(why: Pause) -> (&'static str, &'static str) {
    match why {
        Pause::DiskFull => ("recording.disk_full", "recording.disk_full_text"),
        Pause::BudgetSpent => ("recording.budget_spent", "recording.budget_spent_text"),
        Pause::DiskFailed => ("recording.disk_failed", "recording.disk_failed_text"),
    }
}

#[cfg(test)]
mod tests {
    use footlight_protocol::Code;

    use super::*;

    fn on(full_in_s: Option<u32>) -> RecordingEvent {
        RecordingEvent::Told(Some(room::Recording::On { since: 0, full_in_s }))
    }

    fn measured(id: &str, bytes: u64) -> RecordingEvent {
        let id = id.parse().unwrap();
        let rest = Progress { id, since: 0, bytes, bits_per_second: 0, full_in_s: None, paused: None };
        RecordingEvent::Measured(Some(rest))
    }

    #[test]
    fn the_state_is_what_the_room_says() {
        let mut recording = Recording::default();
        assert_eq!(recording.state(), State::Off);
        for (event, state) in [
            (on(None), State::On),
            (on(Some(2_450)), State::Filling(40)),
            (
                RecordingEvent::Told(Some(room::Recording::Paused { since: 0, why: Pause::DiskFull })),
                State::Paused(Pause::DiskFull),
            ),
            (on(None), State::On),
            (RecordingEvent::Told(None), State::Off),
        ] {
            recording.apply(event);
            assert_eq!(recording.state(), state);
        }
    }

    #[test]
    fn what_was_kept_is_told_after_the_end_until_the_next_begins() {
        let mut recording = Recording::default();
        recording.apply(on(None));
        recording.apply(measured("r1", 5_000_000));
        recording.apply(RecordingEvent::Measured(None));
        assert_eq!((recording.bytes(), recording.kept.is_some()), (Some(5_000_000), false));
        recording.apply(RecordingEvent::Told(None));
        assert_eq!(recording.kept.as_ref().unwrap().as_str(), "r1");
        recording.apply(measured("r1", 6_000_000));
        assert_eq!(recording.bytes(), None, "what comes late is nothing new");
        recording.apply(on(None));
        assert_eq!(recording.kept, None);
        recording.apply(RecordingEvent::Told(None));
        assert_eq!(recording.kept, None, "nothing of it is known");
    }

    #[test]
    fn a_clip_is_busy_then_there_or_not() {
        let mut recording = Recording::default();
        recording.apply(RecordingEvent::Cutting);
        assert_eq!(recording.cut, Cut::Busy);
        recording.apply(RecordingEvent::NotCut(Failure::new(Code::Full, "full")));
        assert!(matches!(recording.cut, Cut::Failed(_)));
        recording.apply(RecordingEvent::ClipPutAway);
        assert_eq!(recording.cut, Cut::None);
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [
            (0, "0.0 MB"),
            (4_240_000, "4.2 MB"),
            (640_900_000, "640 MB"),
            (1_250_000_000, "1.2 GB"),
            (81_000_000_000, "81.0 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
