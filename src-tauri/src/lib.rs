//! The shell around the studio and the bundled relay: flags, window, settings, start and stop.
//!
//! There is no media logic and no HTTP here. [`desk::Desk`] is the whole running application, the same with
//! and without a window: [`headless`] prints its events, [`app`] shows them.

mod app;
mod chooser;
mod commands;
mod desk;
mod destinations;
mod diagnostics;
mod flags;
mod headless;
mod journal;
mod local_relay;
mod preview;
mod report;
mod room_ear;
mod safe;
mod secrets;
mod settings;
mod shape;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use flags::Flags;
use journal::Journal;
use settings::Settings;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Exit status for what the caller got wrong: a flag, a file, a port.
const BAD_INPUT: u8 = 2;

/// Runs the program to its end.
pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == local_relay::MAKER) {
        return footlight_renditions::main();
    }
    let flags = Flags::parse();
    let journal = Journal::default();
    let filter = EnvFilter::try_from_env("FOOTLIGHT_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().with_writer(std::io::stderr))
        .with(fmt::layer().with_ansi(false).with_writer(journal.clone()))
        .init();
    match start(flags, journal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever the causes hold.
            eprintln!("footlight: {}", format!("{error:#}").replace('\n', " "));
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// What is logged unless FOOTLIGHT_LOG says otherwise: ours in full, the libraries' warnings.
const LOG: &str =
    "warn,footlight=info,footlight_studio=info,footlight_relay=info,str0m=error,rtc=error,webrtc=error";

fn start(flags: Flags, journal: Journal) -> anyhow::Result<()> {
    if flags.list_devices {
        report::devices(flags.json);
        return Ok(());
    }
    let settings = Settings::load(&flags)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("footlight")
        .build()
        .context("start the runtime")?;
    if flags.headless {
        runtime.block_on(headless::run(flags, settings))
    } else {
        app::run(flags, settings, runtime, journal)
    }
}
