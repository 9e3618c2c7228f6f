//! The `<video>` elements: one is on the stage, the others make ready behind it.
//!
//! The one on the stage is always the first in its place and the one with the id, so that the page's styles,
//! people's extensions and measurements find it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, HtmlVideoElement};

use super::property;
use crate::browser;
use crate::store::playback::Number;

/// The id of the one on the stage.
const ID: &str = "video";
/// Marks the one on the stage.
const SHOWN: &str = "shown";

/// A frame that a screen presented.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) rtp: Option<u32>,
    /// Its place on the element's timeline, in seconds.
    pub(super) media_s: f64,
    pub(super) shown_ms: f64,
}

#[wasm_bindgen]
extern "C" {
    /// `HTMLVideoElement` with the parts that web-sys does not have (WICG video-rvfc).
    #[wasm_bindgen(extends = HtmlVideoElement)]
    type Presenting;
    #[wasm_bindgen(method, catch, js_name = requestVideoFrameCallback)]
    fn next_frame(this: &Presenting, on: &JsValue) -> Result<u32, JsValue>;
}

/// One element and whose it is.
pub(super) struct Screen {
    video: HtmlVideoElement,
    take: Cell<Option<Number>>,
    denied: Rc<dyn Fn(Denied)>,
}

/// What the browser does not allow before a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// To sound; it plays on without.
    Sound,
    /// To play at all.
    Playing,
}

pub(super) struct Screens {
    place: HtmlElement,
    all: Vec<Rc<Screen>>,
    sound: Cell<(bool, f64)>,
}

impl Screens {
    /// Takes over the `<video>` elements in `place`. `on_frame` hears of every frame that any of them presents.
    pub(super) fn new(
        place: &HtmlElement,
        on_frame: impl Fn(Number, Frame) + 'static,
        denied: impl Fn(Denied) + 'static,
    ) -> Self {
        let denied: Rc<dyn Fn(Denied)> = Rc::new(denied);
        let on_frame: Rc<dyn Fn(Number, Frame)> = Rc::new(on_frame);
        let children = place.children();
        let videos = (0..children.length()).filter_map(|at| children.item(at)?.dyn_into().ok());
        let all: Vec<Rc<Screen>> = videos
            .map(|video: HtmlVideoElement| {
                // The attribute does not do it for an element that a script makes.
                video.set_muted(true);
                Rc::new(Screen { video, take: Cell::default(), denied: denied.clone() })
            })
            .collect();
        for screen in &all {
            watch_frames(screen, on_frame.clone());
        }
        if let Some(first) = all.first() {
            first.video.set_id(ID);
        }
        Self { place: place.clone(), all, sound: Cell::new((true, 1.0)) }
    }

    /// A free screen for an attempt.
    pub(super) fn take(&self, take: Number) -> Option<Rc<Screen>> {
        let free = self.all.iter().find(|screen| screen.take.get().is_none())?;
        free.take.set(Some(take));
        Some(Rc::clone(free))
    }

    pub(super) fn show(&self, take: Number) {
        let Some(shown) = self.all.iter().find(|screen| screen.take.get() == Some(take)) else {
            return;
        };
        let (muted, volume) = self.sound.get();
        shown.video.set_volume(volume);
        shown.video.set_muted(muted);
        for screen in self.all.iter().filter(|screen| !Rc::ptr_eq(screen, shown)) {
            screen.video.set_muted(true);
            let _ = screen.video.class_list().remove_1(SHOWN);
            screen.video.remove_attribute("id").unwrap_or_default();
            // The others go behind it: moving a playing element would stop it.
            let _ = self.place.append_child(&screen.video);
            if screen.take.get().is_some() {
                screen.play();
            }
        }
        shown.video.set_id(ID);
        let _ = shown.video.class_list().add_1(SHOWN);
        shown.play();
    }

    /// The attempt is over. Its screen keeps nothing.
    pub(super) fn free(&self, take: Number) {
        for screen in self.all.iter().filter(|screen| screen.take.get() == Some(take)) {
            screen.take.set(None);
            screen.video.set_muted(true);
            screen.video.set_src_object(None);
            let _ = screen.video.remove_attribute("src");
            screen.video.load();
            let _ = screen.video.class_list().remove_1(SHOWN);
        }
    }

    /// Within a touch: every element may play with sound from now on.
    pub(super) fn play_all(&self) {
        self.all.iter().for_each(|screen| screen.play());
    }

    pub(super) fn set_sound(&self, muted: bool, volume: f64) {
        self.sound.set((muted, volume));
        let shown = self.all.iter().find(|screen| screen.video.class_list().contains(SHOWN));
        if let Some(shown) = shown.or(self.all.first()) {
            shown.video.set_volume(volume);
            shown.video.set_muted(muted);
        }
    }
}

impl Screen {
    pub(super) fn video(&self) -> &HtmlVideoElement {
        &self.video
    }

    pub(super) fn play(&self) {
        let Ok(playing) = self.video.play() else { return };
        let (video, denied) = (self.video.clone(), Rc::clone(&self.denied));
        spawn_local(async move {
            if !refused(playing).await {
                return;
            }
            if !video.muted() {
                // Another element had the viewer's touch; a picture without sound is better than none.
                video.set_muted(true);
                denied(Denied::Sound);
                if let Ok(again) = video.play()
                    && !refused(again).await
                {
                    return;
                }
            }
            denied(Denied::Playing);
        });
    }
}

/// Whether the browser asks for a touch. Any other error is a newer source that took this one's place.
async fn refused(playing: js_sys::Promise) -> bool {
    let done = JsFuture::from(playing).await;
    done.is_err_and(|error| browser::error_name(&error).as_deref() == Some("NotAllowedError"))
}

/// Reports every presented frame for as long as the screen lives.
fn watch_frames(screen: &Rc<Screen>, on_frame: Rc<dyn Fn(Number, Frame)>) {
    type OnFrame = Closure<dyn Fn(f64, JsValue)>;
    let presenting: Presenting = screen.video.clone().unchecked_into();
    if property(&presenting, "requestVideoFrameCallback").is_undefined() {
        return;
    }
    let again: Rc<RefCell<Option<OnFrame>>> = Rc::default();
    let (this, next) = (Rc::downgrade(screen), Rc::clone(&again));
    let heard: OnFrame = Closure::new(move |_now, frame: JsValue| {
        let Some(this) = this.upgrade() else { return };
        let number = |name: &str| property(&frame, name).as_f64();
        let clock = leptos::prelude::window().performance();
        let shown = number("expectedDisplayTime").zip(clock).map(|(at, clock)| clock.time_origin() + at);
        if let Some(take) = this.take.get() {
            let frame = Frame {
                rtp: number("rtpTimestamp").map(|rtp| rtp as u32),
                media_s: number("mediaTime").unwrap_or(0.0),
                shown_ms: shown.unwrap_or_else(browser::now_ms),
            };
            on_frame(take, frame);
        }
        if let Some(next) = next.borrow().as_ref() {
            let _ = this.video.unchecked_ref::<Presenting>().next_frame(next.as_ref());
        }
    });
    let _ = presenting.next_frame(heard.as_ref());
    again.replace(Some(heard));
}
