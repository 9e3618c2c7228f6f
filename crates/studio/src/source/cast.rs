//! The cast: the live sources that scenes call for beside the camera. Each runs once, however many layers show it, from
//! when a scene needs it until none has for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use footlight_protocol::scene::Source;
use footlight_protocol::studio::{CameraId, LiveState, SourceState, StudioEvent};

use super::screen::{self, Pane, Target};
use super::{Camera, Slot, Wanted, file, open_camera};
use crate::desk::Desk;
use crate::worker::Worker;
use crate::{Clock, Error};

/// One that no scene needs runs on for so long: whoever goes to another scene and back finds it there.
const LINGERS: Duration = Duration::from_secs(3);

/// A live source that runs for as long as the cast has it.
#[derive(Debug)]
pub(crate) struct Player {
    source: Source,
    slot: Arc<Slot>,
}

impl Player {
    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }

    #[cfg(test)]
    pub(crate) fn still(frame: footlight_media::Frame) -> Self {
        let slot = Slot::telling(|_, _| {});
        assert!(slot.feed("still".into()).frame(frame));
        Self { source: Source::Screen { id: "still".into() }, slot }
    }

    #[cfg(test)]
    pub(crate) fn feed(&self) -> super::Feed {
        self.slot.feed("still".into())
    }
}

/// Kept by the painter's thread, which may wait for one of theirs to end.
pub(crate) struct Cast {
    desk: Arc<Desk>,
    clock: Clock,
    wanted: Wanted,
    members: Vec<Member>,
}

struct Member {
    player: Arc<Player>,
    worker: Option<Worker>,
    needed: Instant,
}

impl Cast {
    pub(crate) fn new(desk: Arc<Desk>, clock: Clock, wanted: Wanted) -> Self {
        Self { desk, clock, wanted, members: Vec::new() }
    }

    /// The camera that is picked, which has a way of its own.
    pub(crate) fn picked(&self) -> CameraId {
        self.desk.look(|snapshot| snapshot.camera.clone())
    }

    pub(crate) fn is_picked(&self, id: &str) -> bool {
        self.desk.look(|snapshot| snapshot.camera == id)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The one that plays this; starts it where none does. `None` for what is not live, and where the system has no thread left.
    pub(crate) fn player(&mut self, source: &Source) -> Option<Arc<Player>> {
        if let Some(member) = self.members.iter_mut().find(|member| member.player.source == *source) {
            member.needed = Instant::now();
            return Some(Arc::clone(&member.player));
        }
        let (desk, told) = (Arc::clone(&self.desk), source.clone());
        let slot = Slot::telling(move |_, state| tell(&desk, &told, Some(state)));
        let worker = self.start(source, &slot).transpose()?;
        let worker = worker.inspect_err(|error| tracing::warn!(%error, "start a live source")).ok()?;
        let player = Arc::new(Player { source: source.clone(), slot });
        self.members.push(Member {
            player: Arc::clone(&player),
            worker: Some(worker),
            needed: Instant::now(),
        });
        Some(player)
    }

    fn start(&self, source: &Source, slot: &Arc<Slot>) -> Result<Option<Worker>, Error> {
        let (clock, wanted) = (self.clock, self.wanted);
        // The slot is its own: what it is called there is nobody's concern.
        let feed = || slot.feed(String::new());
        let capture = |target: Target| screen::start(target, feed(), clock, wanted.fps).map(Some);
        match source {
            Source::Screen { id } => capture(Target::Screen(id.clone())),
            Source::Window { id, app, title } => {
                capture(Target::Window(Pane { id: *id, app: app.clone(), title: title.clone() }))
            }
            Source::Media { file, repeats } => {
                file::start_layer(file.into(), *repeats, feed(), clock).map(Some)
            }
            Source::OtherCamera { id } => match Camera::parse(id) {
                // Written by hand: it is looked for again as any other file of a layer.
                Camera::File(path) => file::start_layer(path, true, feed(), clock).map(Some),
                camera => open_camera(camera, feed(), clock, wanted),
            },
            _ => Ok(None),
        }
    }

    /// Ends those that nobody has needed for a while, and a camera that became the picked one.
    pub(crate) fn tidy(&mut self) {
        let now = Instant::now();
        let mut gone = Vec::new();
        for at in (0..self.members.len()).rev() {
            let takes = match &self.members[at].player.source {
                Source::OtherCamera { id } => self.is_picked(id),
                _ => false,
            };
            let member = &mut self.members[at];
            if Arc::strong_count(&member.player) > 1 && !takes {
                member.needed = now;
            } else if takes || now.duration_since(member.needed) > LINGERS {
                gone.push(self.members.swap_remove(at));
            }
        }
        // All are asked before any is waited for.
        gone.iter().filter_map(|member| member.worker.as_ref()).for_each(Worker::ask_to_stop);
        for mut member in gone {
            drop(member.worker.take());
            tell(&self.desk, &member.player.source, None);
        }
    }
}

/// Tells how it does, or that it is gone.
fn tell(desk: &Desk, source: &Source, state: Option<SourceState>) {
    desk.update(|snapshot| {
        let mut live: Vec<LiveState> =
            snapshot.live.iter().filter(|one| one.source != *source).cloned().collect();
        live.extend(state.map(|state| LiveState { source: source.clone(), state }));
        Some(StudioEvent::Live { live })
    });
}
