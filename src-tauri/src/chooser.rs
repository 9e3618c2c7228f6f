//! The system's dialogs that a person chooses a media file or a folder in, and its window for files. The page itself
//! opens neither.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use footlight_protocol::{Code, Failure};
use rfd::{AsyncFileDialog, FileHandle};
use tauri::AppHandle;
use tokio::sync::oneshot;

/// What the studio can play, by the ends of names.
const ENDINGS: [&str; 4] = ["mp4", "m4v", "mov", "y4m"];

/// Has a media file chosen, and waits until the dialog is closed.
pub(crate) async fn media(app: &AppHandle) -> Result<Option<String>, Failure> {
    choose(app, || AsyncFileDialog::new().add_filter("", &ENDINGS).pick_file()).await
}

/// The same for a folder.
pub(crate) async fn folder(app: &AppHandle) -> Result<Option<String>, Failure> {
    choose(app, || AsyncFileDialog::new().pick_folder()).await
}

async fn choose<F>(
    app: &AppHandle,
    dialog: impl FnOnce() -> F + Send + 'static,
) -> Result<Option<String>, Failure>
where
    F: Future<Output = Option<FileHandle>> + Send + 'static,
{
    let failed = || Failure::new(Code::Internal, "The dialog for files cannot be opened");
    let (tell, told) = oneshot::channel();
    // Toolkits want their dialogs to be made by the thread of the windows.
    app.run_on_main_thread(move || {
        let chosen = dialog();
        tauri::async_runtime::spawn(async move {
            // Nobody waits any more when the page was loaded anew.
            let _ = tell.send(chosen.await);
        });
    })
    .map_err(|_| failed())?;
    let Some(file) = told.await.map_err(|_| failed())? else { return Ok(None) };
    let unreadable = || Failure::new(Code::FileUnreadable, "The name of this file cannot be written down");
    file.path().to_str().map(|path| Some(path.to_owned())).ok_or_else(unreadable)
}

/// Opens the window for files at the folder, with the file picked out where the system can.
pub(crate) fn show(folder: &Path, file: Option<&str>) -> Result<(), Failure> {
    let missing = || Failure::new(Code::FileUnreadable, "The folder cannot be opened");
    let file = file.map(|name| folder.join(name)).filter(|path| path.is_file());
    // Before the first recording it is not there.
    std::fs::create_dir_all(folder).map_err(|_| missing())?;
    let mut child =
        opener(folder, file).stdin(Stdio::null()).stdout(Stdio::null()).spawn().map_err(|error| {
            tracing::warn!(%error, "open a folder");
            missing()
        })?;
    // Ends at once, or with the window that it opened.
    std::thread::spawn(move || child.wait());
    Ok(())
}

#[cfg(target_os = "linux")]
fn opener(folder: &Path, _: Option<PathBuf>) -> Command {
    let mut command = Command::new("xdg-open");
    command.arg(folder);
    command
}

#[cfg(target_os = "macos")]
fn opener(folder: &Path, file: Option<PathBuf>) -> Command {
    let mut command = Command::new("open");
    match file {
        Some(file) => command.arg("-R").arg(file),
        None => command.arg(folder),
    };
    command
}

#[cfg(windows)]
fn opener(folder: &Path, file: Option<PathBuf>) -> Command {
    use std::os::windows::process::CommandExt as _;
    let mut command = Command::new("explorer");
    match file {
        // Its own way to quote: the comma is no part of the path.
        Some(file) => command.raw_arg(format!("/select,\"{}\"", file.display())),
        None => command.arg(folder),
    };
    command
}
