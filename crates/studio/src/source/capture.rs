//! Recording from a device of the sound system, by the platform or through cpal: a microphone, or what the computer plays.
//!
//! As with cameras, the device has a thread of its own that may hang, and this source's thread watches it. The
//! device's callback only copies into the [`Voice`]'s queue; resampling happens in the sound thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, FromSample, InputCallbackInfo, Sample, SampleFormat, SizedSample, StreamConfig};
use footlight_media::Time;
use footlight_protocol::studio::SourceState;
use footlight_protocol::{Code, Failure};

use super::arrivals::Arrivals;
use super::desktop;
use super::microphone;
use crate::platform;
use crate::voice::{Rate, Voice};
use crate::worker::{self, Stop, Worker};
use crate::{Clock, Error};

const RETRY: Duration = Duration::from_millis(500);
/// A microphone that delivers nothing for this long is lost: even silence is delivered.
const STALLED: Duration = Duration::from_secs(3);
const GLANCE: Duration = Duration::from_millis(100);
/// See the camera's.
const MOST_HUNG: usize = 4;
/// How long the sound system may take to open a stream.
const OPENING: Duration = Duration::from_secs(2);
/// More latency than this is a driver's fantasy.
const MOST_LATENCY: Duration = Duration::from_millis(200);
/// Between two looks whether another device plays now.
const LOOK: Duration = Duration::from_secs(2);

/// A device that can be recorded from, and how it is opened.
pub(super) struct Found {
    pub(super) device: cpal::Device,
    pub(super) config: cpal::SupportedStreamConfig,
}

/// What is recorded.
#[derive(Debug, Clone)]
pub(super) enum Input {
    /// The microphone of this id.
    Microphone(String),
    /// Whatever the computer plays on.
    Desktop,
}

/// What a device's thread says.
enum Said {
    Failed(Failure),
    /// The computer plays on another device now.
    Moved,
}

impl Input {
    fn thread(&self) -> (&'static str, &'static str) {
        match self {
            Self::Microphone(_) => ("microphone", "microphone device"),
            Self::Desktop => ("desktop", "desktop device"),
        }
    }

    fn find(&self) -> Result<Found, Failure> {
        match self {
            Self::Microphone(id) => microphone::find(id),
            Self::Desktop => desktop::find(),
        }
    }

    fn failed(&self, message: &str) -> Failure {
        let code = match self {
            Self::Microphone(_) => Code::MicrophoneFailed,
            Self::Desktop => Code::DesktopSoundFailed,
        };
        Failure::new(code, message)
    }

    /// Whether a device that delivers nothing is broken. Some deliver nothing while nothing is played.
    fn always_delivers(&self) -> bool {
        matches!(self, Self::Microphone(_))
    }
}

pub(super) fn start(input: Input, voice: Voice, clock: Clock) -> Result<Worker, Error> {
    Ok(Worker::spawn(input.thread().0, move |stop| {
        while !stop.is_set() && voice.is_current() {
            let moved = worker::left_behind() < MOST_HUNG && attend(&input, &voice, clock, stop);
            if !moved && stop.wait(RETRY) {
                return;
            }
        }
    })?)
}

/// Records once, until the device is lost or `stop`. True if it is to be opened again at once.
fn attend(input: &Input, voice: &Voice, clock: Clock, stop: &Stop) -> bool {
    let beat = Arc::new(AtomicU64::new(0));
    // Two: the error of the device and the end of its thread.
    let (say, said) = sync_channel(2);
    let device = {
        let (input, voice, beat) = (input.clone(), voice.clone(), Arc::clone(&beat));
        Worker::spawn(input.thread().1, move |stop| {
            if let Err(failure) = run(&input, &voice, clock, &beat, &say, stop) {
                drop(say.try_send(Said::Failed(failure)));
            }
        })
    };
    let device = match device {
        Ok(device) => device,
        Err(error) => {
            voice.state(SourceState::Lost { failure: Error::Thread(error).failure() });
            return false;
        }
    };
    let moved = match watch(input, &beat, &said, voice, clock, stop) {
        Some(Said::Failed(failure)) => {
            tracing::debug!(%failure, "recording");
            voice.state(SourceState::Lost { failure });
            false
        }
        Some(Said::Moved) => true,
        None => false,
    };
    drop(device);
    moved
}

fn watch(
    input: &Input,
    beat: &AtomicU64,
    said: &Receiver<Said>,
    voice: &Voice,
    clock: Clock,
    stop: &Stop,
) -> Option<Said> {
    let start = clock.now();
    let mut running = false;
    loop {
        match said.recv_timeout(GLANCE) {
            Ok(said) => return Some(said),
            Err(RecvTimeoutError::Disconnected) => {
                return Some(Said::Failed(input.failed("The sound stopped")));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if stop.is_set() || !voice.is_current() {
            return None;
        }
        let last = beat.load(Ordering::Relaxed);
        if last > 0 && !running {
            running = true;
            voice.state(SourceState::Running);
        }
        let waits = !running || input.always_delivers();
        if waits && clock.now().since(start.max(Time::from_micros(last))) > STALLED {
            return Some(Said::Failed(input.failed("The device delivers nothing")));
        }
    }
}

/// Opens the device and lets it speak until `stop`; errors of the running device go to `say`.
fn run(
    input: &Input,
    voice: &Voice,
    clock: Clock,
    beat: &Arc<AtomicU64>,
    say: &SyncSender<Said>,
    stop: &Stop,
) -> Result<(), Failure> {
    let Found { device, config: supported } = input.find()?;
    let rate = supported.sample_rate();
    let hearing = Hearing { input: input.clone(), voice: voice.clone(), clock, beat: Arc::clone(beat), rate };
    let mut opened = open(&device, &supported, &hearing, say).map_err(|error| {
        tracing::debug!(%error, "open a device to record from");
        input.failed("The device cannot be opened")
    })?;
    let kind = input.thread().0;
    tracing::info!(kind, rate, channels = supported.channels(), "recording");
    if !input.always_delivers() {
        beat.store(clock.now().as_micros(), Ordering::Relaxed);
    }
    let id = device.id().ok();
    let mut looked = clock.now();
    while !stop.wait(GLANCE) {
        if let Opened::ByPlatform(recording) = &mut opened {
            recording.look().map_err(|error| hearing.unplugged(&error))?;
        }
        if matches!(input, Input::Desktop) && clock.now().since(looked) > LOOK {
            looked = clock.now();
            if input.find().is_ok_and(|found| found.device.id().ok() != id) {
                drop(say.try_send(Said::Moved));
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A device that records until this is dropped.
enum Opened {
    ByPlatform(platform::Recording),
    ByCpal { _stream: cpal::Stream },
}

fn open(
    device: &cpal::Device,
    supported: &cpal::SupportedStreamConfig,
    hearing: &Hearing,
    say: &SyncSender<Said>,
) -> Result<Opened, String> {
    let (heard, rate, mut arrivals) = (hearing.clone(), hearing.rate, Arrivals::new(hearing.rate));
    let hear = move |frames: &mut dyn ExactSizeIterator<Item = [f32; 2]>, latency: Duration| {
        let now = heard.clock.now();
        let captured = arrivals.captured(now, frames.len()) - latency.min(MOST_LATENCY);
        heard.hear(now, captured, frames);
    };
    if let Some(recording) = platform::record(device, rate, hear) {
        return recording.map(Opened::ByPlatform);
    }
    let open = |size| {
        let config = StreamConfig { channels: supported.channels(), sample_rate: rate, buffer_size: size };
        let (hearing, say) = (hearing.clone(), say.clone());
        match supported.sample_format() {
            SampleFormat::I16 => hearing.open::<i16>(device, config, say),
            SampleFormat::U16 => hearing.open::<u16>(device, config, say),
            SampleFormat::I32 => hearing.open::<i32>(device, config, say),
            SampleFormat::U8 => hearing.open::<u8>(device, config, say),
            SampleFormat::F64 => hearing.open::<f64>(device, config, say),
            _ => hearing.open::<f32>(device, config, say),
        }
    };
    // 10 ms; a device that cannot choose its buffer is taken as it is.
    let stream = open(BufferSize::Fixed(rate / 100)).or_else(|error| {
        tracing::debug!(%error, "the device takes no buffer of 10 ms");
        open(BufferSize::Default)
    });
    let stream = stream.map_err(|error| error.to_string())?;
    stream.play().map_err(|error| error.to_string())?;
    Ok(Opened::ByCpal { _stream: stream })
}

/// What is done with the sound of a device.
#[derive(Clone)]
struct Hearing {
    input: Input,
    voice: Voice,
    clock: Clock,
    beat: Arc<AtomicU64>,
    rate: u32,
}

impl Hearing {
    fn hear(&self, now: Time, captured: Time, frames: impl Iterator<Item = [f32; 2]>) {
        self.beat.store(now.as_micros(), Ordering::Relaxed);
        self.voice.speak_frames(Rate::Device(self.rate), captured, frames);
    }

    fn unplugged(&self, error: &str) -> Failure {
        tracing::debug!(error, "recording");
        self.input.failed("The device was unplugged or failed")
    }

    fn open<T: SizedSample>(
        self,
        device: &cpal::Device,
        config: StreamConfig,
        say: SyncSender<Said>,
    ) -> Result<cpal::Stream, cpal::Error>
    where
        f32: FromSample<T>,
    {
        let (hearing, channels) = (self.clone(), usize::from(config.channels.max(1)));
        let hear = move |samples: &[T], info: &InputCallbackInfo| {
            let now = self.clock.now();
            let length =
                Duration::from_secs_f64((samples.len() / channels) as f64 / f64::from(self.rate.max(1)));
            let stamp = info.timestamp();
            let latency = stamp.callback.duration_since(stamp.capture);
            let captured = now - latency.max(length).min(MOST_LATENCY);
            let frames = samples.chunks_exact(channels).map(|frame| {
                let left = f32::from_sample(frame[0]);
                [left, frame.get(1).map_or(left, |right| f32::from_sample(*right))]
            });
            self.hear(now, captured, frames);
        };
        let fail = move |error: cpal::Error| {
            use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
            // An overrun costs a few samples; the others change nothing for us.
            if !matches!(error.kind(), Xrun | DeviceChanged | RealtimeDenied) {
                drop(say.try_send(Said::Failed(hearing.unplugged(&error.to_string()))));
            }
        };
        device.build_input_stream(config, hear, fail, Some(OPENING))
    }
}
