//! The camera: which one, and how it does.

use leptos::prelude::*;

use crate::desk::Desk;
use crate::part::icon::Icon;
use crate::part::picker::{Lost, Picker};

#[component]
pub fn Camera() -> impl IntoView {
    let desk = Desk::get();
    let devices = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.cameras.clone()));
    let chosen = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.camera.clone()));
    let state = Memo::new(move |_| desk.snapshot().with(|snapshot| snapshot.camera_state.clone()));
    view! {
        <div class="source">
            <Picker
                id="camera"
                label="camera.title"
                icon=Icon::Camera
                devices
                chosen
                stand_in=("pattern", "camera.pattern")
                none_found="camera.none_found"
                on_pick=move |id| desk.pick_camera(id)
            />
            <Lost state chosen />
        </div>
    }
}
