//! What is over the picture, on one canvas: comments that fly, and hearts that rise. Drawn past the signals: it moves
//! with every picture of the screen, and costs nothing while nothing flies.

mod sprite;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};

use crate::air::Air;
use crate::browser;
use crate::emotes::Emotes;
use crate::letters;
use crate::store::sky::Sky;
use sprite::{Scale, Sprites};

/// Pixels of the canvas to one of the page at most: more cannot be seen while it moves.
const MOST_RATIO: f64 = 2.0;
/// Shorter than this, in milliseconds, it is not worth to stop and start again.
const PAUSE_MS: f64 = 60.0;

#[component]
pub fn Danmaku() -> impl IntoView {
    let air = Air::get();
    let (place, canvas) = (NodeRef::<Div>::new(), NodeRef::<Canvas>::new());
    let size = RwSignal::new((0.0, 0.0));
    let painter = StoredValue::<Option<Rc<Painter>>, LocalStorage>::new_local(None);
    let emotes = Emotes::get();
    Effect::new(move |_| {
        if let Some(emotes) = emotes {
            air.set_emotes(emotes.known().get());
        }
    });
    Effect::new(move |_| {
        let (Some(place), Some(canvas)) = (place.get(), canvas.get()) else { return };
        let measured = place.clone();
        browser::on_resize(&place, move || {
            size.try_set((f64::from(measured.client_width()), f64::from(measured.client_height())));
        });
        let font = browser::style_of(&place, "font-family");
        air.set_font(&font);
        painter.set_value(Painter::new(air, emotes, place.into(), canvas, font).map(Rc::new));
    });
    Effect::new(move |_| {
        let (width, height) = size.get();
        air.over(Sky::over(width, height, &air.settings().get()));
    });
    Effect::new(move |_| {
        air.changes().track();
        air.moves().track();
        air.on().track();
        size.track();
        if let Some(painter) = painter.with_value(Clone::clone) {
            painter.turn();
        }
    });
    let opacity = move || format!("{}%", air.settings().get().opacity);
    view! {
        <div class="danmaku" node_ref=place aria-hidden="true">
            <canvas node_ref=canvas style:opacity=opacity hidden></canvas>
        </div>
    }
}

/// Draws the sky.
struct Painter {
    air: Air,
    emotes: Option<Emotes>,
    place: HtmlElement,
    canvas: HtmlCanvasElement,
    brush: CanvasRenderingContext2d,
    font: String,
    sprites: RefCell<Sprites>,
    /// The next picture of the screen is asked for.
    turning: Cell<bool>,
    /// Set while nothing flies and something will.
    alarm: Cell<Option<TimeoutHandle>>,
    /// Nothing is on the canvas.
    empty: Cell<bool>,
    /// What the marks of the canvas say: how much flies, how much gave way, how many pictures are kept.
    told: Cell<(usize, u64, usize)>,
}

impl Painter {
    fn new(
        air: Air,
        emotes: Option<Emotes>,
        place: HtmlElement,
        canvas: HtmlCanvasElement,
        font: String,
    ) -> Option<Self> {
        let brush = letters::context(&canvas)?;
        Some(Self {
            air,
            emotes,
            place,
            canvas,
            brush,
            font,
            sprites: RefCell::default(),
            turning: Cell::new(false),
            alarm: Cell::new(None),
            empty: Cell::new(true),
            told: Cell::new((0, 0, 0)),
        })
    }

    /// Draws now, and again with the next picture of the screen while something moves.
    fn turn(self: &Rc<Self>) {
        if let Some(alarm) = self.alarm.take() {
            alarm.clear();
        }
        if self.turning.get() {
            return;
        }
        let Some(next_ms) = self.draw() else { return };
        let this = Rc::clone(self);
        let again = move || {
            this.turning.set(false);
            if this.place.is_connected() {
                this.turn();
            }
        };
        if next_ms < PAUSE_MS {
            self.turning.set(true);
            request_animation_frame(again);
        } else {
            let wait = Duration::from_millis((next_ms - PAUSE_MS / 2.0) as u64);
            self.alarm.set(set_timeout_with_handle(again, wait).ok());
        }
    }

    /// Says after how many milliseconds it has to be drawn again.
    fn draw(&self) -> Option<f64> {
        let ratio = window().device_pixel_ratio().clamp(1.0, MOST_RATIO);
        let (on, now) = (self.air.on().get_untracked(), self.air.now());
        let drawn = self.air.with(|flight, hearts| {
            let sky = *flight.sky();
            let mut sprites = self.sprites.borrow_mut();
            let known = self.emotes.map(|emotes| emotes.known().get_untracked()).unwrap_or_default();
            sprites.begin(&Scale { letter: sky.letter * ratio, font: self.font.clone(), emotes: known });
            let rising: Vec<_> = hearts.at(browser::now_ms()).collect();
            // The canvas is no higher than what is on it: the whole of it is laid over the picture again and again.
            let whole = f64::from(self.place.client_height());
            let height = if hearts.is_empty() { sky.height().min(whole) } else { whole };
            self.fit((sky.width, height.ceil()), ratio);
            self.wipe();
            let mut flying = 0;
            if on {
                for seen in flight.at(now) {
                    let at = (seen.left * ratio, sky.top(seen.lane) * ratio);
                    sprites.put(&self.brush, self.emotes, &seen.flyer.look, at);
                    flying += 1;
                }
            }
            let side = sky.letter * 1.5 * ratio;
            for heart in &rising {
                let x = heart.x * sky.width * ratio + heart.sway * side;
                self.brush.set_global_alpha(heart.opacity);
                sprites.heart(&self.brush, heart.colour, (x, heart.y * whole * ratio), heart.scale);
            }
            self.brush.set_global_alpha(1.0);
            self.empty.set(flying == 0 && rising.is_empty());
            self.tell(flying, flight.given_way(), sprites.len());
            let moves = self.air.moves().get_untracked();
            let next =
                if on && moves { if flying > 0 { Some(0.0) } else { flight.next_in_ms(now) } } else { None };
            if hearts.is_empty() { next } else { Some(0.0) }
        });
        drawn.flatten()
    }

    /// Gives the canvas its size, in pixels of the page; a new size also clears it.
    fn fit(&self, (width, height): (f64, f64), ratio: f64) {
        let (wide, high) = ((width * ratio) as u32, (height * ratio) as u32);
        if (self.canvas.width(), self.canvas.height()) != (wide, high) {
            self.canvas.set_width(wide);
            self.canvas.set_height(high);
            for (side, length) in [("width", width), ("height", height)] {
                let _ = HtmlElement::style(&self.canvas).set_property(side, &format!("{length}px"));
            }
            self.empty.set(true);
        }
    }

    /// Takes away what was drawn. The whole canvas at once: where something might stay, a browser first copies the last
    /// picture of all of it.
    fn wipe(&self) {
        if !self.empty.get() {
            let (width, height) = (self.canvas.width(), self.canvas.height());
            self.brush.clear_rect(0.0, 0.0, f64::from(width), f64::from(height));
        }
    }

    /// Marks for those who measure, and a canvas that is not there for the browser while nothing is on it.
    fn tell(&self, flying: usize, given_way: u64, kept: usize) {
        let (before, told) = (self.told.get(), (flying, given_way, kept));
        let empty = self.empty.get();
        if self.canvas.hidden() != empty {
            self.canvas.set_hidden(empty);
        }
        if before != told {
            self.told.set(told);
            let _ = self.canvas.set_attribute("data-flying", &flying.to_string());
            let _ = self.canvas.set_attribute("data-gave-way", &given_way.to_string());
            let _ = self.canvas.set_attribute("data-kept", &kept.to_string());
        }
    }
}
