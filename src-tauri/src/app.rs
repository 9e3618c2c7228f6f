//! The window: builder, managed state, events to the page, ordered shutdown.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tauri::{AppHandle, Emitter, Manager, RunEvent, WebviewUrl, WebviewWindowBuilder};
use tokio::runtime::Runtime;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::commands;
use crate::desk::Desk;
use crate::flags::Flags;
use crate::journal::Journal;
use crate::preview::{Preview, Program};
use crate::report::Report;
use crate::safe::{self, Marker};
use crate::settings::Settings;
use crate::shape::Shape;

/// The event that carries the studio's events to the page.
const STUDIO_EVENT: &str = "studio";
/// How long closing may take before the process ends all the same.
const CLOSE_BUDGET: Duration = Duration::from_secs(5);

/// Whether the studio is to be started once more when it has closed.
#[derive(Debug, Default)]
pub(crate) struct Again(AtomicBool);

impl Again {
    pub(crate) fn wish(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_wished(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The file of diagnostics that was written last: the only one whose folder the page can have shown.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<Option<PathBuf>>);

impl Written {
    pub(crate) fn set(&self, path: PathBuf) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    }

    pub(crate) fn get(&self) -> Option<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Opens the window and runs until it is closed.
pub(crate) fn run(flags: Flags, mut settings: Settings, runtime: Runtime, journal: Journal) -> Result<()> {
    if !has_display() {
        bail!(
            "there is no display to open a window on (DISPLAY and WAYLAND_DISPLAY are not set); use --headless"
        );
    }
    tauri::async_runtime::set(runtime.handle().clone());
    let (marker, crashed) = Marker::begin(&settings.data);
    if crashed && !settings.safe {
        tracing::warn!("the last two runs did not end in order: this one is in safe mode");
        settings.make_safe();
    }
    let report = flags.json.then(|| Report::new(true));
    let desk = Arc::new(runtime.block_on(Desk::open(settings, flags.to))?);
    if let (Some(report), Some(ready)) = (report, runtime.block_on(desk.ready())) {
        report.ready(&ready);
    }
    let (stop, preferences) = (CancellationToken::new(), desk.preferences());
    let app = tauri::Builder::default()
        .manage(desk.clone())
        .manage(journal)
        .manage(Shape::default())
        .manage(Again::default())
        .manage(Written::default())
        .manage(Preview::new(desk.studio.preview()))
        .manage(Program(Preview::new(desk.studio.program())))
        .invoke_handler(tauri::generate_handler![
            commands::snapshot,
            commands::go_live,
            commands::end_broadcast,
            commands::pick_camera,
            commands::pick_microphone,
            commands::set_muted,
            commands::set_mixer,
            commands::set_talking,
            commands::set_scenes,
            commands::keep_picture,
            commands::measure_speed,
            commands::start_recording,
            commands::stop_recording,
            commands::save_replay,
            commands::set_record_settings,
            commands::choose_folder,
            commands::show_recordings,
            commands::list_captures,
            commands::choose_media,
            commands::room_access,
            commands::set_sharing,
            commands::set_internet,
            commands::put_destination,
            commands::enable_destination,
            commands::remove_destination,
            commands::retry_destination,
            commands::preferences,
            commands::set_preferences,
            commands::safe_mode,
            commands::start_normally,
            commands::export_diagnostics,
            commands::show_diagnostics,
            commands::next_preview,
            commands::next_program,
        ])
        .setup(move |app| {
            let (size, least) = Shape::first(&preferences);
            WebviewWindowBuilder::new(app, "studio", WebviewUrl::default())
                .title("Footlight")
                .inner_size(size.width, size.height)
                .min_inner_size(least.width, least.height)
                .always_on_top(preferences.on_top)
                .build()?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("open the window")?;
    let forwarder = runtime.spawn(forward(app.handle().clone(), desk.clone(), report, stop.clone()));
    let signals = runtime.spawn(quit_on_signal(app.handle().clone(), stop.clone()));
    if flags.record {
        let begun = runtime.block_on(desk.studio.start_recording());
        begun.map_err(|failure| anyhow::anyhow!("record: {failure}"))?;
    }
    if flags.live {
        runtime.block_on(desk.go_live()).map_err(|failure| anyhow::anyhow!("go live: {failure}"))?;
    }
    let mut closing = Some((runtime, desk, stop, forwarder, signals));
    app.run(move |app, event| {
        if let RunEvent::Exit = event
            && let Some((runtime, desk, stop, forwarder, signals)) = closing.take()
        {
            stop.cancel();
            let was_live = desk.studio.snapshot().phase.on_air();
            runtime.block_on(async {
                let closed = tokio::time::timeout(CLOSE_BUDGET, async {
                    desk.close().await;
                    for task in [forwarder, signals] {
                        if let Err(error) = task.await {
                            tracing::error!("a task of the window failed: {error}");
                        }
                    }
                });
                if closed.await.is_err() {
                    tracing::warn!("something still ran after {CLOSE_BUDGET:?}; ending it");
                }
            });
            if let (Some(report), true) = (report, was_live) {
                report.ended();
            }
            runtime.shutdown_background();
            marker.end();
            if app.state::<Again>().is_wished()
                && let Err(error) = safe::start_again()
            {
                tracing::error!("{error:#}");
            }
        }
    });
    Ok(())
}

/// Sends every event of the studio to the page, and to the script that watches, if any.
async fn forward(app: AppHandle, desk: Arc<Desk>, report: Option<Report>, stop: CancellationToken) {
    let mut events = desk.events();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            event = events.recv() => match event {
                Ok(event) => {
                    if let Err(error) = app.emit(STUDIO_EVENT, &event) {
                        tracing::warn!("the window missed an event: {error}");
                    }
                    if let Some(report) = report {
                        report.event(&desk, event).await;
                    }
                }
                Err(RecvError::Lagged(missed)) => tracing::warn!("the window missed {missed} events"),
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// SIGINT and SIGTERM close the window as a click would.
async fn quit_on_signal(app: AppHandle, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = crate::headless::stop_signal() => app.exit(0),
    }
}

fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
