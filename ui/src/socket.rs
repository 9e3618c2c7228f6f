//! The room's WebSocket, kept open. The only file that touches it.
//!
//! After a break it probes the relay with a light request, because a browser slows down the sockets of a
//! page whose sockets fail, and opens the next one when the relay answers. It resumes after the last seq,
//! says pending messages again and measures the offset of the relay's clock.

use std::cell::{Cell, RefCell};
use std::io::Read as _;
use std::rc::Rc;
use std::time::Duration;

use flate2::read::DeflateDecoder;
use footlight_protocol::room::{ClientMessage, ServerMessage};
use footlight_protocol::{CloseCode, Seq, VERSION};
use js_sys::{ArrayBuffer, Uint8Array};
use leptos::prelude::set_timeout;
use leptos::task::spawn_local;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{BinaryType, CloseEvent, MessageEvent, RequestCache, RequestInit, WebSocket};

use crate::browser;
use crate::store::backoff::Backoff;
use crate::store::clock::RelayClock;
use crate::store::room::{Link, RoomEvent};

/// A healthy handshake takes two round trips; a black hole takes for ever.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// One probe of a relay that may be gone.
const PROBE: Duration = Duration::from_secs(2);
/// Between the first pings: the clock's offset is wanted soon.
const FIRST_PINGS: Duration = Duration::from_millis(300);
const FIRST_PING_COUNT: u32 = 6;
/// Between later pings.
const PINGS: Duration = Duration::from_secs(4);
/// Nothing heard for this long, in milliseconds, though pings ask for answers: the network is gone.
const SILENCE_MS: f64 = 10_000.0;
/// The first and the longest wait between probes, in milliseconds. A viewer sees the picture again this
/// soon after the relay is back.
const RETRY_MS: (f64, f64) = (250.0, 450.0);
/// What comes closer together than this is shown together: a page is drawn anew after each change, and in a raid drawing
/// takes longer than what it draws for.
const GATHER_MS: f64 = 50.0;
/// So many do not wait for that: a hidden page's timers are late.
const GATHERED: usize = 500;
/// Longest text of a packed message, in bytes: more than the relay ever keeps for a page.
const UNPACKED: u64 = 4 << 20;
/// After this many quick tries it is no restart; then a try every two seconds is enough.
const QUICK_TRIES: u32 = 200;
const PATIENT_MS: f64 = 2_000.0;

/// Where the room is and who comes.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// `ws://…/ws/{room}`.
    pub socket: String,
    /// What to probe; none where the page may not ask it.
    pub probe: Option<String>,
    pub token: Option<String>,
    pub owner: Option<String>,
}

/// A socket that reconnects until it is dropped.
pub struct Socket {
    inner: Rc<Inner>,
}

struct Inner {
    address: RefCell<Address>,
    socket: RefCell<Option<WebSocket>>,
    since: Cell<Option<Seq>>,
    clock: RefCell<RelayClock>,
    welcomed: Cell<bool>,
    heard_at: Cell<f64>,
    /// What came since the page was told, and when it was.
    gathered: RefCell<Vec<ServerMessage>>,
    told_at: Cell<f64>,
    stopped: Cell<bool>,
    running: Cell<bool>,
    on: Box<dyn Fn(RoomEvent)>,
}

impl Socket {
    /// Connects, and tells `on` everything that happens.
    pub fn open(address: Address, on: impl Fn(RoomEvent) + 'static) -> Self {
        let inner = Rc::new(Inner {
            address: RefCell::new(address),
            socket: RefCell::default(),
            since: Cell::default(),
            clock: RefCell::default(),
            welcomed: Cell::default(),
            heard_at: Cell::default(),
            gathered: RefCell::default(),
            told_at: Cell::default(),
            stopped: Cell::default(),
            running: Cell::default(),
            on: Box::new(on),
        });
        let socket = Self { inner };
        socket.again();
        socket
    }

    /// Knocks once more where the relay had closed for good; nothing while it is still trying.
    pub fn again(&self) {
        if !self.inner.running.replace(true) {
            spawn_local(Rc::clone(&self.inner).run());
        }
    }

    /// Says something now; false where the relay has not welcomed this session.
    pub fn send(&self, message: &ClientMessage) -> bool {
        self.inner.welcomed.get() && self.inner.send(message)
    }

    /// The token of the next session.
    pub fn renew(&self, token: String) {
        self.inner.address.borrow_mut().token = Some(token);
    }

    /// Asks the relay for a sign of life, which comes as [`RoomEvent::Answered`].
    pub fn ask(&self) {
        self.send(&ClientMessage::Ping { sent: browser::now_ms() });
    }

    /// Add it to [`browser::now_ms`] to get the relay's time, in milliseconds.
    pub fn clock_offset_ms(&self) -> Option<f64> {
        self.inner.clock.borrow().offset_ms()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.inner.stopped.set(true);
        self.inner.close();
    }
}

impl Inner {
    async fn run(self: Rc<Self>) {
        let mut backoff = Backoff::new(RETRY_MS.0, RETRY_MS.1);
        let mut lost_since = None;
        while !self.stopped.get() {
            let code = self.session().await;
            if self.stopped.get() {
                return;
            }
            if self.welcomed.replace(false) {
                backoff.reset();
                lost_since = None;
            }
            if let Some(code) = code.and_then(CloseCode::from_u16).filter(|code| !code.may_retry()) {
                self.running.set(false);
                (self.on)(RoomEvent::Link(Link::Closed(code)));
                return;
            }
            if code == Some(CloseCode::GoingAway as u16) {
                (self.on)(RoomEvent::GoesAway);
            }
            let since = *lost_since.get_or_insert_with(browser::now_ms);
            self.wait(&mut backoff, since).await;
        }
    }

    /// Waits until trying again makes sense.
    async fn wait(&self, backoff: &mut Backoff, since: f64) {
        loop {
            let quick = backoff.next_ms(browser::random());
            let delay = if backoff.tries() > QUICK_TRIES { PATIENT_MS } else { quick };
            (self.on)(RoomEvent::Link(Link::Lost { since, retry_at: browser::now_ms() + delay }));
            browser::sleep(Duration::from_micros((delay * 1_000.0) as u64)).await;
            if self.stopped.get() {
                return;
            }
            let probe = self.address.borrow().probe.clone();
            let Some(probe) = probe else { return };
            let init = RequestInit::new();
            init.set_cache(RequestCache::NoStore);
            if browser::fetch(&probe, &init, PROBE).await.is_ok_and(|answer| answer.ok()) {
                return;
            }
        }
    }

    /// One connection from opening to closing; gives the close code.
    async fn session(self: &Rc<Self>) -> Option<u16> {
        let url = self.address.borrow().socket.clone();
        let socket = WebSocket::new(&url).ok()?;
        let began = browser::now_ms();
        self.heard_at.set(began);
        self.socket.replace(Some(socket.clone()));

        let this = Rc::clone(self);
        let opened = Closure::<dyn Fn()>::new(move || this.hello());
        let this = Rc::clone(self);
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data();
            let packed = || unpacked(&Uint8Array::new(data.dyn_ref::<ArrayBuffer>()?).to_vec());
            match data.as_string().or_else(packed) {
                Some(text) => this.hear(&text),
                None => leptos::logging::warn!("a message of the relay is neither text nor packed text"),
            }
        });
        socket.set_binary_type(BinaryType::Arraybuffer);
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(heard.as_ref().unchecked_ref()));

        let target = socket.clone();
        let mut closed = Box::new(|resolve: js_sys::Function, _: js_sys::Function| {
            let on = Closure::once_into_js(move |event: CloseEvent| {
                let _ = resolve.call1(&JsValue::NULL, &event.code().into());
            });
            target.set_onclose(Some(on.unchecked_ref()));
        });
        let closed = JsFuture::from(js_sys::Promise::new(&mut closed));
        let alive = Rc::new(Cell::new(true));
        spawn_local(Rc::clone(self).keep_alive(socket.clone(), Rc::clone(&alive), began));
        let code = closed.await.ok().and_then(|code| code.as_f64()).map(|code| code as u16);
        alive.set(false);
        self.tell();
        socket.set_onopen(None);
        socket.set_onmessage(None);
        socket.set_onclose(None);
        self.socket.replace(None);
        code
    }

    /// Pings while the connection lives, and ends one that does not answer. Ends itself with `alive`.
    async fn keep_alive(self: Rc<Self>, socket: WebSocket, alive: Rc<Cell<bool>>, began: f64) {
        let mut pings = 0;
        while alive.get() {
            let now = browser::now_ms();
            let handshake = HANDSHAKE.as_millis() as f64;
            let stuck = !self.welcomed.get() && now - began > handshake;
            if stuck || now - self.heard_at.get() > SILENCE_MS {
                // `close` waits for the other side's answer, which will not come: stop waiting for it.
                let gone = socket.onclose();
                let _ = socket.close();
                if let Some(gone) = gone {
                    let event = CloseEvent::new("close");
                    let _ = event.map(|event| gone.call1(&JsValue::NULL, &event));
                }
                return;
            }
            if self.welcomed.get() {
                pings += 1;
                self.send(&ClientMessage::Ping { sent: now });
            }
            browser::sleep(if pings < FIRST_PING_COUNT { FIRST_PINGS } else { PINGS }).await;
        }
    }

    fn hello(&self) {
        let address = self.address.borrow();
        self.send(&ClientMessage::Hello {
            version: VERSION,
            token: address.token.clone(),
            owner: address.owner.clone(),
            since: self.since.get(),
            batches: true,
            packed: true,
        });
    }

    fn hear(self: &Rc<Self>, text: &str) {
        let now = browser::now_ms();
        self.heard_at.set(now);
        match serde_json::from_str(text) {
            Ok(ServerMessage::Batch { messages }) => {
                messages.into_iter().for_each(|message| self.take(message, now));
            }
            Ok(message) => self.take(message, now),
            // A newer relay may say more than this page knows; the rest still works.
            Err(error) => match serde_json::from_str(text) {
                Ok(Loose { messages }) => {
                    let known = messages.into_iter().filter_map(|one| serde_json::from_value(one).ok());
                    known.for_each(|message| self.take(message, now));
                }
                Err(_) => leptos::logging::warn!("a message of the relay is not understood: {error}"),
            },
        }
    }

    fn take(self: &Rc<Self>, message: ServerMessage, now: f64) {
        match &message {
            ServerMessage::Welcome { token, seq, .. } => {
                self.address.borrow_mut().token = Some(token.clone());
                self.since.set(Some(*seq));
                self.clock.borrow_mut().forget();
                self.welcomed.set(true);
            }
            ServerMessage::Event { event } => self.since.set(self.since.get().max(Some(event.seq))),
            ServerMessage::Pong { sent, at_us } => {
                self.clock.borrow_mut().pong(*sent, now, *at_us);
                return (self.on)(RoomEvent::Answered);
            }
            _ => {}
        }
        let mut gathered = self.gathered.borrow_mut();
        gathered.push(message);
        let count = gathered.len();
        drop(gathered);
        if count >= GATHERED {
            self.tell();
        } else if count == 1 {
            let this = Rc::clone(self);
            let wait = (self.told_at.get() + GATHER_MS - now).clamp(0.0, GATHER_MS);
            set_timeout(move || this.tell(), Duration::from_micros((wait * 1_000.0) as u64));
        }
    }

    /// Tells the page all that came.
    fn tell(&self) {
        let gathered = self.gathered.take();
        if !gathered.is_empty() {
            gathered.into_iter().for_each(|message| (self.on)(RoomEvent::Server(message)));
            self.told_at.set(browser::now_ms());
        }
    }

    fn send(&self, message: &ClientMessage) -> bool {
        let Ok(text) = serde_json::to_string(message) else {
            return false;
        };
        self.socket.borrow().as_ref().is_some_and(|socket| {
            socket.ready_state() == WebSocket::OPEN && socket.send_with_str(&text).is_ok()
        })
    }

    fn close(&self) {
        if let Some(socket) = self.socket.borrow().as_ref() {
            let _ = socket.close();
        }
    }
}

/// The text of a packed message.
fn unpacked(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    DeflateDecoder::new(bytes).take(UNPACKED).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A batch in which something is not understood.
#[derive(serde::Deserialize)]
struct Loose {
    messages: Vec<serde_json::Value>,
}
