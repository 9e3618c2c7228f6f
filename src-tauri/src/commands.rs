//! What the window may ask for. Each command is one call into the desk.

use std::sync::Arc;

use footlight_protocol::destination::{Draft, Key};
use footlight_protocol::mixer::Mixer;
use footlight_protocol::record;
use footlight_protocol::scene::Scenes;
use footlight_protocol::studio::{Captures, Preferences, RoomAccess, Snapshot, Speed};
use footlight_protocol::{Code, DestinationId, Failure};
use tauri::ipc::{InvokeBody, Request, Response};
use tauri::{AppHandle, State, WebviewWindow};

use crate::app::{Again, Written};
use crate::chooser;
use crate::desk::Desk;
use crate::journal::Journal;
use crate::preview::{Preview, Program};
use crate::shape::Shape;

type Shared<'a> = State<'a, Arc<Desk>>;

#[tauri::command]
pub(crate) fn snapshot(desk: Shared<'_>) -> Snapshot {
    desk.studio.snapshot()
}

#[tauri::command]
pub(crate) async fn go_live(desk: Shared<'_>) -> Result<(), Failure> {
    desk.go_live().await
}

#[tauri::command]
pub(crate) async fn end_broadcast(desk: Shared<'_>) -> Result<(), Failure> {
    desk.studio.end().await;
    Ok(())
}

#[tauri::command]
pub(crate) fn pick_camera(id: String, desk: Shared<'_>) -> Result<(), Failure> {
    desk.pick_camera(id)
}

#[tauri::command]
pub(crate) fn pick_microphone(id: String, desk: Shared<'_>) -> Result<(), Failure> {
    desk.pick_microphone(id)
}

#[tauri::command]
pub(crate) fn set_muted(muted: bool, desk: Shared<'_>) {
    desk.studio.set_muted(muted);
}

#[tauri::command]
pub(crate) fn set_mixer(mixer: Mixer, desk: Shared<'_>) -> Result<(), Failure> {
    desk.studio.set_mixer(mixer)
}

#[tauri::command]
pub(crate) fn set_talking(talking: bool, desk: Shared<'_>) {
    desk.studio.set_talking(talking);
}

#[tauri::command]
pub(crate) fn set_scenes(scenes: Scenes, desk: Shared<'_>) -> Result<(), Failure> {
    desk.studio.set_scenes(scenes)
}

/// The picture's bytes are the whole request; its name in scenes is the answer.
#[tauri::command]
pub(crate) async fn keep_picture(request: Request<'_>, desk: Shared<'_>) -> Result<String, Failure> {
    let InvokeBody::Raw(bytes) = request.body() else {
        return Err(Failure::new(Code::Malformed, "A picture is sent as bytes"));
    };
    let (desk, bytes) = (desk.inner().clone(), bytes.clone());
    let kept = tauri::async_runtime::spawn_blocking(move || desk.studio.keep_picture(&bytes)).await;
    kept.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "The picture cannot be read")))
}

/// The screens and windows that a layer can show.
#[tauri::command]
pub(crate) async fn list_captures() -> Result<Captures, Failure> {
    let listed = tauri::async_runtime::spawn_blocking(footlight_studio::captures).await;
    listed.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "The screens cannot be listed")))
}

/// Has the person choose a media file, and gives it with its folders; nothing where they choose none.
#[tauri::command]
pub(crate) async fn choose_media(app: AppHandle) -> Result<Option<String>, Failure> {
    chooser::media(&app).await
}

#[tauri::command]
pub(crate) async fn start_recording(desk: Shared<'_>) -> Result<(), Failure> {
    desk.studio.start_recording().await
}

#[tauri::command]
pub(crate) async fn stop_recording(desk: Shared<'_>) -> Result<(), Failure> {
    desk.studio.stop_recording().await;
    Ok(())
}

#[tauri::command]
pub(crate) async fn save_replay(desk: Shared<'_>) -> Result<(), Failure> {
    desk.studio.save_replay().await
}

#[tauri::command]
pub(crate) async fn set_record_settings(settings: record::Settings, desk: Shared<'_>) -> Result<(), Failure> {
    desk.set_record_settings(settings).await;
    Ok(())
}

/// Has the person choose a folder for recordings; nothing where they choose none.
#[tauri::command]
pub(crate) async fn choose_folder(app: AppHandle) -> Result<Option<String>, Failure> {
    chooser::folder(&app).await
}

/// Opens the folder of recordings in the system's own window for files.
#[tauri::command]
pub(crate) fn show_recordings(desk: Shared<'_>) -> Result<(), Failure> {
    let recorder = desk.studio.snapshot().recorder;
    chooser::show(recorder.folder.as_ref(), recorder.saved.map(|saved| saved.name).as_deref())
}

#[tauri::command]
pub(crate) async fn measure_speed(desk: Shared<'_>) -> Result<Speed, Failure> {
    let desk = desk.inner().clone();
    let measured = tauri::async_runtime::spawn_blocking(move || desk.studio.measure_speed()).await;
    measured.unwrap_or_else(|_| Err(Failure::new(Code::Internal, "The encoder failed")))
}

#[tauri::command]
pub(crate) async fn room_access(desk: Shared<'_>) -> Result<RoomAccess, Failure> {
    desk.room_access().await
}

#[tauri::command]
pub(crate) async fn set_sharing(shared: bool, desk: Shared<'_>) -> Result<RoomAccess, Failure> {
    desk.set_sharing(shared).await
}

#[tauri::command]
pub(crate) async fn set_internet(internet: bool, desk: Shared<'_>) -> Result<RoomAccess, Failure> {
    desk.set_internet(internet).await
}

/// The key is the only thing that goes this way and never comes back.
#[tauri::command]
pub(crate) async fn put_destination(draft: Draft, key: Option<Key>, desk: Shared<'_>) -> Result<(), Failure> {
    desk.put_destination(draft, key).await
}

#[tauri::command]
pub(crate) async fn enable_destination(
    id: DestinationId,
    enabled: bool,
    desk: Shared<'_>,
) -> Result<(), Failure> {
    desk.enable_destination(id, enabled).await
}

#[tauri::command]
pub(crate) async fn remove_destination(id: DestinationId, desk: Shared<'_>) -> Result<(), Failure> {
    desk.remove_destination(id).await
}

#[tauri::command]
pub(crate) fn retry_destination(id: DestinationId, desk: Shared<'_>) {
    desk.studio.retry(&id);
}

#[tauri::command]
pub(crate) fn preferences(desk: Shared<'_>) -> Preferences {
    desk.preferences()
}

#[tauri::command]
pub(crate) fn set_preferences(
    preferences: Preferences,
    desk: Shared<'_>,
    window: WebviewWindow,
    shape: State<'_, Shape>,
) -> Result<(), Failure> {
    let before = desk.preferences();
    desk.set_preferences(&preferences);
    shape.change(&window, &before, &desk.preferences()).map_err(|error| {
        tracing::warn!("the window stays as it is: {error}");
        Failure::new(Code::Internal, "The system does not let the window change")
    })
}

/// Whether the studio was started without what may have brought it down.
#[tauri::command]
pub(crate) fn safe_mode(desk: Shared<'_>) -> bool {
    desk.is_safe()
}

/// Closes the studio and starts it once more, as usual.
#[tauri::command]
pub(crate) fn start_normally(again: State<'_, Again>, app: AppHandle) {
    again.wish();
    app.exit(0);
}

/// Writes the file of diagnostics and gives its path.
#[tauri::command]
pub(crate) async fn export_diagnostics(
    desk: Shared<'_>,
    journal: State<'_, Journal>,
    written: State<'_, Written>,
) -> Result<String, Failure> {
    let (desk, journal) = (desk.inner().clone(), journal.inner().clone());
    let webview = tauri::webview_version().ok();
    let made = tauri::async_runtime::spawn_blocking(move || {
        desk.export_diagnostics(&journal.lines(), webview).inspect_err(|error| tracing::error!("{error:#}"))
    });
    let failed = || Failure::new(Code::Internal, "The diagnostics cannot be written");
    let path = made.await.ok().and_then(Result::ok).ok_or_else(failed)?;
    let shown = path.display().to_string();
    written.set(path);
    Ok(shown)
}

/// Shows the folder of the file that was written last.
#[tauri::command]
pub(crate) async fn show_diagnostics(written: State<'_, Written>) -> Result<(), Failure> {
    let missing = || Failure::new(Code::FileUnreadable, "The folder cannot be opened");
    let path = written.get().ok_or_else(missing)?;
    let name = path.file_name().map(|name| name.to_string_lossy());
    chooser::show(path.parent().ok_or_else(missing)?, name.as_deref())
}

#[tauri::command]
pub(crate) async fn next_preview(preview: State<'_, Preview>) -> Result<Response, Failure> {
    Ok(Response::new(preview.next().await))
}

#[tauri::command]
pub(crate) async fn next_program(program: State<'_, Program>) -> Result<Response, Failure> {
    Ok(Response::new(program.0.next().await))
}
