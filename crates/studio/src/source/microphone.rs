//! Microphones, through cpal: PulseAudio and ALSA, WASAPI, CoreAudio.
//!
//! As with cameras, the device has a thread of its own that may hang, and this source's thread watches it. The
//! device's callback only copies into the [`Voice`]'s queue; resampling happens in the sound thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, FromSample, InputCallbackInfo, Sample, SampleFormat, SizedSample, StreamConfig};
use footlight_media::Time;
use footlight_protocol::studio::{Device, SourceState};
use footlight_protocol::{Code, Failure};

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

/// Lists the microphones, the default first.
pub(crate) fn list() -> Vec<Device> {
    for host in platform::sound_hosts() {
        let default = host.default_input_device().and_then(|device| device.id().ok());
        let mut devices: Vec<Device> = Vec::new();
        for device in host.input_devices().into_iter().flatten() {
            let Ok(id) = device.id() else { continue };
            let known = Device { id: id.to_string(), name: device.to_string() };
            // ALSA lists the device that swallows everything as an input.
            if known.id == "alsa:null" || devices.iter().any(|d| d.id == known.id) {
                continue;
            }
            if Some(id) == default { devices.insert(0, known) } else { devices.push(known) }
        }
        if !devices.is_empty() {
            return devices;
        }
    }
    Vec::new()
}

pub(crate) fn start(id: String, voice: Voice, clock: Clock) -> Result<Worker, Error> {
    Ok(Worker::spawn("microphone", move |stop| {
        while !stop.is_set() && voice.is_current() {
            if worker::left_behind() < MOST_HUNG {
                attend(&id, &voice, clock, stop);
            }
            if stop.wait(RETRY) {
                return;
            }
        }
    })?)
}

/// Runs the microphone once, until it is lost or `stop`.
fn attend(id: &str, voice: &Voice, clock: Clock, stop: &Stop) {
    let beat = Arc::new(AtomicU64::new(0));
    // Two: the error of the device and the end of its thread.
    let (say, said) = sync_channel(2);
    let device = {
        let (id, voice, beat) = (id.to_owned(), voice.clone(), Arc::clone(&beat));
        Worker::spawn("microphone device", move |stop| {
            if let Err(failure) = run(&id, &voice, clock, &beat, &say, stop) {
                drop(say.try_send(failure));
            }
        })
    };
    let device = match device {
        Ok(device) => device,
        Err(error) => {
            return voice.state(SourceState::Lost { failure: Error::Thread(error).failure() });
        }
    };
    if let Some(failure) = watch(&beat, &said, voice, clock, stop) {
        tracing::debug!(%failure, "microphone");
        voice.state(SourceState::Lost { failure });
    }
    drop(device);
}

fn watch(
    beat: &AtomicU64,
    said: &Receiver<Failure>,
    voice: &Voice,
    clock: Clock,
    stop: &Stop,
) -> Option<Failure> {
    let start = clock.now();
    let mut running = false;
    loop {
        match said.recv_timeout(GLANCE) {
            Ok(failure) => return Some(failure),
            Err(RecvTimeoutError::Disconnected) => return Some(failed("The microphone stopped")),
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
        if clock.now().since(start.max(Time::from_micros(last))) > STALLED {
            return Some(failed("The microphone delivers nothing"));
        }
    }
}

fn failed(message: &str) -> Failure {
    Failure::new(Code::MicrophoneFailed, message)
}

/// Opens the microphone and lets it speak until `stop`; errors of the running device go to `say`.
fn run(
    id: &str,
    voice: &Voice,
    clock: Clock,
    beat: &Arc<AtomicU64>,
    say: &SyncSender<Failure>,
    stop: &Stop,
) -> Result<(), Failure> {
    let missing = || Failure::new(Code::MicrophoneMissing, "The microphone is not there");
    let id: cpal::DeviceId = id.parse().map_err(|_| missing())?;
    let host = cpal::host_from_id(id.host()).map_err(|_| missing())?;
    let device = host.device_by_id(&id).ok_or_else(missing)?;
    let broken = |error: cpal::Error| {
        tracing::debug!(%error, "open the microphone");
        failed("The microphone cannot be opened")
    };
    let supported = device.default_input_config().map_err(broken)?;
    let open = |size| {
        let config = StreamConfig {
            channels: supported.channels(),
            sample_rate: supported.sample_rate(),
            buffer_size: size,
        };
        let hearing =
            Hearing { voice: voice.clone(), clock, beat: Arc::clone(beat), say: say.clone(), config };
        match supported.sample_format() {
            SampleFormat::I16 => hearing.open::<i16>(&device),
            SampleFormat::U16 => hearing.open::<u16>(&device),
            SampleFormat::I32 => hearing.open::<i32>(&device),
            SampleFormat::U8 => hearing.open::<u8>(&device),
            SampleFormat::F64 => hearing.open::<f64>(&device),
            _ => hearing.open::<f32>(&device),
        }
    };
    // 10 ms; a device that cannot choose its buffer is taken as it is.
    let stream = open(BufferSize::Fixed(supported.sample_rate() / 100)).or_else(|error| {
        tracing::debug!(%error, "the microphone takes no buffer of 10 ms");
        open(BufferSize::Default)
    });
    let stream = stream.map_err(broken)?;
    stream.play().map_err(broken)?;
    tracing::info!(rate = supported.sample_rate(), channels = supported.channels(), "microphone");
    while !stop.wait(GLANCE) {}
    Ok(())
}

/// What the callbacks of a stream need.
struct Hearing {
    voice: Voice,
    clock: Clock,
    beat: Arc<AtomicU64>,
    say: SyncSender<Failure>,
    config: StreamConfig,
}

impl Hearing {
    fn open<T: SizedSample>(self, device: &cpal::Device) -> Result<cpal::Stream, cpal::Error>
    where
        f32: FromSample<T>,
    {
        let Self { voice, clock, beat, say, config } = self;
        let channels = usize::from(config.channels.max(1));
        let rate = config.sample_rate;
        let hear = move |samples: &[T], info: &InputCallbackInfo| {
            let now = clock.now();
            let length = Duration::from_secs_f64((samples.len() / channels) as f64 / f64::from(rate.max(1)));
            let stamp = info.timestamp();
            let latency = stamp.callback.duration_since(stamp.capture);
            let captured = now - latency.max(length).min(MOST_LATENCY);
            beat.store(now.as_micros(), Ordering::Relaxed);
            let frames = samples.chunks_exact(channels).map(|frame| {
                let left = f32::from_sample(frame[0]);
                [left, frame.get(1).map_or(left, |right| f32::from_sample(*right))]
            });
            voice.speak_frames(Rate::Device(rate), captured, frames);
        };
        let fail = move |error: cpal::Error| {
            use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
            // An overrun costs a few samples; the others change nothing for us.
            if !matches!(error.kind(), Xrun | DeviceChanged | RealtimeDenied) {
                tracing::debug!(%error, "microphone");
                drop(say.try_send(failed("The microphone was unplugged or failed")));
            }
        };
        device.build_input_stream(config, hear, fail, Some(OPENING))
    }
}

/// Starts the sound source `id`; `None` if there is none to start.
pub(crate) fn open(id: &str, voice: Voice, clock: Clock) -> Result<Option<Worker>, Error> {
    let worker = match (id, id.strip_prefix("file:")) {
        ("none", _) => {
            voice.state(SourceState::Off);
            return Ok(None);
        }
        ("tone", _) => super::tone::start(voice, clock)?,
        (_, Some(path)) => super::file::start_sound(path.as_ref(), voice, clock)?,
        _ => start(id.to_owned(), voice, clock)?,
    };
    Ok(Some(worker))
}
