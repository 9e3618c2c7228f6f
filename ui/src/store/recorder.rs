//! What the window says of what is kept on this computer.

use footlight_protocol::record::{Disk, Recorder, Saved, State};

/// Little is left of a disk that is full within so many seconds, or has fewer bytes.
const SOON_S: u64 = 30 * 60;
const LITTLE: u64 = 2_000_000_000;

/// Seconds of the replay buffer to choose from, beside what the settings file may say.
pub const SECONDS: [u8; 5] = [15, 30, 45, 60, 120];

/// What the button and the words beside it show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Off,
    /// Since then, in milliseconds since the Unix epoch.
    Recording {
        since: u64,
    },
}

pub fn shown(recorder: &Recorder) -> Shown {
    match recorder.state {
        State::Recording { since, .. } => Shown::Recording { since },
        State::Off | State::Failed { .. } => Shown::Off,
    }
}

/// What a creator should know of it, worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It stopped by itself.
    Stopped(footlight_protocol::Failure),
    /// The disk is too slow, and so often parts are missing.
    Gaps(u64),
}

pub fn trouble(recorder: &Recorder) -> Option<Trouble> {
    match &recorder.state {
        State::Failed { failure } => Some(Trouble::Stopped(failure.clone())),
        State::Recording { gaps, .. } if *gaps > 0 => Some(Trouble::Gaps(*gaps)),
        State::Recording { .. } | State::Off => None,
    }
}

/// How long the disk lasts, as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Hours(u64),
    Minutes(u64),
}

/// The disk, where a creator should see it: while it is written, and where little is left of it.
pub fn meter(recorder: &Recorder) -> Option<(Left, bool)> {
    let Disk { free, left_s } = recorder.disk?;
    let little = left_s < SOON_S || free < LITTLE;
    let left = if left_s < 2 * 3600 { Left::Minutes(left_s / 60) } else { Left::Hours(left_s / 3600) };
    (recorder.is_recording() || little).then_some((left, little))
}

/// Seconds that can be saved now, and whether that is all that was asked for; none where nothing is kept.
pub fn replay(recorder: &Recorder) -> Option<(u8, bool)> {
    let all = recorder.settings.replay_seconds;
    recorder.settings.replay.then_some((recorder.held_s.min(all), recorder.held_s >= all))
}

/// The file to be shown in its folder: the newest, while none is being made.
pub fn found(recorder: &Recorder) -> Option<&Saved> {
    recorder.saved.as_ref()
}

#[cfg(test)]
mod tests {
    use footlight_protocol::record::Settings;
    use footlight_protocol::{Code, Failure};

    use super::*;

    fn recording(gaps: u64) -> Recorder {
        let state = State::Recording { since: 5, bytes: 1_000, name: "a.mp4".into(), gaps };
        Recorder { state, ..Recorder::default() }
    }

    #[test]
    fn the_disk_is_shown_while_it_is_written_and_where_little_is_left() {
        let disk = |free, left_s| Some(Disk { free, left_s });
        let (off, on) = (Recorder::default(), recording(0));
        let plenty = disk(80_000_000_000, 80_000);
        assert_eq!(meter(&Recorder { disk: plenty, ..off.clone() }), None);
        assert_eq!(meter(&Recorder { disk: plenty, ..on.clone() }), Some((Left::Hours(22), false)));
        assert_eq!(
            meter(&Recorder { disk: disk(9_000_000_000, 7_100), ..on.clone() }),
            Some((Left::Minutes(118), false))
        );
        assert_eq!(meter(&Recorder { disk: disk(600_000_000, 600), ..off }), Some((Left::Minutes(10), true)));
        assert_eq!(meter(&on), None, "the system does not tell");
    }

    #[test]
    fn trouble_is_told_and_a_replay_offered_where_it_is_kept() {
        assert_eq!(trouble(&recording(0)), None);
        assert_eq!(trouble(&recording(2)), Some(Trouble::Gaps(2)));
        let failure = Failure::new(Code::DiskFull, "full");
        let failed = Recorder { state: State::Failed { failure: failure.clone() }, ..Recorder::default() };
        assert_eq!((trouble(&failed), shown(&failed)), (Some(Trouble::Stopped(failure)), Shown::Off));

        let kept = |replay, held_s| Recorder {
            settings: Settings { replay, ..Settings::default() },
            held_s,
            ..Recorder::default()
        };
        assert_eq!(replay(&kept(false, 9)), None);
        assert_eq!(replay(&kept(true, 9)), Some((9, false)));
        assert_eq!(replay(&kept(true, 30)), Some((30, true)));
    }
}
