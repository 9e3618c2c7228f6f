//! The broadcast's outputs: which there are, which of them run, and how each does.
//!
//! The list may change at any time, also on air: what stays as it is is not touched. Each output is known to the window
//! by its id; an output that is taken away says goodbye by itself while the next one begins.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use footlight_protocol::destination::{Destination, DestinationState, DestinationStatus, Platform, Rate};
use footlight_protocol::studio::{Phase, StudioEvent};
use footlight_protocol::{Code, DestinationId, Failure};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::Clock;
use crate::air::Air;
use crate::desk::Desk;
use crate::lane::{Lane, Role, Wants};
use crate::output::{Output, Target};
use crate::worker::lock;

/// Outputs that have not said goodbye by then are cut off.
const GOODBYE: Duration = Duration::from_secs(3);
/// An output whose pictures had to be left out is called slow for so long after the last one.
const SLOW: Duration = Duration::from_secs(10);

/// A place to broadcast to.
#[derive(Debug, Clone)]
pub struct Outlet {
    pub destination: Destination,
    /// The creator's own page, or what the command line says in its stead: it decides the bitrate, for there is one
    /// encoder, and the others follow.
    pub home: bool,
    /// None without a key.
    pub target: Option<Target>,
}

impl Outlet {
    /// The `n`th home, counted from 0.
    pub fn home(n: usize, name: &str, target: Target) -> Self {
        let url = match &target {
            Target::Whip { url, .. } | Target::Rtmp { url, .. } => url.clone(),
        };
        let id = if n == 0 { "home".to_owned() } else { format!("home-{}", n + 1) };
        let id = id.parse().expect("letters, digits and a hyphen");
        let name = name.to_owned();
        let destination = Destination { id, platform: Platform::Other, name, url, enabled: true };
        Self { destination, home: true, target: Some(target) }
    }

    fn wanted(&self) -> Option<&Target> {
        self.target.as_ref().filter(|_| self.destination.enabled)
    }
}

/// What all outputs are given alike.
pub(crate) struct Given {
    pub(crate) air: Arc<Air>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) runtime: Handle,
    pub(crate) ceiling_kbps: u32,
    pub(crate) fps: u32,
    /// In how many layers the picture may go home. Elsewhere it goes in one.
    pub(crate) layers: usize,
}

pub(crate) struct Outputs {
    given: Given,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    outlets: Vec<Outlet>,
    on_air: bool,
    running: Vec<Running>,
    /// Outputs that were taken away and say goodbye.
    leaving: Vec<AbortOnDropHandle<()>>,
    looked: Option<Instant>,
}

struct Running {
    id: DestinationId,
    target: Target,
    lane: Arc<Lane>,
    stop: CancellationToken,
    retry: Arc<Notify>,
    task: AbortOnDropHandle<()>,
    /// As it was at the last look.
    left_bytes: u64,
    overflows: u64,
    slow_until: Option<Instant>,
}

impl Outputs {
    pub(crate) fn new(given: Given) -> Self {
        Self { given, inner: Mutex::default() }
    }

    /// From now on these. On air, those that are new or changed begin, and those that are gone or changed end.
    pub(crate) fn set(&self, outlets: Vec<Outlet>) {
        let mut inner = lock(&self.inner);
        inner.outlets = outlets;
        self.settle(&mut inner);
    }

    /// Goes on air.
    pub(crate) fn begin(&self, outlets: Vec<Outlet>) -> Result<(), Failure> {
        let mut inner = lock(&self.inner);
        if inner.on_air || self.given.desk.snapshot().phase.on_air() {
            return Err(Failure::new(Code::WrongPhase, "A broadcast is already running"));
        }
        if !outlets.iter().any(|outlet| outlet.wanted().is_some()) {
            return Err(Failure::new(Code::BadSetting, "There is nowhere to broadcast to"));
        }
        self.given.air.clear();
        self.given.desk.tell(StudioEvent::Phase { phase: Phase::Starting });
        inner.on_air = true;
        inner.outlets = outlets;
        self.settle(&mut inner);
        Ok(())
    }

    /// Ends the broadcast: outputs say goodbye. Without one it does nothing.
    pub(crate) async fn end(&self) {
        let leaving = {
            let mut inner = lock(&self.inner);
            if !std::mem::take(&mut inner.on_air) {
                return;
            }
            self.given.desk.tell(StudioEvent::Phase { phase: Phase::Ending });
            self.settle(&mut inner);
            std::mem::take(&mut inner.leaving)
        };
        let goodbyes = async {
            for output in leaving {
                if let Err(error) = output.await {
                    tracing::error!(%error, "an output failed");
                }
            }
        };
        if tokio::time::timeout(GOODBYE, goodbyes).await.is_err() {
            tracing::warn!("an output did not say goodbye in time");
        }
        self.given.air.clear();
        self.given.desk.tell(StudioEvent::Phase { phase: Phase::Idle });
    }

    /// Tries again at once what waits to be tried again.
    pub(crate) fn retry(&self, id: &DestinationId) {
        let inner = lock(&self.inner);
        let states = self.given.desk.snapshot().destinations;
        let waits =
            states.iter().any(|known| known.destination.id == *id && known.state.retry_at().is_some());
        if let Some(running) = inner.running.iter().find(|running| running.id == *id && waits) {
            running.retry.notify_one();
        }
    }

    /// Brings what runs in line with what shall run, and says so.
    fn settle(&self, inner: &mut MutexGuard<'_, Inner>) {
        let inner = &mut **inner;
        let on_air = inner.on_air;
        let wanted = |running: &Running| {
            let outlet = inner.outlets.iter().find(|outlet| outlet.destination.id == running.id);
            on_air && outlet.and_then(Outlet::wanted) == Some(&running.target)
        };
        let (stay, leave): (Vec<_>, Vec<_>) =
            std::mem::take(&mut inner.running).into_iter().partition(|running| wanted(running));
        inner.running = stay;
        inner.leaving.retain(|task| !task.is_finished());
        for running in leave {
            running.stop.cancel();
            inner.leaving.push(running.task);
        }
        // Before the new ones begin to speak of themselves.
        let (outlets, running) = (&inner.outlets, &inner.running);
        self.given.desk.update(|snapshot| {
            let status = |outlet: &Outlet| {
                let id = &outlet.destination.id;
                let known = snapshot.destinations.iter().find(|known| known.destination.id == *id);
                let known = known.filter(|_| running.iter().any(|running| running.id == *id));
                DestinationStatus {
                    destination: outlet.destination.clone(),
                    fixed: outlet.home,
                    has_key: outlet.target.is_some(),
                    state: known.map_or(DestinationState::Off, |known| known.state.clone()),
                    kbps: known.map_or(0, |known| known.kbps),
                }
            };
            let destinations: Vec<_> = outlets.iter().map(status).collect();
            (destinations != snapshot.destinations).then_some(StudioEvent::Destinations { destinations })
        });
        if !on_air {
            return;
        }
        let runs = |outlet: &&Outlet| running.iter().any(|running| running.id == outlet.destination.id);
        let missing = outlets.iter().filter(|outlet| !runs(outlet));
        let started: Vec<_> = missing.filter_map(|outlet| self.start(outlet)).collect();
        inner.running.extend(started);
    }

    fn start(&self, outlet: &Outlet) -> Option<Running> {
        let target = outlet.wanted()?.clone();
        let given = &self.given;
        let role = if outlet.home { Role::Steers } else { Role::Follows };
        let wants = Wants { role, sound: target.sound() };
        let (lane, packets) = given.air.add_lane(given.ceiling_kbps, wants);
        let (stop, retry) = (CancellationToken::new(), Arc::new(Notify::new()));
        let id = outlet.destination.id.clone();
        let output = Output {
            id: id.clone(),
            target: target.clone(),
            lane: Arc::clone(&lane),
            packets,
            air: Arc::clone(&given.air),
            desk: Arc::clone(&given.desk),
            clock: given.clock,
            ceiling_kbps: given.ceiling_kbps,
            fps: given.fps,
            layers: if outlet.home { given.layers } else { 1 },
            stop: stop.clone(),
            retry: Arc::clone(&retry),
        };
        let task = AbortOnDropHandle::new(given.runtime.spawn(output.run()));
        Some(Running { id, target, lane, stop, retry, task, left_bytes: 0, overflows: 0, slow_until: None })
    }

    /// Measures each output; call it once a second.
    pub(crate) fn look(&self) {
        let now = Instant::now();
        let mut inner = lock(&self.inner);
        let passed = inner.looked.replace(now).map_or(1.0, |looked| now.duration_since(looked).as_secs_f64());
        let mut rates = Vec::with_capacity(inner.running.len());
        for running in &mut inner.running {
            let bytes = running.lane.left_bytes.load(Ordering::Relaxed);
            let sent = bytes - std::mem::replace(&mut running.left_bytes, bytes);
            let kbps = (sent as f64 * 8.0 / 1000.0 / passed.max(0.1)) as u32;
            rates.push(Rate { id: running.id.clone(), kbps });
            let overflows = running.lane.overflows.load(Ordering::Relaxed);
            if overflows > std::mem::replace(&mut running.overflows, overflows) {
                running.slow_until = Some(now + SLOW);
            }
            let slow = running.slow_until.is_some_and(|until| now < until);
            self.given.desk.update(|snapshot| {
                let known = snapshot.destinations.iter().find(|known| known.destination.id == running.id)?;
                let state = match known.state {
                    DestinationState::Live { since } if slow => DestinationState::Slow { since },
                    DestinationState::Slow { since } if !slow => DestinationState::Live { since },
                    _ => return None,
                };
                Some(StudioEvent::Destination { id: running.id.clone(), state })
            });
        }
        drop(inner);
        if !rates.is_empty() {
            self.given.desk.tell(StudioEvent::Rates { rates });
        }
    }
}
