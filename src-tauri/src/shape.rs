//! How the window stands among others: roomy or small, and whether it stays in front.

use std::sync::Mutex;

use footlight_protocol::studio::Preferences;
use tauri::{LogicalSize, Result, Runtime, WebviewWindow};

/// Logical pixels.
type Size = LogicalSize<f64>;

const ROOMY: Size = Size { width: 1280.0, height: 800.0 };
const ROOMY_LEAST: Size = Size { width: 960.0, height: 600.0 };
/// As wide as a chat is read well, as high as a phone.
const SMALL: Size = Size { width: 400.0, height: 700.0 };
const SMALL_LEAST: Size = Size { width: 340.0, height: 440.0 };

/// How large the window was before it was made small.
#[derive(Debug)]
pub(crate) struct Shape {
    roomy: Mutex<Size>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { roomy: Mutex::new(ROOMY) }
    }
}

impl Shape {
    /// The size of a window that is opened, and the least that it may have.
    pub(crate) fn first(preferences: &Preferences) -> (Size, Size) {
        if preferences.compact { (SMALL, SMALL_LEAST) } else { (ROOMY, ROOMY_LEAST) }
    }

    /// Makes the window as the creator wants it now.
    pub(crate) fn change<R: Runtime>(
        &self,
        window: &WebviewWindow<R>,
        before: &Preferences,
        after: &Preferences,
    ) -> Result<()> {
        if before.on_top != after.on_top {
            window.set_always_on_top(after.on_top)?;
        }
        if before.compact == after.compact {
            return Ok(());
        }
        let mut roomy = self.roomy.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if after.compact {
            *roomy = window.inner_size()?.to_logical(window.scale_factor()?);
            // A window over the whole screen keeps its size whatever it is told.
            window.unmaximize()?;
            window.set_min_size(Some(SMALL_LEAST))?;
            window.set_size(SMALL)
        } else {
            window.set_size(*roomy)?;
            window.set_min_size(Some(ROOMY_LEAST))
        }
    }
}
