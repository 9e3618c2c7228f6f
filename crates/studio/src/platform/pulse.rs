//! Recording from PulseAudio, or from PipeWire, which speaks it.
//!
//! cpal would record from it too, but lets the server keep one delivery and no more. A source that the server reads in
//! longer pieces, as it reads what a computer plays, loses the rest of each.

use std::ffi::CString;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{ChannelMap, RecordStreamParams, SampleFormat, SampleSpec};
use pulseaudio::{Client, ClientError, RecordStream};

use crate::worker::lock;

/// A server that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(2);
/// What the server puts into one delivery where it has more.
const DELIVERY: Duration = Duration::from_millis(10);
const FRAME: usize = 2 * size_of::<f32>();

/// Ends when it is dropped.
pub(crate) struct Recording {
    stream: RecordStream,
    /// Of the device, in microseconds, as it was at the last looks.
    latencies: [u64; 8],
    looks: usize,
    latency: Arc<AtomicU64>,
}

/// Records stereo from the source of this name, at `rate`. `hear` is told what came, and how long the device had kept
/// it; it must not block.
pub(super) fn record(
    source: &str,
    rate: u32,
    mut hear: impl FnMut(&mut dyn ExactSizeIterator<Item = [f32; 2]>, Duration) + Send + 'static,
) -> Result<Recording, String> {
    let client = client()?;
    let spec = SampleSpec { format: SampleFormat::Float32Le, channels: 2, sample_rate: rate };
    let params = RecordStreamParams {
        sample_spec: spec,
        channel_map: ChannelMap::stereo(),
        source_name: Some(CString::new(source).map_err(|error| error.to_string())?),
        buffer_attr: BufferAttr {
            // What does not fit a delivery waits for the next.
            max_length: u32::MAX,
            fragment_size: (DELIVERY.as_secs_f64() * f64::from(rate)) as u32 * FRAME as u32,
            ..BufferAttr::default()
        },
        // Where the source goes away, recording ends rather than going over to another one.
        flags: StreamFlags { adjust_latency: true, no_move: true, ..StreamFlags::default() },
        ..RecordStreamParams::default()
    };
    let latency = Arc::new(AtomicU64::new(0));
    let known = Arc::clone(&latency);
    let sink = move |bytes: &[u8]| {
        let sample = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().expect("four bytes are a sample"));
        let mut frames = bytes.chunks_exact(FRAME).map(|frame| [sample(&frame[..4]), sample(&frame[4..])]);
        hear(&mut frames, Duration::from_micros(known.load(Ordering::Relaxed)));
    };
    let stream = answer(client.create_record_stream(params, sink))?;
    Ok(Recording { stream, latencies: [u64::MAX; 8], looks: 0, latency })
}

impl Recording {
    /// Asks the server how the recording does; an error is its end. Call it ten times a second.
    pub(crate) fn look(&mut self) -> Result<(), String> {
        let now = answer(self.stream.timing_info())?.source_usec;
        let slot = self.looks % self.latencies.len();
        self.latencies[slot] = now;
        self.looks += 1;
        // What waits in the device between two deliveries is in it by chance, the rest always.
        let least = self.latencies.iter().min().expect("there are eight");
        self.latency.store(*least, Ordering::Relaxed);
        Ok(())
    }
}

fn client() -> Result<Client, String> {
    static CLIENT: Mutex<Option<Client>> = Mutex::new(None);
    let lives = |client: &Client| answer(client.server_info()).is_ok();
    kept(&CLIENT, lives, || Client::from_env(c"Footlight")).map_err(|error| error.to_string())
}

/// One for as long as its server runs: a client that is dropped keeps its connection, and the server takes 64 of all
/// programs together.
pub(super) fn kept<T: Clone, E>(
    place: &Mutex<Option<T>>,
    lives: impl Fn(&T) -> bool,
    open: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let known = lock(place).clone();
    // Not under the lock: a server that hangs answers nobody.
    if let Some(client) = known.filter(lives) {
        return Ok(client);
    }
    let client = open()?;
    *lock(place) = Some(client.clone());
    Ok(client)
}

/// Waits for an answer of the server.
fn answer<T>(question: impl Future<Output = Result<T, ClientError>>) -> Result<T, String> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut question, mut context) = (pin!(question), Context::from_waker(&waker));
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(answer) = question.as_mut().poll(&mut context) {
            return answer.map_err(|error| error.to_string());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err("the sound server does not answer".to_owned());
        }
        std::thread::park_timeout(left);
    }
}
