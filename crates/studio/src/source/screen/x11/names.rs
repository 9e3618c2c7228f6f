//! Which windows there are for people, and what they are called (Extended Window Manager Hints 1.5, ICCCM section 4.1.2).

use x11rb::errors::ReplyError;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, Window};
use x11rb::rust_connection::RustConnection;

use footlight_protocol::scene::MAX_TITLE;

x11rb::atom_manager! {
    pub(super) Names: NamesCookie {
        _NET_CLIENT_LIST_STACKING,
        _NET_CLIENT_LIST,
        _NET_WM_NAME,
        _NET_WM_PID,
        UTF8_STRING,
    }
}

/// Windows that are looked at, at most, and four-byte units of a name.
const MOST: u32 = 512;

impl Names {
    /// Those that the window manager keeps, or where there is none all that lie on the root; the front first.
    pub(super) fn tops(&self, to: &RustConnection, root: Window) -> Result<Vec<Window>, ReplyError> {
        for list in [self._NET_CLIENT_LIST_STACKING, self._NET_CLIENT_LIST] {
            let list = to.get_property(false, root, list, AtomEnum::WINDOW, 0, MOST)?.reply()?;
            let mut tops: Vec<Window> = list.value32().into_iter().flatten().collect();
            if !tops.is_empty() {
                tops.reverse();
                return Ok(tops);
            }
        }
        let mut tops = to.query_tree(root)?.reply()?.children;
        tops.reverse();
        tops.truncate(MOST as usize);
        Ok(tops)
    }

    /// App and title; `None` for our own windows, and for one that has no title or is gone.
    pub(super) fn of(
        &self,
        to: &RustConnection,
        window: Window,
    ) -> Result<Option<(String, String)>, ReplyError> {
        let ask = |what: Atom, kind: Atom| to.get_property(false, window, what, kind, 0, MOST);
        let new = ask(self._NET_WM_NAME, self.UTF8_STRING)?;
        let old = ask(AtomEnum::WM_NAME.into(), AtomEnum::ANY.into())?;
        let class = ask(AtomEnum::WM_CLASS.into(), AtomEnum::STRING.into())?;
        let pid = ask(self._NET_WM_PID, AtomEnum::CARDINAL.into())?;
        let (Ok(new), Ok(old), Ok(class), Ok(pid)) = (new.reply(), old.reply(), class.reply(), pid.reply())
        else {
            return Ok(None);
        };
        if pid.value32().and_then(|mut pid| pid.next()) == Some(std::process::id()) {
            return Ok(None);
        }
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0')
                .chars()
                .take(MAX_TITLE)
                .collect()
        };
        let title: String = text(if new.value.is_empty() { &old.value } else { &new.value });
        // Two strings, each with a zero behind it: what it is started as, and what it is.
        let app: String = text(class.value.split(|byte| *byte == 0).nth(1).unwrap_or_default());
        Ok((!title.is_empty()).then_some((app, title)))
    }
}
