//! How fast pictures come and how large they are, from the pictures themselves.

use std::time::Duration;

use footlight_media::{Packet, Time};

/// Measured over this.
const WINDOW: Duration = Duration::from_secs(1);
/// A frame rate that differs by more than this share is another one.
const CHANGED: f64 = 0.2;

/// Frames a second, and kbit/s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) fps: u32,
    pub(crate) kbps: u32,
}

/// Measures a stream.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    since: Option<Time>,
    frames: u32,
    bytes: usize,
    measured: Option<Measured>,
    /// Windows in a row in which the frame rate was another one.
    odd: u32,
}

impl Pace {
    /// Takes note of a picture. Gives what is known so far: nothing in the first second.
    pub(crate) fn add(&mut self, packet: &Packet) -> Option<Measured> {
        let since = *self.since.get_or_insert(packet.captured);
        let passed = packet.captured.since(since);
        if passed >= WINDOW {
            self.close(passed.as_secs_f64());
            self.since = Some(packet.captured);
            (self.frames, self.bytes) = (0, 0);
        }
        self.frames += 1;
        self.bytes += packet.data.len();
        self.measured
    }

    fn close(&mut self, seconds: f64) {
        let fps = f64::from(self.frames) / seconds;
        let kbps = self.bytes as f64 / 125.0 / seconds;
        let Some(before) = self.measured else {
            self.measured = Some(Measured { fps: whole(fps), kbps: kbps as u32 });
            return;
        };
        let off = (fps / f64::from(before.fps) - 1.0).abs() > CHANGED;
        self.odd = if off { self.odd + 1 } else { 0 };
        // A second of it is a stall; two are the encoder's new settings.
        let fps = if self.odd >= 2 { whole(fps) } else { before.fps };
        self.measured = Some(Measured { fps, kbps: ((f64::from(before.kbps) * 3.0 + kbps) / 4.0) as u32 });
    }
}

fn whole(fps: f64) -> u32 {
    (fps.round() as u32).clamp(1, 240)
}

#[cfg(test)]
mod tests {
    use super::*;
    use footlight_media::Codec;

    fn run(pace: &mut Pace, from: u64, seconds: u64, fps: u64, bytes: usize) -> Option<Measured> {
        let mut measured = None;
        for n in 0..seconds * fps {
            let captured = Time::from_micros(from * 1_000_000 + n * 1_000_000 / fps);
            let data = vec![0; bytes].into();
            let packet =
                Packet { codec: Codec::H264, captured, composition: Duration::ZERO, keyframe: n == 0, data };
            measured = pace.add(&packet);
        }
        measured
    }

    #[test]
    fn rate_and_bitrate_are_measured_and_a_stall_is_no_new_rate() {
        let mut pace = Pace::default();
        assert_eq!(run(&mut pace, 0, 1, 30, 5000), None);
        assert_eq!(run(&mut pace, 1, 3, 30, 5000), Some(Measured { fps: 30, kbps: 1200 }));
        assert_eq!(run(&mut pace, 4, 1, 5, 5000).unwrap().fps, 30);
        assert_eq!(run(&mut pace, 5, 3, 30, 5000).unwrap().fps, 30);
        assert_eq!(run(&mut pace, 8, 4, 60, 5000).unwrap().fps, 60);
    }
}
