//! The same broadcast without a window: events on standard output, signals to stop.

use anyhow::{Result, bail};
use footlight_protocol::{Code, Failure};
use tokio::sync::broadcast::error::RecvError;

use crate::desk::Desk;
use crate::flags::Flags;
use crate::report::Report;
use crate::settings::Settings;

/// Runs until SIGINT or SIGTERM, then shuts down in order.
pub(crate) async fn run(flags: Flags, settings: Settings) -> Result<()> {
    let report = Report::new(flags.json);
    let mut stop = std::pin::pin!(stop_signal());
    // A signal during the start ends it too, and leaves nothing behind that has to be closed in order.
    let desk = tokio::select! {
        desk = Desk::open(settings, flags.to) => desk?,
        () = &mut stop => return Ok(()),
    };
    if let Some(ready) = desk.ready().await {
        report.ready(&ready);
    }
    // There is no key to hold here.
    desk.studio.set_talking(true);
    // Subscribed before Go Live, so that no event falls between.
    let mut events = desk.events();
    let begun = desk.studio.snapshot();
    for state in [begun.camera_state, begun.microphone_state, begun.desktop_state] {
        report.loss(&state);
    }
    if flags.record
        && let Err(failure) = desk.studio.start_recording().await
    {
        report.error(&failure);
    }
    if flags.live
        && let Err(failure) = desk.go_live().await
    {
        report.error(&failure);
    }
    let mut relay_lost = false;
    while !relay_lost {
        tokio::select! {
            () = &mut stop => break,
            event = events.recv() => match event {
                Ok(event) => report.event(&desk, event).await,
                // Only told later than they happened: the snapshot is right all the same.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
        }
        relay_lost = desk.relay_is_lost().await;
    }
    let was_live = desk.studio.snapshot().phase.on_air();
    desk.take_down().await;
    if was_live {
        report.ended();
    }
    if relay_lost {
        report.error(&Failure::new(Code::Internal, "The relay stopped; see the log"));
        bail!("the bundled relay stopped by itself");
    }
    Ok(())
}

/// Waits for a signal that ends the program in order: SIGINT or SIGTERM. Each counts from the first poll on.
pub(crate) async fn stop_signal() {
    let interrupt = async {
        // No console to listen to is no reason to stop.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    () = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => interrupt.await,
        }
    }
    #[cfg(not(unix))]
    interrupt.await;
}
