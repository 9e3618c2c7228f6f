//! The scenes under the creator's hand: a change shows at once and goes to the studio as fast as it takes them.
//!
//! Which layer is selected is known here only: the studio draws no frames.

use std::time::Duration;

use footlight_protocol::scene::{Layer, Scenes, Source};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::bridge;
use crate::browser;
use crate::desk::Desk;
use crate::store::scenes;

/// Between two changes that are sent: what a drag needs to look smooth to viewers, and no more.
const PACE: Duration = Duration::from_millis(50);
/// So long nobody types before viewers see what was typed: no word is shown letter by letter.
const REST: f64 = 300.0;
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
    desk: Desk,
    /// What the studio has not said yet.
    ahead: RwSignal<Option<Scenes>>,
    scenes: Memo<Scenes>,
    open: RwSignal<bool>,
    picked: RwSignal<Option<usize>>,
    selected: Memo<Option<usize>>,
    removed: RwSignal<Option<Removed>>,
    /// One change is under way at a time; of those that wait the newest is sent.
    sending: StoredValue<bool>,
    /// Nothing is sent before, by the page's clock.
    rests_until: StoredValue<f64>,
}

impl Composing {
    /// The desk's scenes, given to the components below.
    pub fn provide(desk: Desk) -> Self {
        let studio = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.scenes.clone()));
        let ahead = RwSignal::new(None::<Scenes>);
        let scenes = Memo::new(move |_| ahead.get().unwrap_or_else(|| studio.get()));
        let picked = RwSignal::new(None::<usize>);
        let there = move |at: &usize| scenes.with(|scenes| *at < scenes::layers(scenes).len());
        let selected = Memo::new(move |_| picked.get().filter(there));
        let roomy = || window().inner_width().ok().and_then(|width| width.as_f64()) >= Some(ROOMY);
        let open = browser::stored(KEPT).map_or_else(roomy, |kept| kept == "open");
        let sending = StoredValue::new(false);
        let (open, rests_until) = (RwSignal::new(open), StoredValue::new(0.0));
        let removed = RwSignal::new(None);
        let composing = Self { desk, ahead, scenes, open, picked, selected, removed, sending, rests_until };
        provide_context(composing);
        // What it says while newer changes wait is old already.
        Effect::new(move |_| {
            let says = studio.get();
            let same = ahead.with_untracked(|ahead| ahead.as_ref() == Some(&says));
            if same || !sending.get_value() {
                ahead.set(None);
            }
        });
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
        self.scenes
    }

    /// The selected layer of the shown scene, counted from the back.
    pub fn selected(self) -> Memo<Option<usize>> {
        self.selected
    }

    /// A layer of the shown scene, if it is there.
    pub fn layer(self, at: usize) -> Option<Layer> {
        self.scenes.with(|scenes| scenes::layers(scenes).get(at).cloned())
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
        self.rests_until.set_value(0.0);
        self.take(change)
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
        self.rests_until.set_value(browser::now_ms() + REST);
        self.take(|scenes| scenes::change(scenes, at, change));
    }

    fn take<R>(self, change: impl FnOnce(&mut Scenes) -> R) -> R {
        let before = self.scenes.get_untracked();
        let mut after = before.clone();
        let result = change(&mut after);
        if after != before {
            self.ahead.set(Some(after));
            if !self.sending.get_value() {
                self.sending.set_value(true);
                spawn_local(self.send());
            }
        }
        result
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
        let (scene, count) = self.scenes.with_untracked(|scenes| (scenes.current, scenes.scenes.len()));
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
        let same = self.scenes.with_untracked(|scenes| scenes.scenes.len() == removed.scenes);
        let Removed { layer, scene, at, .. } = removed;
        let at = same.then(|| self.edit(|scenes| scenes::restore(scenes, scene, at, layer))).flatten();
        if self.scenes.with_untracked(|scenes| scenes.current == scene) {
            self.select(at);
        }
        at.is_some()
    }

    async fn send(self) {
        while let Some(scenes) = self.ahead.get_untracked() {
            if browser::now_ms() < self.rests_until.get_value() {
                browser::sleep(PACE).await;
                continue;
            }
            if let Err(failure) = bridge::set_scenes(&scenes).await {
                self.desk.fail(failure);
                self.ahead.set(None);
                break;
            }
            browser::sleep(PACE).await;
            if self.ahead.with_untracked(|ahead| ahead.as_ref() == Some(&scenes)) {
                break;
            }
        }
        self.sending.set_value(false);
        // It may have said so before it answered; otherwise its event is on the way.
        let says = self.desk.snapshot().with_untracked(|snapshot| snapshot.scenes.clone());
        if self.ahead.with_untracked(|ahead| ahead.as_ref() == Some(&says)) {
            self.ahead.set(None);
        }
    }
}
