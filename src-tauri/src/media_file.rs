//! The system's dialog that a person chooses a media file in: the page itself is never told where files are.

use footlight_protocol::{Code, Failure};
use rfd::AsyncFileDialog;
use tauri::AppHandle;
use tokio::sync::oneshot;

/// What the studio can play, by the ends of names.
const ENDINGS: [&str; 4] = ["mp4", "m4v", "mov", "y4m"];

/// Waits until the dialog is closed.
pub(crate) async fn choose(app: &AppHandle) -> Result<Option<String>, Failure> {
    let failed = || Failure::new(Code::Internal, "The dialog for files cannot be opened");
    let (tell, told) = oneshot::channel();
    // Toolkits want their dialogs to be made by the thread of the windows.
    app.run_on_main_thread(move || {
        let chosen = AsyncFileDialog::new().add_filter("", &ENDINGS).pick_file();
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
