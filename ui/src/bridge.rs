//! The commands and events of the shell. The only file that knows of Tauri.

use footlight_protocol::destination::{Draft, Key};
use footlight_protocol::mixer::Mixer;
use footlight_protocol::record;
use footlight_protocol::scene::Scenes;
use footlight_protocol::studio::{Captures, Preferences, RoomAccess, Snapshot, Speed, StudioEvent};
use footlight_protocol::{Code, DestinationId, Failure};
use leptos::prelude::window;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["window", "__TAURI__", "core"], js_name = invoke)]
    async fn invoke_raw(command: &str, args: JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_namespace = ["window", "__TAURI__", "event"], js_name = listen)]
    async fn listen_raw(event: &str, on: &JsValue) -> Result<JsValue, JsValue>;
}

/// Whether this page runs in the studio's window.
pub fn present() -> bool {
    js_sys::Reflect::get(&window(), &"__TAURI__".into()).is_ok_and(|tauri| tauri.is_object())
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Pick<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct Mix<'a> {
    mixer: &'a Mixer,
}

#[derive(Serialize)]
struct Talking {
    talking: bool,
}

#[derive(Serialize)]
struct Shared {
    shared: bool,
}

#[derive(Serialize)]
struct Internet {
    internet: bool,
}

#[derive(Serialize)]
struct Keep<'a> {
    preferences: &'a Preferences,
}

#[derive(Serialize)]
struct Record<'a> {
    settings: &'a record::Settings,
}

#[derive(Serialize)]
struct Compose<'a> {
    scenes: &'a Scenes,
}

#[derive(Serialize)]
struct Put<'a> {
    draft: &'a Draft,
    key: Option<&'a Key>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a DestinationId,
}

#[derive(Serialize)]
struct Enable<'a> {
    id: &'a DestinationId,
    enabled: bool,
}

pub async fn snapshot() -> Result<Snapshot, Failure> {
    ask("snapshot", &Nothing {}).await
}

pub async fn go_live() -> Result<(), Failure> {
    tell("go_live", &Nothing {}).await
}

pub async fn end_broadcast() -> Result<(), Failure> {
    tell("end_broadcast", &Nothing {}).await
}

pub async fn pick_camera(id: &str) -> Result<(), Failure> {
    tell("pick_camera", &Pick { id }).await
}

pub async fn pick_microphone(id: &str) -> Result<(), Failure> {
    tell("pick_microphone", &Pick { id }).await
}

/// All of the mixer, as it is from now on.
pub async fn set_mixer(mixer: &Mixer) -> Result<(), Failure> {
    tell("set_mixer", &Mix { mixer }).await
}

pub async fn set_talking(talking: bool) -> Result<(), Failure> {
    tell("set_talking", &Talking { talking }).await
}

pub async fn room_access() -> Result<RoomAccess, Failure> {
    ask("room_access", &Nothing {}).await
}

pub async fn set_sharing(shared: bool) -> Result<RoomAccess, Failure> {
    ask("set_sharing", &Shared { shared }).await
}

pub async fn set_internet(internet: bool) -> Result<RoomAccess, Failure> {
    ask("set_internet", &Internet { internet }).await
}

pub async fn preferences() -> Result<Preferences, Failure> {
    ask("preferences", &Nothing {}).await
}

pub async fn set_preferences(preferences: &Preferences) -> Result<(), Failure> {
    tell("set_preferences", &Keep { preferences }).await
}

/// Whether the studio was started without what may have brought it down.
pub async fn safe_mode() -> Result<bool, Failure> {
    ask("safe_mode", &Nothing {}).await
}

/// Closes the studio and starts it as usual.
pub async fn start_normally() -> Result<(), Failure> {
    tell("start_normally", &Nothing {}).await
}

/// Writes what helps to find out what is wrong, without secrets; gives the file's path.
pub async fn export_diagnostics() -> Result<String, Failure> {
    ask("export_diagnostics", &Nothing {}).await
}

/// Shows the folder of that file.
pub async fn show_diagnostics() -> Result<(), Failure> {
    tell("show_diagnostics", &Nothing {}).await
}

/// Adds a destination or changes one; without a key it keeps its own.
pub async fn put_destination(draft: &Draft, key: Option<&Key>) -> Result<(), Failure> {
    tell("put_destination", &Put { draft, key }).await
}

pub async fn enable_destination(id: &DestinationId, enabled: bool) -> Result<(), Failure> {
    tell("enable_destination", &Enable { id, enabled }).await
}

pub async fn remove_destination(id: &DestinationId) -> Result<(), Failure> {
    tell("remove_destination", &Named { id }).await
}

/// Does not wait for the next try.
pub async fn retry_destination(id: &DestinationId) -> Result<(), Failure> {
    tell("retry_destination", &Named { id }).await
}

/// All scenes, as they are from now on.
pub async fn set_scenes(scenes: &Scenes) -> Result<(), Failure> {
    tell("set_scenes", &Compose { scenes }).await
}

/// Has the studio keep a picture file; gives the name that an image layer calls it by.
pub async fn keep_picture(bytes: &js_sys::Uint8Array) -> Result<String, Failure> {
    let name = invoke_raw("keep_picture", bytes.into()).await.map_err(failure)?;
    name.as_string().ok_or_else(|| Failure::new(Code::Internal, "The studio gave the picture no name"))
}

/// Records on this computer, live or not.
pub async fn start_recording() -> Result<(), Failure> {
    tell("start_recording", &Nothing {}).await
}

/// Answers when the file is complete.
pub async fn stop_recording() -> Result<(), Failure> {
    tell("stop_recording", &Nothing {}).await
}

/// Writes the last seconds into a file.
pub async fn save_replay() -> Result<(), Failure> {
    tell("save_replay", &Nothing {}).await
}

pub async fn set_record_settings(settings: &record::Settings) -> Result<(), Failure> {
    tell("set_record_settings", &Record { settings }).await
}

/// The folder that the person chooses; none where they choose none.
pub async fn choose_folder() -> Result<Option<String>, Failure> {
    ask("choose_folder", &Nothing {}).await
}

/// Opens the folder of recordings in the system's window for files.
pub async fn show_recordings() -> Result<(), Failure> {
    tell("show_recordings", &Nothing {}).await
}

/// How fast this computer encodes. Takes about a second.
pub async fn measure_speed() -> Result<Speed, Failure> {
    ask("measure_speed", &Nothing {}).await
}

/// What of this computer's a layer can show.
pub async fn list_captures() -> Result<Captures, Failure> {
    ask("list_captures", &Nothing {}).await
}

/// The media file that the person chooses, with its folders; none where they choose none.
pub async fn choose_media() -> Result<Option<String>, Failure> {
    ask("choose_media", &Nothing {}).await
}

/// Which of the studio's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// What is worked on.
    Preview,
    /// What viewers get.
    Program,
}

/// The newest picture as JPEG; empty where there was none for a second.
pub async fn next_picture(shown: Shown) -> Result<js_sys::ArrayBuffer, Failure> {
    let command = match shown {
        Shown::Preview => "next_preview",
        Shown::Program => "next_program",
    };
    let answer = invoke(command, &Nothing {}).await?;
    answer.dyn_into().map_err(|_| Failure::new(Code::Internal, "The preview is not a picture"))
}

/// Calls `on` for every event of the studio, for as long as the page lives.
pub async fn listen(on: impl Fn(StudioEvent) + 'static) -> Result<(), Failure> {
    let heard = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        let payload = js_sys::Reflect::get(&event, &"payload".into()).unwrap_or_default();
        match serde_wasm_bindgen::from_value(payload) {
            Ok(event) => on(event),
            Err(error) => leptos::logging::warn!("an event of the studio is not understood: {error}"),
        }
    });
    let heard = heard.into_js_value();
    listen_raw("studio", &heard).await.map_err(failure)?;
    Ok(())
}

async fn invoke<A: Serialize>(command: &str, args: &A) -> Result<JsValue, Failure> {
    let args = args
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    invoke_raw(command, args).await.map_err(failure)
}

async fn ask<A: Serialize, R: DeserializeOwned>(command: &str, args: &A) -> Result<R, Failure> {
    let answer = invoke(command, args).await?;
    serde_wasm_bindgen::from_value(answer).map_err(|error| Failure::new(Code::Internal, error.to_string()))
}

async fn tell<A: Serialize>(command: &str, args: &A) -> Result<(), Failure> {
    invoke(command, args).await.map(|_| ())
}

/// What the shell throws is a failure; what Tauri itself throws is a string.
fn failure(thrown: JsValue) -> Failure {
    let text = thrown.as_string().unwrap_or_else(|| "The studio did not answer".to_owned());
    serde_wasm_bindgen::from_value(thrown).unwrap_or_else(|_| Failure::new(Code::Internal, text))
}
