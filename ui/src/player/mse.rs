//! Low-latency HLS played through Media Source Extensions: loads what the followed playlists bring, appends
//! it in order, and keeps the playback position near the end.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use footlight_protocol::Failure;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{RequestCache, RequestInit, Response};

use super::screen::Screen;
use super::source::{self, Buffer, Source};
use super::{Happened, refusal};
use crate::browser;
use crate::store::hls::{Follow, Load, Pace, Pacer, Playlist, Reload, Rendition, renditions};
use crate::store::playback::Seen;

/// A list or a piece of media that takes longer is not coming.
const ANSWER: Duration = Duration::from_secs(4);
/// A blocking reload may take three target durations before the server gives up (RFC 8216bis section 6.2.5.2).
const MOST_BLOCKED_S: f64 = 12.0;
/// Pieces that are fetched at once. They are appended in order, so more only waits in memory.
const AT_ONCE: usize = 6;
/// Loads in a row that may fail before the attempt is over. The relay may be restarting.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// Captured instants kept, one a piece: more than is ever in the buffer.
const ANCHORS: usize = 256;
/// Counts for pictures where there is none: sound that moves on by a thirtieth of a second.
const SOUND_MOVES_A_SECOND: f64 = 30.0;

/// Ends when it is closed.
pub(super) struct Session {
    inner: Rc<Inner>,
}

struct Inner {
    screen: Rc<Screen>,
    list: String,
    sound_only: bool,
    closed: Cell<bool>,
    opened: Cell<bool>,
    appended: Cell<f64>,
    /// Where on the element's timeline a piece begins, in seconds, and when that was captured.
    anchors: RefCell<VecDeque<(f64, f64)>>,
    pacer: RefCell<Option<Pacer>>,
    source: RefCell<Option<Source>>,
    on: Box<dyn Fn(Happened)>,
}

impl Session {
    /// Follows the multivariant playlist at `list` and plays it on the screen.
    pub(super) fn open(
        screen: Rc<Screen>,
        list: &str,
        sound_only: bool,
        on: impl Fn(Happened) + 'static,
    ) -> Self {
        let inner = Rc::new(Inner {
            screen,
            list: list.to_owned(),
            sound_only,
            closed: Cell::default(),
            opened: Cell::default(),
            appended: Cell::default(),
            anchors: RefCell::default(),
            pacer: RefCell::default(),
            source: RefCell::default(),
            on: Box::new(on),
        });
        let this = Rc::clone(&inner);
        spawn_local(async move {
            if let Err(happened) = this.begin().await {
                this.end(happened);
            }
        });
        Self { inner }
    }

    pub(super) fn close(&self) {
        self.inner.closed.set(true);
        self.inner.source.take();
    }

    pub(super) fn look(&self) -> Option<Seen> {
        let this = &self.inner;
        this.pace();
        let video = this.screen.video();
        let moved = if this.sound_only {
            if this.opened.get() { video.current_time() * SOUND_MOVES_A_SECOND } else { 0.0 }
        } else {
            let quality = video.get_video_playback_quality();
            f64::from(quality.total_video_frames().saturating_sub(quality.dropped_video_frames()))
        };
        let appended = this.appended.get();
        Some(Seen { packets: appended, signs: appended, moved, ..Seen::default() })
    }

    /// When the picture at this place of the element's timeline was captured.
    pub(super) fn captured_ms(&self, media_s: f64) -> Option<f64> {
        let anchors = self.inner.anchors.borrow();
        // A frame may begin a hair before the piece that it is the first of.
        let before = anchors.iter().rev().find(|(at, _)| *at <= media_s + 0.02);
        before.map(|(at, captured_ms)| captured_ms + (media_s - at) * 1_000.0)
    }
}

impl Inner {
    fn end(&self, happened: Happened) {
        if !self.closed.replace(true) {
            (self.on)(happened);
        }
    }

    async fn begin(self: &Rc<Self>) -> Result<(), Happened> {
        let rendition = self.choose().await?;
        let source = Source::open(self.screen.video()).await.map_err(|_| Happened::Ended)?;
        if self.closed.get() {
            return Ok(());
        }
        let mut buffers = Vec::new();
        for track in &rendition.tracks {
            // All of them before the first append: later the browser takes no more.
            buffers.push(source.add(&track.mime).map_err(|_| Happened::Ended)?);
        }
        self.source.replace(Some(source));
        for (at, (track, buffer)) in rendition.tracks.into_iter().zip(buffers).enumerate() {
            let this = Rc::clone(self);
            let url = beside(&self.list, &track.uri);
            spawn_local(async move {
                let lane = Lane { at, mime: RefCell::new(track.mime), buffer };
                if let Err(happened) = this.follow(&url, lane).await {
                    this.end(happened);
                }
            });
        }
        Ok(())
    }

    /// The best of what the list offers that this browser decodes.
    async fn choose(&self) -> Result<Rendition, Happened> {
        let text = text(&self.list, ANSWER).await.map_err(Missed::happened)?;
        let all = renditions(&text).ok_or(Happened::Ended)?;
        let fits = |one: &Rendition| {
            one.has_picture != self.sound_only && one.tracks.iter().all(|track| source::decodes(&track.mime))
        };
        all.into_iter().find(fits).ok_or(Happened::Ended)
    }

    /// Follows one media playlist until the attempt is closed.
    async fn follow(&self, url: &str, lane: Lane) -> Result<(), Happened> {
        let mut follow = Follow::default();
        let (mut next, mut limit, mut misses) = (url.to_owned(), ANSWER, 0);
        loop {
            let loaded = text(&next, limit).await;
            if self.closed.get() {
                return Ok(());
            }
            let list = match loaded {
                Ok(text) => Playlist::parse(&text).map_err(|_| Happened::Ended)?,
                Err(missed) => {
                    misses += 1;
                    if misses == TRIES {
                        return Err(missed.happened());
                    }
                    // Without waiting for a piece that may never come: what there is says where to go on.
                    url.clone_into(&mut next);
                    browser::sleep(PAUSE).await;
                    continue;
                }
            };
            self.keep_distance(list.hold_back_s);
            let caught = match follow.take(&list) {
                Ok(loads) => self.bring(url, &lane, &loads).await?,
                Err(_) => false,
            };
            if self.closed.get() {
                return Ok(());
            }
            if !caught {
                misses += 1;
                if misses == TRIES {
                    return Err(Happened::Ended);
                }
                follow = Follow::default();
                url.clone_into(&mut next);
                continue;
            }
            misses = 0;
            match follow.reload(&list) {
                Reload::Blocking { segment, part } => {
                    let part = part.map(|part| format!("&_HLS_part={part}")).unwrap_or_default();
                    let joint = if url.contains('?') { '&' } else { '?' };
                    next = format!("{url}{joint}_HLS_msn={segment}{part}");
                    limit = Duration::from_secs_f64((3.0 * list.target_s).min(MOST_BLOCKED_S)) + PAUSE;
                }
                Reload::After(ms) => {
                    url.clone_into(&mut next);
                    limit = ANSWER;
                    browser::sleep(Duration::from_secs_f64(ms / 1_000.0)).await;
                }
                // The broadcast is over, and the room says so too.
                Reload::Never => return Ok(()),
            }
        }
    }

    /// Fetches and appends in order. False where a piece is gone: the place in the stream is lost.
    async fn bring(&self, url: &str, lane: &Lane, loads: &[Load]) -> Result<bool, Happened> {
        for some in loads.chunks(AT_ONCE) {
            let coming: Vec<_> = some
                .iter()
                .map(|load| match load {
                    Load::Init { uri } | Load::Media { uri, .. } => begin_bytes(&beside(url, uri)),
                })
                .collect();
            for (load, coming) in some.iter().zip(coming) {
                let bytes = match finish_bytes(coming).await {
                    Ok(bytes) => bytes,
                    Err(Missed::Gone) => return Ok(false),
                    Err(missed) => return Err(missed.happened()),
                };
                if self.closed.get() {
                    return Ok(true);
                }
                match load {
                    Load::Init { .. } => self.initialise(lane, &bytes).await?,
                    Load::Media { captured_ms, .. } => self.append(lane, &bytes, *captured_ms).await?,
                }
            }
        }
        Ok(true)
    }

    async fn initialise(&self, lane: &Lane, bytes: &js_sys::ArrayBuffer) -> Result<(), Happened> {
        if !lane.buffer.ranges().is_empty() {
            // Another publisher may send another codec; the list says which.
            let rendition = self.choose().await?;
            let track = rendition.tracks.get(lane.at).ok_or(Happened::Ended)?;
            if *lane.mime.borrow() != track.mime {
                lane.buffer.change_type(&track.mime).map_err(|_| Happened::Ended)?;
                lane.mime.replace(track.mime.clone());
            }
        }
        let at_s = self.screen.video().current_time();
        lane.buffer.append(bytes, at_s).await.map_err(|_| Happened::Ended)
    }

    async fn append(
        &self,
        lane: &Lane,
        bytes: &js_sys::ArrayBuffer,
        captured_ms: Option<f64>,
    ) -> Result<(), Happened> {
        let video = self.screen.video();
        let before = lane.buffer.ranges();
        lane.buffer.append(bytes, video.current_time()).await.map_err(|_| Happened::Ended)?;
        let after = lane.buffer.ranges();
        if lane.at == 0 {
            self.appended.set(self.appended.get() + 1.0);
            let anchor = began(&before, &after).zip(captured_ms);
            if let Some(anchor) = anchor {
                let mut anchors = self.anchors.borrow_mut();
                if anchors.len() == ANCHORS {
                    anchors.pop_front();
                }
                anchors.push_back(anchor);
            }
        }
        self.pace();
        if !self.opened.replace(true) {
            (self.on)(Happened::Opened);
            self.screen.play();
        }
        lane.buffer.tidy(video.current_time()).await.map_err(|_| Happened::Ended)
    }

    fn keep_distance(&self, hold_back_s: f64) {
        self.pacer.borrow_mut().get_or_insert_with(|| Pacer::new(hold_back_s));
    }

    /// Moves the playback position where it should be.
    fn pace(&self) {
        let video = self.screen.video();
        let buffered = source::ranges(&video.buffered());
        let mut pacer = self.pacer.borrow_mut();
        match pacer.as_mut().and_then(|pacer| pacer.look(video.current_time(), &buffered)) {
            Some(Pace::Seek { to_s }) if !video.seeking() => video.set_current_time(to_s),
            Some(Pace::Play { rate }) if video.playback_rate() != rate => video.set_playback_rate(rate),
            _ => {}
        }
    }
}

/// One media playlist's way into its buffer.
struct Lane {
    at: usize,
    mime: RefCell<String>,
    buffer: Buffer,
}

/// Where on the timeline the piece lies that was just appended.
fn began(before: &[(f64, f64)], after: &[(f64, f64)]) -> Option<f64> {
    let (start, _) = *after.last()?;
    let end = before.last().map(|(_, end)| *end);
    // It goes on where the buffer ended, or begins a range of its own.
    Some(end.filter(|end| *end > start).unwrap_or(start))
}

/// The address of `uri` as the list at `list` means it.
fn beside(list: &str, uri: &str) -> String {
    if uri.starts_with('/') || uri.contains("://") {
        return uri.to_owned();
    }
    let path = list.split('?').next().unwrap_or(list);
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{uri}")
}

/// Why a load brought nothing.
enum Missed {
    /// Not there, or not any more.
    Gone,
    Refused(Failure),
    Network,
}

impl Missed {
    fn happened(self) -> Happened {
        match self {
            Self::Gone => Happened::Ended,
            Self::Refused(failure) => Happened::Refused(failure),
            Self::Network => Happened::Unreachable,
        }
    }
}

fn request(url: &str, limit: Duration) -> impl Future<Output = Result<Response, JsValue>> + use<> {
    let init = RequestInit::new();
    init.set_cache(RequestCache::NoStore);
    let url = url.to_owned();
    async move { browser::fetch(&url, &init, limit).await }
}

async fn checked(answer: impl Future<Output = Result<Response, JsValue>>) -> Result<Response, Missed> {
    let answer = answer.await.map_err(|_| Missed::Network)?;
    match answer.status() {
        200..=299 => Ok(answer),
        404 | 410 | 400 => Err(Missed::Gone),
        _ => Err(Missed::Refused(refusal(&answer).await)),
    }
}

async fn text(url: &str, limit: Duration) -> Result<String, Missed> {
    let answer = checked(request(url, limit)).await?;
    let text = JsFuture::from(answer.text().map_err(|_| Missed::Network)?).await;
    text.ok().and_then(|text| text.as_string()).ok_or(Missed::Network)
}

/// Begins to fetch now, so that several come at the same time.
fn begin_bytes(url: &str) -> js_sys::Promise {
    let request = request(url, ANSWER);
    wasm_bindgen_futures::future_to_promise(async move { request.await.map(JsValue::from) })
}

async fn finish_bytes(coming: js_sys::Promise) -> Result<js_sys::ArrayBuffer, Missed> {
    let answer = async { JsFuture::from(coming).await?.dyn_into::<Response>() };
    let answer = checked(answer).await?;
    let bytes = JsFuture::from(answer.array_buffer().map_err(|_| Missed::Network)?).await;
    bytes.ok().and_then(|bytes| bytes.dyn_into().ok()).ok_or(Missed::Network)
}
