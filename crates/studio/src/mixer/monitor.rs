//! Listening: what is on monitor, played on the computer's default output.
//!
//! The sound thread only puts blocks into a queue; the output's own thread takes them out. Where nothing plays them the
//! queue fills and they are dropped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, StreamConfig};
use footlight_media::Pcm;
use footlight_protocol::{Code, Failure};

use super::BLOCK;
use crate::desk::Desk;
use crate::platform;
use crate::worker::{Stop, Worker, lock};

/// 100 ms. Full ⇒ the newest is dropped: who listens hears a click, and viewers nothing of it.
const QUEUE: usize = 5;
/// So many blocks wait before the first is played, and again after the queue ran dry: one that comes late is not heard
/// as a gap.
const PRIMED: usize = 2;
const RETRY: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(100);
/// How long the sound system may take to open a stream.
const OPENING: Duration = Duration::from_secs(2);

type Block = [f32; BLOCK * Pcm::CHANNELS];

/// The sound thread's end.
pub(crate) struct Speaker {
    blocks: SyncSender<Block>,
    waiting: Arc<AtomicUsize>,
}

/// The other end.
#[derive(Clone)]
pub(crate) struct Headphones {
    queue: Arc<Mutex<Queue>>,
}

struct Queue {
    blocks: Receiver<Block>,
    waiting: Arc<AtomicUsize>,
    block: Block,
    /// Samples of it that were played.
    played: usize,
    primed: bool,
}

pub(crate) fn line() -> (Speaker, Headphones) {
    let (sender, blocks) = sync_channel(QUEUE);
    let waiting = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        blocks,
        waiting: Arc::clone(&waiting),
        block: [0.0; BLOCK * Pcm::CHANNELS],
        played: BLOCK * Pcm::CHANNELS,
        primed: false,
    };
    (Speaker { blocks: sender, waiting }, Headphones { queue: Arc::new(Mutex::new(queue)) })
}

impl Speaker {
    pub(crate) fn play(&self, samples: &[f32]) {
        let Ok(block) = Block::try_from(samples) else { return };
        // Counted first: who takes it must find it counted.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        if self.blocks.try_send(block).is_err() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Queue {
    /// The next frame, silence where there is none.
    fn next(&mut self) -> [f32; 2] {
        if self.played == self.block.len() {
            self.primed &= self.waiting.load(Ordering::SeqCst) > 0;
            self.primed |= self.waiting.load(Ordering::SeqCst) >= PRIMED;
            let block = if self.primed { self.blocks.try_recv().ok() } else { None };
            let Some(block) = block else { return [0.0; 2] };
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            (self.block, self.played) = (block, 0);
        }
        let at = self.played;
        self.played += Pcm::CHANNELS;
        [self.block[at], self.block[at + 1]]
    }

    /// What waited while nobody listened is old.
    fn clear(&mut self) {
        while self.blocks.try_recv().is_ok() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        (self.played, self.primed) = (self.block.len(), false);
    }
}

impl Headphones {
    /// Plays until the worker is dropped. An output that fails is tried again; the first failure is told.
    pub(crate) fn start(&self, desk: Arc<Desk>) -> std::io::Result<Worker> {
        let queue = Arc::clone(&self.queue);
        Worker::spawn("monitor", move |stop| {
            let mut told = false;
            while !stop.is_set() {
                lock(&queue).clear();
                if let Err(error) = play(&queue, stop) {
                    tracing::warn!(error, "the monitor");
                    if !std::mem::replace(&mut told, true) {
                        let message =
                            "There are no headphones or speakers to listen with, or they do not work";
                        desk.fail(Failure::new(Code::SpeakersFailed, message));
                    }
                }
                if stop.wait(RETRY) {
                    return;
                }
            }
        })
    }
}

/// Plays on the default output until it fails or `stop`.
fn play(queue: &Arc<Mutex<Queue>>, stop: &Stop) -> Result<(), String> {
    let output = platform::sound_hosts().into_iter().find_map(|host| host.default_output_device());
    let output = output.ok_or("there is no output")?;
    let channels = output.default_output_config().map_err(|error| error.to_string())?.channels().max(1);
    let config = StreamConfig {
        channels,
        // The sound system makes of it what the device takes.
        sample_rate: Pcm::RATE,
        buffer_size: BufferSize::Fixed(Pcm::RATE / 100),
    };
    let (say, said) = sync_channel(1);
    let open = |config: StreamConfig| {
        let (queue, say) = (Arc::clone(queue), say.clone());
        let fill = move |samples: &mut [f32], _: &cpal::OutputCallbackInfo| {
            let mut queue = lock(&queue);
            for frame in samples.chunks_exact_mut(usize::from(channels)) {
                let [left, right] = queue.next();
                match frame {
                    [both] => *both = (left + right) / 2.0,
                    [first, second, rest @ ..] => {
                        (*first, *second) = (left, right);
                        rest.fill(0.0);
                    }
                    [] => {}
                }
            }
        };
        let fail = move |error: cpal::Error| {
            use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
            if !matches!(error.kind(), Xrun | DeviceChanged | RealtimeDenied) {
                drop(say.try_send(error.to_string()));
            }
        };
        output.build_output_stream(config, fill, fail, Some(OPENING))
    };
    let stream = open(config).or_else(|_| open(StreamConfig { buffer_size: BufferSize::Default, ..config }));
    let stream = stream.map_err(|error| error.to_string())?;
    stream.play().map_err(|error| error.to_string())?;
    tracing::info!(channels, "listening");
    while !stop.wait(GLANCE) {
        if let Ok(error) = said.try_recv() {
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_and_a_full_queue_drops_the_newest() {
        let (speaker, headphones) = line();
        let mut queue = lock(&headphones.queue);
        let mut take = |frames: usize| (0..frames).map(|_| queue.next()[0]).collect::<Vec<f32>>();
        speaker.play(&[0.1; 1920]);
        assert!(take(960).iter().all(|sample| *sample == 0.0), "it waits for a second one");
        for n in 2..=QUEUE + 3 {
            speaker.play(&[n as f32 / 10.0; 1920]);
        }
        let heard = take((QUEUE + 1) * 960);
        let blocks: Vec<f32> = heard.chunks(960).map(|block| block[959]).collect();
        assert_eq!(blocks, [0.1, 0.2, 0.3, 0.4, 0.5, 0.0]);
        speaker.play(&[0.7; 1920]);
        assert_eq!(take(1), [0.0], "after it ran dry it waits again");
        speaker.play(&[0.8; 1920]);
        assert_eq!(take(1), [0.7]);
        speaker.play(&[0.0; 7]);
    }
}
