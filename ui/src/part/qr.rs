//! A link as a QR code, one SVG path.

use std::fmt::Write;

use fast_qr::{ECL, QRBuilder};
use leptos::prelude::*;

use crate::words::use_words;

/// Light modules around the code, so that a camera finds it (ISO/IEC 18004 section 6.3.8).
const QUIET: usize = 4;

#[component]
pub fn Qr(link: Signal<String>) -> impl IntoView {
    let words = use_words();
    move || {
        let (side, path) = link.with(|link| outline(link))?;
        Some(view! {
            <svg
                id="qr"
                class="qr"
                viewBox=format!("0 0 {side} {side}")
                role="img"
                aria-label=words.say("share.qr")
                shape-rendering="crispEdges"
            >
                <rect class="qr-light" width=side.to_string() height=side.to_string() rx="2" />
                <path class="qr-dark" d=path />
            </svg>
        })
    }
}

/// Side length in modules and the outline of the dark ones; none for a link too long for any code.
fn outline(link: &str) -> Option<(usize, String)> {
    let code = QRBuilder::new(link).ecl(ECL::M).build().ok()?;
    let mut path = String::new();
    for row in 0..code.size {
        let mut column = 0;
        while column < code.size {
            let run = (column..code.size).take_while(|at| code[row][*at].value()).count();
            if run > 0 {
                // Infallible: it writes into a string.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", column + QUIET, row + QUIET);
            }
            column += run.max(1);
        }
    }
    Some((code.size + 2 * QUIET, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_modules_with_a_quiet_border() {
        let (side, path) = outline("http://192.168.1.20:7000/main").unwrap();
        // Version 2 or 3: 25 or 29 modules.
        assert!([25 + 8, 29 + 8].contains(&side), "{side}");
        // The top edge of a finder pattern is seven dark modules.
        assert!(path.starts_with("M4 4h7v1h-7z"), "{path}");
        assert!(outline(&"x".repeat(5_000)).is_none());
    }
}
