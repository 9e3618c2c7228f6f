//! The mixer: each channel's sound through its filters and its fader, and the sum of them as unbroken 20 ms blocks.
//!
//! [`Console`] is pure: it is told the time, and what it makes depends on what it heard and nothing else. All channels
//! are laid out on one count of samples; filters that look ahead make all of it later by the same [`LATENCY`], which the
//! blocks' capture instants allow for, so that sound stays with the picture whatever is switched on.

mod compressor;
mod delay;
mod denoise;
mod duck;
mod gain;
mod gate;
mod limiter;
mod line;
mod meter;
pub(crate) mod monitor;
pub(crate) mod rack;
mod strip;

use std::time::Duration;

use footlight_media::{Pcm, Time};
use footlight_protocol::mixer::{ChannelId, Levels, Mixer};
use footlight_protocol::studio::Level;

use self::duck::Duck;
use self::limiter::Limiter;
use self::line::Line;
use self::meter::Meter;
use self::strip::Strip;
pub(crate) use crate::encode::opus::BLOCK;
use crate::resample::Resampler;
use crate::voice::{Chunk, Rate};

/// Length of a block.
pub(crate) const STEP: Duration = Duration::from_millis(20);
/// How long a block may be late before silence stands in: above the largest callback of common drivers.
const PATIENCE: Duration = Duration::from_millis(60);
/// More than this of waiting sound is delay that viewers would carry for ever: the oldest is dropped.
const RING: Duration = Duration::from_millis(200);
/// Frames by which what comes out is later than what came in: 15 ms.
const LATENCY: usize = strip::LATENCY + limiter::LATENCY;
/// Loudness is told for so many blocks: ten times a second.
const METERED: u32 = 5;

/// How the mixer is set.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Settings {
    pub(crate) mixer: Mixer,
    /// The key is held.
    pub(crate) talking: bool,
}

/// A block of all that is heard.
pub(crate) struct Mixed<'a> {
    /// For viewers.
    pub(crate) pcm: &'a Pcm,
    /// For the creator, where something is listened to.
    pub(crate) monitor: Option<&'a [f32]>,
    /// Loudness of the sum and of each channel, every so often.
    pub(crate) levels: Option<(Level, Levels)>,
}

pub(crate) struct Console {
    set: Settings,
    origin: Time,
    /// The first sample of the next block, counted from the origin.
    next: u64,
    inputs: [Input; ChannelId::ALL.len()],
    duck: Duck,
    limiter: Limiter,
    meter: Meter,
    metered: u32,
    sum: Pcm,
    monitor: Vec<f32>,
}

/// A channel on its way into the sum.
struct Input {
    id: ChannelId,
    line: Line,
    resampler: Option<Resampler>,
    strip: Strip,
    block: Vec<f32>,
}

impl Console {
    pub(crate) fn new(now: Time) -> Self {
        let block = || vec![0.0; BLOCK * Pcm::CHANNELS];
        Self {
            set: Settings::default(),
            origin: now,
            next: 0,
            inputs: ChannelId::ALL.map(|id| Input {
                id,
                line: Line::new(now),
                resampler: None,
                strip: Strip::new(),
                block: block(),
            }),
            duck: Duck::default(),
            limiter: Limiter::new(),
            meter: Meter::default(),
            metered: 0,
            sum: Pcm { captured: now, samples: block() },
            monitor: block(),
        }
    }

    pub(crate) fn set(&mut self, settings: Settings) {
        self.set = settings;
    }

    /// Takes sound in, in the order in which each channel captured it.
    pub(crate) fn hear(&mut self, chunk: &Chunk) {
        if let Some(input) = self.inputs.iter_mut().find(|input| input.id == chunk.channel) {
            input.hear(chunk);
        }
    }

    /// The next block if it is complete, or if it is so late that silence has to fill it.
    pub(crate) fn pull(&mut self, now: Time) -> Option<Mixed<'_>> {
        if !self.is_complete() && now < self.due() {
            return None;
        }
        self.mix();
        self.limiter.apply(&mut self.sum.samples);
        self.meter.add(&self.sum.samples);
        self.sum.captured = self.origin + length(self.next) - length(LATENCY as u64);
        self.next += BLOCK as u64;
        if now.since(self.origin + length(self.next)) > RING + PATIENCE {
            // The machine slept: seconds of silence would only be delay.
            let blocks = count((now - PATIENCE).since(self.origin)) / BLOCK as u64;
            self.next = blocks * BLOCK as u64;
            self.inputs.iter_mut().for_each(|input| input.line.clear());
        }
        self.metered += 1;
        let levels = (self.metered == METERED).then(|| {
            self.metered = 0;
            let [microphone, desktop] = &mut self.inputs;
            let levels = Levels { microphone: microphone.strip.level(), desktop: desktop.strip.level() };
            (self.meter.take(), levels)
        });
        let listens = |id: &ChannelId| self.set.mixer.channel(*id).monitor;
        let monitor = ChannelId::ALL.iter().any(listens).then_some(&*self.monitor);
        Some(Mixed { pcm: &self.sum, monitor, levels })
    }

    /// When the next block has to leave, complete or not.
    pub(crate) fn due(&self) -> Time {
        self.origin + length(self.next) + STEP + PATIENCE
    }

    /// Samples a channel that were dropped.
    pub(crate) fn lost(&self) -> u64 {
        self.inputs.iter().map(|input| input.line.lost()).sum()
    }

    fn is_complete(&self) -> bool {
        let mut awaited = self.inputs.iter().filter(|input| input.line.is_awaited()).peekable();
        awaited.peek().is_some() && awaited.all(|input| input.line.has(self.next))
    }

    fn mix(&mut self) {
        let Self { set, next, inputs, duck, sum, monitor, .. } = self;
        sum.samples.fill(0.0);
        monitor.fill(0.0);
        let mut ducked = 1.0;
        for input in inputs {
            let channel = set.mixer.channel(input.id);
            let silence = set.mixer.silence(input.id, set.talking);
            input.line.fill(*next, &mut input.block);
            if !channel.on && input.strip.is_closed() {
                continue;
            }
            input.strip.filter(channel, &mut input.block);
            if channel.monitor {
                add(&input.block, monitor);
            }
            let gain = if silence.is_some() { 0.0 } else { ducked };
            input.strip.send(gain, &mut input.block);
            add(&input.block, &mut sum.samples);
            if input.id == ChannelId::Microphone {
                ducked = duck.gain(set.mixer.duck_db, &input.block);
            }
        }
    }
}

impl Input {
    fn hear(&mut self, chunk: &Chunk) {
        let Rate::Device(rate) = chunk.rate else {
            return self.line.push(chunk.captured, chunk.samples(), true);
        };
        if self.resampler.as_ref().is_none_or(|resampler| resampler.rate() != rate) {
            self.resampler = Resampler::new(rate).inspect_err(|error| tracing::warn!(%error, "sound")).ok();
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.correct(self.line.drift());
            if let Some(pcm) = resampler.push(chunk.captured, chunk.samples()) {
                self.line.push(pcm.captured, &pcm.samples, false);
            }
        }
    }
}

fn add(block: &[f32], sum: &mut [f32]) {
    for (sum, sample) in sum.iter_mut().zip(block) {
        *sum += sample;
    }
}

/// How long so many frames are.
fn length(frames: u64) -> Duration {
    Duration::from_micros(frames * 1_000_000 / u64::from(Pcm::RATE))
}

/// Frames in a time.
fn count(time: Duration) -> u64 {
    time.as_micros() as u64 * u64::from(Pcm::RATE) / 1_000_000
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;
    use std::sync::Arc;

    use footlight_protocol::studio::Snapshot;

    use super::*;
    use crate::desk::Desk;
    use crate::voice::{Ear, Voices};

    /// Interleaved stereo, so many blocks of it, as loud as `peak_db` at its peaks.
    pub(super) fn tone(hertz: f32, peak_db: f32, blocks: usize) -> Vec<f32> {
        let amplitude = gain::factor(peak_db);
        let sample = |n: usize| amplitude * (n as f64 * f64::from(hertz * TAU) / 48_000.0).sin() as f32;
        (0..blocks * BLOCK).flat_map(|n| [sample(n); 2]).collect()
    }

    /// Mean loudness.
    pub(super) fn db_of(samples: &[f32]) -> f32 {
        let power =
            samples.iter().map(|sample| f64::from(sample * sample)).sum::<f64>() / samples.len() as f64;
        10.0 * power.log10() as f32
    }

    /// The same numbers each time, -1 to 1.
    pub(super) struct Noise(u32);

    impl Noise {
        pub(super) fn new(seed: u32) -> Self {
            Self(seed)
        }

        pub(super) fn next(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 8) as f32 / 8_388_608.0 - 1.0
        }
    }

    /// What a voice is made of: a buzz that glides, the resonances of three vowels, syllables.
    pub(super) fn speech(blocks: usize) -> Vec<f32> {
        const VOWELS: [[f32; 3]; 3] =
            [[730.0, 1_090.0, 2_440.0], [270.0, 2_290.0, 3_010.0], [570.0, 840.0, 2_410.0]];
        let mut phase = 0.0f32;
        let voice = (0..blocks * BLOCK).flat_map(|n| {
            let seconds = n as f32 / 48_000.0;
            let pitch = 125.0 + 25.0 * (seconds * 0.9 * TAU).sin() + 3.0 * (seconds * 5.0 * TAU).sin();
            phase = (phase + pitch / 48_000.0).fract();
            let formants = VOWELS[(seconds * 4.0) as usize % 3];
            let partial = |k: usize| {
                let hertz = k as f32 * pitch;
                let resonance = |formant: &f32| 1.0 / (1.0 + ((hertz - formant) / 90.0).powi(2));
                let strength = formants.iter().map(resonance).sum::<f32>() + 0.03;
                strength * (k as f32 * phase * TAU).sin() / (k as f32).sqrt()
            };
            let buzz = (1..30).map(partial).sum::<f32>();
            let syllable = (0.5 - 0.5 * (seconds * 4.0 * TAU).cos()).sqrt();
            [0.1 * buzz * syllable; 2]
        });
        voice.collect()
    }

    fn at(ms: u64) -> Time {
        Time::from_micros(1_000_000_000 + ms * 1_000)
    }

    struct Room {
        console: Console,
        voices: [Voices; 2],
        ear: Ear,
        heard: Vec<f32>,
        levels: Vec<(Level, Levels)>,
        listened: Vec<f32>,
        began: Option<Time>,
    }

    impl Room {
        fn new(change: impl FnOnce(&mut Mixer)) -> Self {
            let (voices, ear) = Voices::all(&Arc::new(Desk::new(Snapshot::default())));
            let mut room = Self {
                console: Console::new(at(0)),
                voices,
                ear,
                heard: Vec::new(),
                levels: Vec::new(),
                listened: Vec::new(),
                began: None,
            };
            room.set(change);
            room
        }

        fn set(&mut self, change: impl FnOnce(&mut Mixer)) {
            let mut settings = self.console.set.clone();
            change(&mut settings.mixer);
            self.console.set(settings);
        }

        /// Time goes on to `now`.
        fn until(&mut self, now: Time) {
            while let Some(chunk) = self.ear.hear(Duration::ZERO) {
                self.console.hear(&chunk);
            }
            while let Some(mixed) = self.console.pull(now) {
                self.began.get_or_insert(mixed.pcm.captured);
                self.heard.extend(&mixed.pcm.samples);
                self.listened.extend(mixed.monitor.unwrap_or_default());
                self.levels.extend(mixed.levels);
            }
        }

        /// Both channels play their tones from `from` on for so many blocks of 20 ms.
        fn play(&mut self, from: u64, blocks: usize, microphone: &[f32], desktop: &[f32]) {
            let voices = [self.voices[0].open("mic".into()), self.voices[1].open("desktop".into())];
            for n in 0..blocks {
                let ms = from + n as u64 * 20;
                for (voice, samples) in voices.iter().zip([microphone, desktop]) {
                    if let Some(samples) = samples.get(n * 1920..(n + 1) * 1920) {
                        voice.speak(&Pcm { captured: at(ms), samples: samples.to_vec() });
                    }
                }
                self.until(at(ms + 20));
            }
        }

        fn last(&self, ms: usize) -> &[f32] {
            &self.heard[self.heard.len() - ms * 96..]
        }
    }

    /// How much of `hertz` is in it, as the peak of that tone in dB.
    fn strength(samples: &[f32], hertz: f32) -> f32 {
        let (mut sine, mut cosine) = (0.0f64, 0.0f64);
        for (n, sample) in samples.iter().step_by(2).enumerate() {
            let turn = n as f64 * f64::from(hertz * TAU) / 48_000.0;
            sine += f64::from(*sample) * turn.sin();
            cosine += f64::from(*sample) * turn.cos();
        }
        gain::db((2.0 * sine.hypot(cosine) / (samples.len() / 2) as f64) as f32)
    }

    #[test]
    fn what_comes_out_is_what_came_in_at_the_instant_it_was_captured() {
        let mut room = Room::new(|_| {});
        let came = tone(1_000.0, -12.0, 50);
        room.play(0, 50, &came, &[]);
        let began = room.began.expect("a block");
        assert_eq!(at(0).since(began), Duration::from_millis(15));
        // What is played for the instant 0 is the first sample.
        let first = 15 * 96;
        let length = room.heard.len() - first;
        // The fader of a channel that begins opens over the first block.
        assert_eq!(room.heard[first + 1920..], came[1920..length]);
        assert!(room.heard[..first].iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn filters_move_nothing_in_time() {
        let alike = |heard: &[f32], came: &[f32], late: usize| {
            (0..48_000).map(|n| f64::from(heard[2 * (n + late)] * came[2 * n])).sum::<f64>()
        };
        let came = speech(150);
        for all in [false, true] {
            let mut room = Room::new(|mixer| {
                let microphone = &mut mixer.microphone;
                (microphone.denoise, microphone.gate.on, microphone.compressor.on) = (all, all, all);
            });
            room.play(0, 150, &came, &[]);
            let heard = &room.heard[48_000..];
            let came = &came[48_000..];
            let most = (0..1_440).max_by(|a, b| alike(heard, came, *a).total_cmp(&alike(heard, came, *b)));
            assert!(most.expect("some").abs_diff(LATENCY) <= 12, "all on {all}: {most:?} frames late");
        }
    }

    #[test]
    fn each_channel_has_its_fader_its_mute_and_its_solo() {
        let (low, high) = (tone(500.0, -12.0, 100), tone(1_500.0, -18.0, 100));
        let mut room = Room::new(|mixer| mixer.desktop.on = true);
        let mut round = 0;
        let mut hear = |room: &mut Room| {
            room.play(round * 2_000, 100, &low, &high);
            round += 1;
            (strength(room.last(1_000), 500.0), strength(room.last(1_000), 1_500.0))
        };
        let near = |(low, high): (f32, f32), wanted: (f32, f32)| {
            let is = |db: f32, wanted: f32| (db - wanted).abs() < 0.1 || (db < -90.0 && wanted < -90.0);
            assert!(is(low, wanted.0) && is(high, wanted.1), "{low} and {high} dB, not {wanted:?}");
        };
        near(hear(&mut room), (-12.0, -18.0));
        room.set(|mixer| mixer.microphone.fader_db = -20.0);
        near(hear(&mut room), (-32.0, -18.0));
        room.set(|mixer| (mixer.microphone.fader_db, mixer.desktop.fader_db) = (6.0, -60.0));
        near(hear(&mut room), (-6.0, -100.0));
        room.set(|mixer| (mixer.microphone.muted, mixer.desktop.fader_db) = (true, 0.0));
        near(hear(&mut room), (-100.0, -18.0));
        room.set(|mixer| (mixer.microphone.muted, mixer.microphone.solo) = (false, true));
        near(hear(&mut room), (-6.0, -100.0));
        room.set(|mixer| (mixer.desktop.solo, mixer.microphone.solo) = (true, false));
        near(hear(&mut room), (-100.0, -18.0));
        room.set(|mixer| (mixer.desktop.solo, mixer.desktop.on) = (false, false));
        near(hear(&mut room), (-6.0, -100.0));
        let (sum, levels) = room.levels[room.levels.len() - 1];
        assert!((sum.peak_db + 6.0).abs() < 0.1 && (levels.microphone.peak_db + 6.0).abs() < 0.1);
        assert_eq!(levels.desktop, Level::default());
        assert!(room.listened.is_empty());
    }

    #[test]
    fn a_muted_microphone_is_still_metered_and_can_be_listened_to() {
        let mut room = Room::new(|mixer| (mixer.microphone.muted, mixer.microphone.monitor) = (true, true));
        room.play(0, 100, &tone(500.0, -12.0, 100), &[]);
        assert!(room.last(1_000).iter().all(|sample| *sample == 0.0));
        assert!((strength(&room.listened[96_000..], 500.0) + 12.0).abs() < 0.1);
        assert!((room.levels[15].1.microphone.peak_db + 12.0).abs() < 0.1);
        assert_eq!(room.levels[15].0, Level::default());
    }

    #[test]
    fn push_to_talk_is_silent_until_the_key_is_held() {
        let mut room = Room::new(|mixer| mixer.push_to_talk = true);
        let voice = tone(500.0, -12.0, 50);
        for (round, (talking, db)) in
            [(false, -100.0), (true, -12.0), (false, -100.0)].into_iter().enumerate()
        {
            room.console.set.talking = talking;
            room.play(round as u64 * 1_000, 50, &voice, &[]);
            let is = strength(room.last(500), 500.0);
            assert!((is - db).abs() < 0.1 || (is < -90.0 && db < -90.0), "talking {talking}: {is} dB");
        }
    }

    #[test]
    fn the_computer_gives_way_to_a_voice() {
        let mut room = Room::new(|mixer| (mixer.desktop.on, mixer.duck_db) = (true, 12.0));
        let music = tone(1_500.0, -20.0, 100);
        room.play(0, 100, &tone(500.0, -20.0, 100), &music);
        assert!((strength(room.last(1_000), 1_500.0) + 32.0).abs() < 0.2);
        room.play(2_000, 100, &vec![0.0; music.len()], &music);
        assert!((strength(room.last(200), 1_500.0) + 20.0).abs() < 0.2);
    }

    #[test]
    fn the_sum_of_all_that_is_loud_stays_below_the_ceiling() {
        let mut room = Room::new(|mixer| {
            mixer.desktop.on = true;
            (mixer.microphone.fader_db, mixer.desktop.fader_db) = (12.0, 12.0);
        });
        let mut odd = tone(70.0, 0.0, 100);
        odd[5_000] = f32::NAN;
        odd[7_000] = f32::INFINITY;
        room.play(0, 100, &odd, &tone(3_000.0, 0.0, 100));
        let loudest = room.heard.iter().fold(0.0f32, |most, sample| most.max(sample.abs()));
        assert!(room.heard.iter().all(|sample| sample.is_finite()));
        assert!((0.8..=limiter::CEILING).contains(&loudest), "{loudest}");
    }

    #[test]
    fn one_channel_that_is_gone_holds_up_nobody() {
        let mut room = Room::new(|mixer| mixer.desktop.on = true);
        let music = tone(1_500.0, -20.0, 50);
        room.play(0, 50, &tone(500.0, -20.0, 25), &music);
        // The microphone stopped in the middle. What the other plays leaves when it is there.
        let made = room.heard.len() / 1920;
        assert!(made >= 49, "{made} blocks of 50");
        assert!((strength(room.last(200), 1_500.0) + 20.0).abs() < 0.2);
        assert!(strength(room.last(200), 500.0) < -80.0);
    }

    #[test]
    fn a_microphone_pulled_out_fifty_times_and_coming_back_at_another_rate_is_heard_each_time() {
        let mut room = Room::new(|mixer| mixer.microphone.compressor.on = true);
        let mut now = 0;
        for round in 0..50u64 {
            let rate = [44_100u32, 48_000, 16_000, 96_000][round as usize % 4];
            let voice = room.voices[0].open(format!("mic {round}"));
            for n in 0..60u64 {
                let frames = u64::from(rate) / 100;
                let samples = (n * frames..(n + 1) * frames).map(|i| {
                    let turn = i as f32 * 440.0 * TAU / rate as f32;
                    [0.3 * turn.sin(); 2]
                });
                voice.speak_frames(Rate::Device(rate), at(now), samples);
                now += 10;
                room.until(at(now));
            }
            let is = db_of(room.last(200));
            assert!(is > -20.0, "round {round} at {rate} Hz: {is} dB");
            // It is out for as long as a person takes, longer each time.
            for _ in 0..10 + round {
                now += 10;
                room.until(at(now));
            }
        }
        let made = room.heard.len() / 1920;
        let wanted = now as usize / 20;
        assert!((wanted - 6..=wanted).contains(&made), "{made} blocks of {wanted}: none is missing");
        assert_eq!(room.console.inputs[0].line.lost(), 0);
    }

    #[test]
    fn after_a_sleep_it_goes_on_now() {
        let mut room = Room::new(|_| {});
        let voice = tone(500.0, -12.0, 50);
        room.play(0, 50, &voice, &[]);
        let before = room.heard.len();
        room.play(3_600_000, 50, &voice, &[]);
        assert!(room.heard.len() - before < 110 * 1920, "{} blocks", (room.heard.len() - before) / 1920);
        assert!((strength(room.last(500), 500.0) + 12.0).abs() < 0.1);
        let captured = room.console.sum.captured;
        assert!(at(3_601_000).since(captured) < Duration::from_millis(120), "{captured:?}");
    }
}
