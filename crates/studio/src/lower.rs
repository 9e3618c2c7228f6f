//! The thread that makes the lower layers: the picture at half its sides, and half again, each through its own encoder.
//!
//! It takes the newest picture and nothing else, after the picture itself is encoded: one that comes while it works
//! replaces the one that waits, and is counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use footlight_codec::lower::Layer;
use footlight_media::Frame;

use crate::air::{Air, LAYERS};
use crate::encode::h264;
use crate::worker::{Stop, Worker, lock};

/// The thread looks whether it shall stop at least this often.
const GLANCE: Duration = Duration::from_millis(100);

/// What is to be made.
struct Order {
    frame: Frame,
    layers: usize,
    kbps: u32,
}

#[derive(Default)]
struct Shared {
    /// Full ⇒ the newer one takes the place.
    next: Mutex<Next>,
    ready: Condvar,
    missed: AtomicU64,
}

#[derive(Default)]
enum Next {
    #[default]
    Nothing,
    /// No lower layers for now: the encoders are given up.
    Rest,
    Order(Order),
}

/// The stage's end.
pub(crate) struct Lower {
    shared: Arc<Shared>,
    _worker: Worker,
}

impl Lower {
    pub(crate) fn start(air: Arc<Air>, video: h264::Config) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let worker = Worker::spawn("layers", move |stop| Maker::new(air, video).run(&theirs, stop))?;
        Ok(Self { shared, _worker: worker })
    }

    /// The picture, for so many lower layers; `kbps` is the rate of the picture itself.
    pub(crate) fn offer(&self, frame: Frame, layers: usize, kbps: u32) {
        self.put(Next::Order(Order { frame, layers, kbps }));
    }

    pub(crate) fn rest(&self) {
        self.put(Next::Rest);
    }

    /// Pictures that were replaced before they were taken.
    pub(crate) fn missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }

    fn put(&self, next: Next) {
        if let Next::Order(_) = std::mem::replace(&mut *lock(&self.shared.next), next) {
            self.shared.missed.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.ready.notify_one();
    }
}

impl Shared {
    /// Waits for what comes next, a moment at most.
    fn take(&self) -> Next {
        let next = lock(&self.next);
        let waited = self.ready.wait_timeout_while(next, GLANCE, |next| matches!(next, Next::Nothing));
        let (mut next, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *next)
    }
}

/// The thread's end.
struct Maker {
    air: Arc<Air>,
    layers: Vec<Layer>,
}

impl Maker {
    fn new(air: Arc<Air>, video: h264::Config) -> Self {
        Self { air, layers: (1..LAYERS).map(|place| Layer::new(place, video)).collect() }
    }

    fn run(mut self, shared: &Shared, stop: &Stop) {
        while !stop.is_set() {
            match shared.take() {
                Next::Nothing => {}
                Next::Rest => self.layers.iter_mut().for_each(Layer::rest),
                Next::Order(order) => self.make(&order),
            }
        }
    }

    fn make(&mut self, order: &Order) {
        let Order { frame, layers, kbps } = order;
        let mut above = Arc::clone(&frame.picture);
        for (below, layer) in self.layers.iter_mut().enumerate() {
            if below >= *layers {
                layer.rest();
                continue;
            }
            let place = below + 1;
            above = Arc::new(layer.halve(&above));
            let wanted = self.air.keyframe_wanted(place);
            match layer.encode(&above, frame.captured, *kbps, wanted) {
                Ok(Some(packet)) => {
                    if packet.keyframe {
                        self.air.keyframe_made(place);
                    }
                    self.air.send_lower(place, &packet);
                }
                Ok(None) => {}
                // The picture itself goes on, and the next one tries anew.
                Err(error) => tracing::error!(%error, place, "a lower layer's encoder"),
            }
        }
    }
}
