//! The thread that makes the lower layers: the picture at half its sides, and half again, each through its own encoder.
//!
//! It takes the newest picture and nothing else, after the picture itself is encoded: one that comes while it works
//! replaces the one that waits, and is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use footlight_codec::lower::Layers;
use footlight_media::Frame;

use crate::air::{Air, LAYERS};
use crate::encode::h264;
use crate::newest::Newest;
use crate::worker::{Stop, Worker};

/// What is to be made.
struct Order {
    frame: Frame,
    layers: usize,
    kbps: u32,
}

#[derive(Default)]
struct Shared {
    next: Newest<Next>,
    missed: AtomicU64,
}

enum Next {
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
        if let Some(Next::Order(_)) = self.shared.next.put(next) {
            self.shared.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The thread's end.
struct Maker {
    air: Arc<Air>,
    layers: Layers,
}

impl Maker {
    fn new(air: Arc<Air>, video: h264::Config) -> Self {
        Self { air, layers: Layers::new(LAYERS - 1, video) }
    }

    fn run(mut self, shared: &Shared, stop: &Stop) {
        while !stop.is_set() {
            match shared.next.take() {
                None => {}
                Some(Next::Rest) => self.layers.rest(),
                Some(Next::Order(order)) => self.make(&order),
            }
        }
    }

    fn make(&mut self, order: &Order) {
        let (Self { air, layers }, Order { frame, layers: on, kbps }) = (self, order);
        let wanted = |place| air.keyframe_wanted(place);
        layers.make(&frame.picture, frame.captured, *kbps, *on, wanted, |place, made| match made {
            Ok(packet) => {
                if packet.keyframe {
                    air.keyframe_made(place);
                }
                air.send_lower(place, &packet);
            }
            // The picture itself goes on.
            Err(error) => tracing::error!(%error, place, "a lower layer's encoder"),
        });
    }
}
