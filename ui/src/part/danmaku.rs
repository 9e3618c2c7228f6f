//! The comments that fly over the picture. Drawn past the signals: they move with every picture of the screen.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use footlight_protocol::room::Role;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::browser;
use crate::replaying::Replaying;
use crate::store::replay::{Comment, Flight, Sky, Status};

/// What is in the air.
struct Air {
    replaying: Replaying,
    place: HtmlElement,
    flight: RefCell<Flight>,
    sky: Cell<Sky>,
    flying: RefCell<BTreeMap<usize, HtmlElement>>,
    /// The next picture of the screen is asked for.
    turning: Cell<bool>,
}

#[component]
pub fn Danmaku() -> impl IntoView {
    let replaying = Replaying::get();
    let place = NodeRef::<Div>::new();
    let sky = RwSignal::new(Sky { width: 0.0, letter: 0.0, lanes: 0 });
    let air = StoredValue::<Option<Rc<Air>>, LocalStorage>::new_local(None);
    Effect::new(move |_| {
        let Some(element) = place.get() else { return };
        let measured = element.clone();
        browser::on_resize(&element, move || {
            let over = Sky::over(f64::from(measured.client_width()), f64::from(measured.client_height()));
            sky.try_set(over);
        });
        air.set_value(Some(Rc::new(Air {
            replaying,
            place: element.into(),
            flight: RefCell::default(),
            sky: Cell::new(sky.get_untracked()),
            flying: RefCell::default(),
            turning: Cell::new(false),
        })));
    });
    Effect::new(move |_| {
        replaying.known().track();
        let sky = sky.get();
        air.with_value(|air| air.as_ref().inspect(|air| air.plan(sky)).cloned());
    });
    Effect::new(move |_| {
        replaying.status().track();
        replaying.danmaku().track();
        // While it plays, the screen's own pace draws.
        if replaying.status().get() != Status::Playing {
            replaying.at_ms().track();
        }
        if let Some(air) = air.with_value(Clone::clone) {
            air.turn();
        }
    });
    view! { <div class="danmaku" node_ref=place aria-hidden="true"></div> }
}

impl Air {
    /// Gives every comment its lane anew.
    fn plan(&self, sky: Sky) {
        self.sky.set(sky);
        let comments = self
            .replaying
            .with_talk(|talk| talk.all().iter().map(|said| Comment::of(said.at_ms, &said.text)).collect());
        self.flight.replace(Flight::new(sky, comments));
        self.place.set_text_content(None);
        self.flying.borrow_mut().clear();
        self.draw();
    }

    /// Draws now, and again with the next picture of the screen while it plays.
    fn turn(self: &Rc<Self>) {
        self.draw();
        let goes_on = self.replaying.danmaku().get_untracked()
            && self.replaying.status().get_untracked() == Status::Playing;
        if goes_on && !self.turning.replace(true) {
            let this = Rc::clone(self);
            request_animation_frame(move || {
                this.turning.set(false);
                if this.place.is_connected() {
                    this.turn();
                }
            });
        }
    }

    fn draw(&self) {
        let mut flying = self.flying.borrow_mut();
        let before = std::mem::take(&mut *flying);
        let flight = self.flight.borrow();
        let now = self.replaying.exact_ms();
        if self.replaying.danmaku().get_untracked() {
            for (comment, lane, left) in flight.at(now) {
                let element = match before.get(&comment) {
                    Some(element) => element.clone(),
                    None => match self.raise(comment, lane) {
                        Some(element) => element,
                        None => continue,
                    },
                };
                let _ = element.style().set_property("transform", &format!("translateX({left:.1}px)"));
                flying.insert(comment, element);
            }
        }
        before
            .iter()
            .filter(|(comment, _)| !flying.contains_key(comment))
            .for_each(|(_, gone)| gone.remove());
    }

    fn raise(&self, comment: usize, lane: usize) -> Option<HtmlElement> {
        let element: HtmlElement = document().create_element("span").ok()?.dyn_into().ok()?;
        let sky = self.sky.get();
        self.replaying.with_talk(|talk| {
            let said = talk.all().get(comment)?;
            element.set_class_name(if said.by.role == Role::Owner { "comment owner" } else { "comment" });
            element.set_text_content(Some(&said.text));
            Some(())
        })?;
        let style = format!("top:{:.0}px;font-size:{:.0}px", sky.top(lane), sky.letter);
        element.set_attribute("style", &style).ok()?;
        self.place.append_child(&element).ok()?;
        Some(element)
    }
}
