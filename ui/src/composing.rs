//! The scenes under the creator's hand: a change shows at once and goes to the studio as fast as it takes them.
//!
//! Which layer is selected is known here only: the studio draws no frames.

use std::future::Future;
use std::time::Duration;

use footlight_protocol::Failure;
use footlight_protocol::scene::{Layer, Scenes, Source};
use footlight_protocol::studio::Snapshot;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::ahead::{Ahead, Sent};
use crate::bridge;
use crate::browser;
use crate::desk::Desk;
use crate::store::scenes;

/// So long nobody types, in milliseconds, before viewers see what was typed: no word is shown letter by letter.
const REST_MS: f64 = 300.0;
/// Where it is kept whether the layers are shown.
const KEPT: &str = "footlight.layers";
/// A window of so many pixels has room for them from the start.
const ROOMY: f64 = 1_200.0;

/// So long a layer that was removed can be put back, in milliseconds.
const REGRET_MS: f64 = 15_000.0;

/// A layer that was removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    pub layer: Layer,
    scene: usize,
    at: usize,
    /// As many scenes as there were: with another number it would come back to another scene.
    scenes: usize,
    until: f64,
}

/// Cheap to copy; everything inside lives as long as the window.
#[derive(Clone, Copy)]
pub struct Composing {
    scenes: Ahead<Scenes>,
    open: RwSignal<bool>,
    picked: RwSignal<Option<usize>>,
    selected: Memo<Option<usize>>,
    removed: RwSignal<Option<Removed>>,
}

impl Sent for Scenes {
    fn of(snapshot: &Snapshot) -> &Self {
        &snapshot.scenes
    }

    fn send(&self) -> impl Future<Output = Result<(), Failure>> {
        bridge::set_scenes(self)
    }
}

impl Composing {
    /// The desk's scenes, given to the components below.
    pub fn provide(desk: Desk) -> Self {
        let ahead = Ahead::new(desk);
        let scenes = ahead.shown();
        let picked = RwSignal::new(None::<usize>);
        let there = move |at: &usize| scenes.with(|scenes| *at < scenes::layers(scenes).len());
        let selected = Memo::new(move |_| picked.get().filter(there));
        let roomy = || window().inner_width().ok().and_then(|width| width.as_f64()) >= Some(ROOMY);
        let open = browser::stored(KEPT).map_or_else(roomy, |kept| kept == "open");
        let (open, removed) = (RwSignal::new(open), RwSignal::new(None));
        let composing = Self { scenes: ahead, open, picked, selected, removed };
        provide_context(composing);
        let current = Memo::new(move |_| scenes.with(|scenes| scenes.current));
        Effect::new(move |before: Option<usize>| {
            let now = current.get();
            if before.is_some_and(|before| before != now) {
                picked.set(None);
            }
            now
        });
        composing
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// As they are shown: with what the studio has not said yet.
    pub fn scenes(self) -> Memo<Scenes> {
        self.scenes.shown()
    }

    /// The selected layer of the shown scene, counted from the back.
    pub fn selected(self) -> Memo<Option<usize>> {
        self.selected
    }

    /// A layer of the shown scene, if it is there.
    pub fn layer(self, at: usize) -> Option<Layer> {
        self.scenes().with(|scenes| scenes::layers(scenes).get(at).cloned())
    }

    pub fn select(self, at: Option<usize>) {
        self.picked.set(at);
    }

    /// Whether the layers are shown and can be moved in the preview.
    pub fn open(self) -> ReadSignal<bool> {
        self.open.read_only()
    }

    pub fn toggle(self) {
        let open = !self.open.get_untracked();
        browser::store(KEPT, if open { "open" } else { "closed" });
        self.select(None);
        self.open.set(open);
    }

    /// Shows a change at once and sends it, with all that waits.
    pub fn edit<R>(self, change: impl FnOnce(&mut Scenes) -> R) -> R {
        self.scenes.edit(0.0, change)
    }

    /// Changes what a layer says, and sends it when nothing more is typed.
    pub fn type_into(self, at: usize, new: String) {
        self.write(at, |layer| {
            if let Source::Text { text, .. } = &mut layer.source {
                *text = new;
            }
        });
    }

    /// The same for any text of a layer.
    pub fn write(self, at: usize, change: impl FnOnce(&mut Layer)) {
        self.scenes.edit(REST_MS, |scenes| scenes::change(scenes, at, change));
    }

    /// Changes a layer of the shown scene.
    pub fn change(self, at: usize, change: impl FnOnce(&mut Layer)) {
        self.edit(|scenes| scenes::change(scenes, at, change));
    }

    /// Adds a layer and selects it.
    pub fn add(self, source: Source) {
        if let Some(at) = self.edit(|scenes| scenes::add(scenes, source)) {
            self.select(Some(at));
        }
    }

    /// Takes a layer away; another one that is selected stays so.
    pub fn remove(self, at: usize) {
        let selected = self.selected.get_untracked();
        let (scene, count) = self.scenes().with_untracked(|scenes| (scenes.current, scenes.scenes.len()));
        if let Some(layer) = self.edit(|scenes| scenes::remove(scenes, at)) {
            let until = browser::now_ms() + REGRET_MS;
            self.removed.set(Some(Removed { layer, scene, at, scenes: count, until }));
            spawn_local(async move {
                browser::sleep(Duration::from_millis(REGRET_MS as u64)).await;
                self.removed.update(|removed| {
                    removed.take_if(|removed| removed.until <= browser::now_ms());
                });
            });
        }
        self.select(selected.filter(|one| *one != at).map(|one| if one > at { one - 1 } else { one }));
    }

    /// The layer that was removed last, for as long as it can be put back.
    pub fn removed(self) -> ReadSignal<Option<Removed>> {
        self.removed.read_only()
    }

    /// Puts it back; false where there is none.
    pub fn put_back(self) -> bool {
        let Some(removed) = self.removed.try_update(Option::take).flatten() else { return false };
        let same = self.scenes().with_untracked(|scenes| scenes.scenes.len() == removed.scenes);
        let Removed { layer, scene, at, .. } = removed;
        let at = same.then(|| self.edit(|scenes| scenes::restore(scenes, scene, at, layer))).flatten();
        if self.scenes().with_untracked(|scenes| scenes.current == scene) {
            self.select(at);
        }
        at.is_some()
    }
}
