//! The X server's screens and windows.
//!
//! The server writes pictures into memory that it shares with us (MIT-SHM 1.2, by a file descriptor), tells when something
//! was drawn (DAMAGE), and keeps a window's picture whole that others lie over (Composite). Each of them may be missing:
//! then pictures come through the socket, are made all the time, or show what lies over the window.

mod grab;
mod names;

use std::time::{Duration, Instant};

use footlight_media::{Frame, PicturePool};
use footlight_protocol::Failure;
use footlight_protocol::studio::{Captures, ScreenChoice, SourceState, WindowChoice};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::ReplyError;
use x11rb::protocol::composite::{self, ConnectionExt as _, Redirect};
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, MapState, Window};
use x11rb::protocol::{Event, shm};
use x11rb::rust_connection::RustConnection;

use self::grab::{Grabber, Pointer};
use self::names::Names;
use super::{Target, closed, hidden, is_meant, know, missing, unseen};
use crate::Clock;
use crate::source::{Feed, convert};
use crate::worker::Stop;

const NO_SERVER: &str =
    "There is no X server; a Wayland session does not let screens be seen by this app yet";

/// The way to the server, and what it can do.
struct Server {
    to: RustConnection,
    root: Window,
    names: Names,
    shares: bool,
    tells: bool,
    keeps: bool,
    monitors: bool,
    cursor: bool,
}

impl Server {
    fn reach() -> Result<Self, Failure> {
        let (to, screen) = x11rb::connect(None).map_err(|_| unseen(NO_SERVER))?;
        Self::greet(to, screen).map_err(|error| {
            tracing::debug!(%error, "greet the X server");
            unseen("The X server does not answer as it should")
        })
    }

    fn greet(to: RustConnection, screen: usize) -> Result<Self, ReplyError> {
        let root = to.setup().roots.get(screen).map_or(0, |screen| screen.root);
        let has = |name| Ok::<bool, ReplyError>(to.extension_information(name)?.is_some());
        // Each wants to be told the version before anything else.
        let shares = has(shm::X11_EXTENSION_NAME)? && grab::shares(&to);
        let cursor = has(xfixes::X11_EXTENSION_NAME)? && to.xfixes_query_version(5, 0)?.reply().is_ok();
        let tells =
            cursor && has(damage::X11_EXTENSION_NAME)? && to.damage_query_version(1, 1)?.reply().is_ok();
        let keeps = has(composite::X11_EXTENSION_NAME)? && to.composite_query_version(0, 4)?.reply().is_ok();
        let monitors = has(randr::X11_EXTENSION_NAME)?
            && to
                .randr_query_version(1, 5)?
                .reply()
                .is_ok_and(|is| (is.major_version, is.minor_version) >= (1, 5));
        let names = Names::new(&to)?.reply()?;
        Ok(Self { to, root, names, shares, tells, keeps, monitors, cursor })
    }

    fn screens(&self) -> Result<Vec<(String, View)>, ReplyError> {
        if !self.monitors {
            let size = self.to.get_geometry(self.root)?.reply()?;
            return Ok(vec![("screen".to_owned(), View::of(self.root, 0, 0, size.width, size.height))]);
        }
        let monitors = self.to.randr_get_monitors(self.root, true)?.reply()?.monitors;
        let named = monitors.into_iter().map(|one| {
            let name = self.to.get_atom_name(one.name)?.reply()?.name;
            let view = View::of(self.root, one.x, one.y, one.width, one.height);
            Ok((String::from_utf8_lossy(&name).into_owned(), view))
        });
        named.collect()
    }

    /// Windows that somebody would know by sight, the front first; all of them, or those that are to be seen now.
    fn windows(&self, all: bool) -> Result<Vec<WindowChoice>, ReplyError> {
        let mut found = Vec::new();
        for id in self.names.tops(&self.to, self.root)? {
            // Any may be closed while we look.
            let Ok(attributes) = self.to.get_window_attributes(id)?.reply() else { continue };
            if !all && attributes.map_state != MapState::VIEWABLE {
                continue;
            }
            let named = self.names.of(&self.to, id)?;
            found.extend(named.map(|(app, title)| WindowChoice { id, app, title }));
        }
        Ok(found)
    }

    /// Where the window is that is meant.
    fn find(&self, target: &Target) -> Result<Option<Window>, ReplyError> {
        let Target::Window(pane) = target else { return Ok(Some(self.root)) };
        let meant = |one: &&WindowChoice| is_meant(pane, one.id, &one.app, &one.title);
        let windows = self.windows(true)?;
        // Of several that are called alike, the one that was picked.
        let picked = windows.iter().filter(meant).find(|one| one.id == pane.id);
        let found = picked.or_else(|| windows.iter().find(meant)).map(|one| one.id);
        found.into_iter().for_each(know);
        Ok(found)
    }

    /// What is to be seen of it now; `None` where that is nothing.
    fn view(&self, target: &Target, window: Window) -> Result<Option<View>, Failure> {
        let view = match target {
            Target::Screen(id) => {
                let screens = self.screens().map_err(|_| missing())?;
                let found = screens.into_iter().find(|(name, _)| name == id);
                Some(found.ok_or_else(missing)?.1)
            }
            Target::Window(_) => self.window_view(window).map_err(|_| closed())?,
        };
        Ok(view.filter(|view| view.width >= 2 && view.height >= 2))
    }

    fn window_view(&self, window: Window) -> Result<Option<View>, ReplyError> {
        let state = self.to.get_window_attributes(window)?.reply()?.map_state;
        if state != MapState::VIEWABLE {
            return Ok(None);
        }
        let size = self.to.get_geometry(window)?.reply()?;
        if !self.keeps {
            return Ok(Some(View::of(window, 0, 0, size.width, size.height)));
        }
        let pixmap = self.to.generate_id().map_err(|_| ReplyError::ConnectionError(UNKNOWN))?;
        // It ends with the picture that it is of, when the window is sized or closed.
        self.to.composite_name_window_pixmap(window, pixmap)?.check()?;
        let border = size.border_width as i16;
        Ok(Some(View { named: true, ..View::of(pixmap, border, border, size.width, size.height) }))
    }
}

const UNKNOWN: x11rb::errors::ConnectionError = x11rb::errors::ConnectionError::UnknownError;

/// A part of what the server can be asked for the pixels of.
#[derive(Debug, Clone, Copy, PartialEq)]
struct View {
    drawable: u32,
    x: i16,
    y: i16,
    width: u16,
    height: u16,
    /// A name of ours for a window's picture, to be given back.
    named: bool,
}

impl View {
    fn of(drawable: u32, x: i16, y: i16, width: u16, height: u16) -> Self {
        Self { drawable, x, y, width, height, named: false }
    }
}

pub(super) fn list() -> Result<Captures, Failure> {
    let server = Server::reach()?;
    let read = || {
        let screens = server.screens()?.into_iter().map(|(id, view)| {
            let (width, height) = (view.width.into(), view.height.into());
            ScreenChoice { id, width, height }
        });
        Ok::<_, ReplyError>(Captures { screens: screens.collect(), windows: server.windows(false)? })
    };
    read().map_err(|error| {
        tracing::debug!(%error, "list screens and windows");
        unseen("The X server does not answer as it should")
    })
}

/// Makes pictures of it until it is gone or to stop.
pub(super) fn watch(
    target: &Target,
    feed: &Feed,
    clock: Clock,
    interval: Duration,
    stop: &Stop,
) -> Result<(), Failure> {
    let server = Server::reach()?;
    let gone = || if matches!(target, Target::Window(_)) { closed() } else { missing() };
    let window = server.find(target).map_err(|_| gone())?.ok_or_else(gone)?;
    let mut eye = Eye::open(&server, target, window).map_err(|_| gone())?;
    let mut pool = PicturePool::new(0, 0);
    let mut due = Instant::now();
    while !stop.is_set() {
        eye.hear().map_err(|_| gone())?;
        if eye.ended {
            return Err(closed());
        }
        if eye.failed > PATIENCE {
            return Err(unseen("The X server does not give its pixels"));
        }
        if eye.moved {
            eye.look(&server.view(target, window)?);
        }
        if eye.view.is_none() {
            feed.state(SourceState::Lost { failure: hidden() });
        } else if !feed.is_seen() {
            if !feed.pass() {
                return Ok(());
            }
        } else if let Some((raw, width, height)) = eye.see() {
            let captured = clock.now();
            if (pool.width(), pool.height()) != (width & !1, height & !1) {
                pool = PicturePool::new(width, height);
            }
            let mut picture = pool.take();
            match convert::bgra(raw, width * 4, &mut picture) {
                Ok(()) if !feed.frame(Frame { captured, picture: picture.into() }) => return Ok(()),
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, "a picture of the screen"),
            }
        }
        // A large screen on a slow machine is seen less often, and never one look after the other without a pause.
        due = (due + interval).max(Instant::now() + interval / 4);
        stop.wait(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// Looks at one thing.
struct Eye<'a> {
    server: &'a Server,
    window: Window,
    /// A window's own, of which the root has none.
    is_window: bool,
    damage: Option<damage::Damage>,
    grabber: Grabber,
    view: Option<View>,
    /// Something was drawn; it is elsewhere, of another size, shown or hidden; it is no more.
    drawn: bool,
    moved: bool,
    ended: bool,
    pointer: Option<Pointer>,
    /// Looks one after the other that came to nothing.
    failed: u32,
}

/// More of these, and it is said: a second.
const PATIENCE: u32 = 30;

impl<'a> Eye<'a> {
    fn open(server: &'a Server, target: &Target, window: Window) -> Result<Self, ReplyError> {
        let is_window = matches!(target, Target::Window(_));
        let to = &server.to;
        let hears = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        to.change_window_attributes(window, &hears)?.check()?;
        if is_window && server.keeps {
            to.composite_redirect_window(window, Redirect::AUTOMATIC)?.check()?;
        }
        if !is_window && server.monitors {
            to.randr_select_input(window, randr::NotifyMask::SCREEN_CHANGE | randr::NotifyMask::CRTC_CHANGE)?;
        }
        let damage = match server.tells {
            true => {
                let damage = to.generate_id().map_err(|_| ReplyError::ConnectionError(UNKNOWN))?;
                to.damage_create(damage, window, ReportLevel::NON_EMPTY)?.check()?;
                Some(damage)
            }
            false => None,
        };
        let grabber = Grabber::new(server.shares);
        let (drawn, moved, ended) = (true, true, false);
        let (view, pointer, failed) = (None, None, 0);
        Ok(Self { server, window, is_window, damage, grabber, view, drawn, moved, ended, pointer, failed })
    }

    /// What the server has said since the last time.
    fn hear(&mut self) -> Result<(), ReplyError> {
        while let Some(event) = self.server.to.poll_for_event()? {
            match event {
                Event::DamageNotify(_) => self.drawn = true,
                Event::DestroyNotify(event) if event.window == self.window => self.ended = true,
                Event::ConfigureNotify(event) if event.window == self.window => self.moved = true,
                Event::MapNotify(event) if event.window == self.window => self.moved = true,
                Event::UnmapNotify(event) if event.window == self.window => self.moved = true,
                Event::RandrScreenChangeNotify(_) | Event::RandrNotify(_) => self.moved = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn look(&mut self, view: &Option<View>) {
        if let Some(old) = self.view.filter(|old| old.named)
            && let Ok(freed) = self.server.to.free_pixmap(old.drawable)
        {
            freed.ignore_error();
        }
        self.view = *view;
        (self.moved, self.drawn) = (false, true);
    }

    /// Rows of four bytes a pixel, their width and height, if they are others than the last time.
    fn see(&mut self) -> Option<(&[u8], u32, u32)> {
        let view = self.view?;
        let to = &self.server.to;
        let pointer = self.server.cursor.then(|| self.pointed(&view)).flatten();
        let points = pointer != self.pointer;
        if !self.drawn && !points && self.damage.is_some() {
            return None;
        }
        if let Some(damage) = self.damage
            && let Ok(subtracted) = to.damage_subtract(damage, x11rb::NONE, x11rb::NONE)
        {
            subtracted.ignore_error();
        }
        self.drawn = false;
        self.pointer = pointer;
        if let Err(error) = self.grabber.grab(to, &view) {
            // It was sized or hidden a moment ago: its event is on the way.
            tracing::trace!(%error, "grab");
            (self.moved, self.drawn) = (true, true);
            self.failed += 1;
            return None;
        }
        self.failed = 0;
        if let Some(pointer) = &self.pointer {
            self.grabber.draw(pointer, &view);
        }
        Some((self.grabber.pixels(), view.width.into(), view.height.into()))
    }

    /// The pointer, where it is over the view.
    fn pointed(&self, view: &View) -> Option<Pointer> {
        let to = &self.server.to;
        let image = to.xfixes_get_cursor_image().ok()?;
        let origin = match self.is_window {
            true => Some(to.translate_coordinates(self.window, self.server.root, 0, 0).ok()?),
            false => None,
        };
        let image = image.reply().ok()?;
        let (x, y) = match origin {
            Some(origin) => origin.reply().map(|at| (at.dst_x, at.dst_y)).ok()?,
            None => (view.x, view.y),
        };
        Pointer::over(image, (x, y), (view.width, view.height))
    }
}
