//! One chat session: a WebSocket between a client and its room.
//!
//! Reading and writing are one task; it ends when either side ends, and tells the room so.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use footlight_protocol::room::{ClientMessage, MAX_CLIENT_MESSAGE, ServerMessage};
use footlight_protocol::{CloseCode, RoomId};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::Instant;

use crate::auth::Auth;
use crate::bus::{Gate, Turned};
use crate::chat::admit::admit;
use crate::chat::frame::Frame;
use crate::chat::outbox::{Next, Outbox, Weight};
use crate::chat::pipe::Pipe;
use crate::clock;
use crate::metrics::Metrics;
use crate::room::{Ask, Door, SeatId, Way, encode};
use crate::store::Store;

/// A client says hello within this.
const HELLO: Duration = Duration::from_secs(10);
/// A client is asked for a sign of life where we said nothing for so long …
const PROBE: Duration = Duration::from_secs(20);
/// … and is gone when it says nothing for this long.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a goodbye may take to write.
const GOODBYE: Duration = Duration::from_millis(700);

/// What a session needs of the relay.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) room: Room,
    pub(crate) metrics: Arc<Metrics>,
}

/// How a session reaches its room.
#[derive(Clone)]
pub(crate) enum Room {
    /// It is this relay's.
    Here { door: Door, auth: Arc<Auth>, store: Store },
    /// It is another's, over the bus.
    There(Gate),
}

impl Room {
    fn id(&self) -> &RoomId {
        match self {
            Self::Here { door, .. } => &door.id,
            Self::There(gate) => &gate.id,
        }
    }

    async fn join(&self, hello: ClientMessage, address: IpAddr, outbox: &Outbox) -> Result<SeatId, Turned> {
        match self {
            Self::Here { door, auth, store } => {
                let way = |form| Way::Here { outbox: outbox.clone(), form };
                door.join(admit(hello, address, &door.id, auth, store, way).await?).await
            }
            Self::There(gate) => gate.join(hello, address, outbox).await,
        }
    }

    /// False where the relay is about to end.
    async fn say(&self, seat: SeatId, message: ClientMessage) -> bool {
        match self {
            Self::Here { door, .. } => door.inbox.send(Ask::Say { seat, message }).await.is_ok(),
            Self::There(gate) => gate.say(seat, message).await,
        }
    }

    async fn leave(&self, seat: SeatId) {
        match self {
            Self::Here { door, .. } => drop(door.inbox.send(Ask::Leave { seat }).await),
            Self::There(gate) => gate.leave(seat).await,
        }
    }
}

/// Serves the socket until it is over. `pipe` is what it is on, where frames can be handed to that as they are.
pub(crate) async fn serve(socket: WebSocket, pipe: Option<Pipe>, address: IpAddr, context: Context) {
    if let Some(pipe) = &pipe {
        pipe.share();
    }
    talk(socket, Outbox::over(pipe.clone()), address, context).await;
    if let Some(pipe) = pipe {
        pipe.end();
    }
}

async fn talk(socket: WebSocket, outbox: Outbox, address: IpAddr, context: Context) {
    let (mut sink, mut stream) = socket.split();
    let joined = match tokio::time::timeout(HELLO, hello(&mut stream)).await {
        Ok(Ok(hello)) => context.room.join(hello, address, &outbox).await,
        Ok(Err(None)) => return,
        Ok(Err(Some(code))) => Err(Turned::new(None, code)),
        Err(_) => Err(Turned::new(None, CloseCode::Malformed)),
    };
    let seat = match joined {
        Ok(seat) => seat,
        Err(turned) => {
            let close = turned.close();
            if let Some(failure) = turned.failure {
                let refused = ServerMessage::Refused { nonce: None, failure, retry_after_ms: None };
                outbox.push(&[Frame::text(&encode(&refused))], Weight::Full);
            }
            if let Some(code) = close {
                outbox.close(code);
                say_goodbye(&mut sink, &mut stream, &outbox, code).await;
            }
            return;
        }
    };
    let end = tokio::select! {
        end = read(&mut stream, seat, &outbox, &context) => end,
        end = write(&mut sink, &outbox) => end,
        () = outbox.abandoned() => Some(CloseCode::Slow),
    };
    context.room.leave(seat).await;
    if let Some(code) = end {
        tracing::debug!(room = %context.room.id(), ?code, "chat session closed");
        if code == CloseCode::Slow {
            context.metrics.slow.one();
        }
        outbox.close(code);
        say_goodbye(&mut sink, &mut stream, &outbox, code).await;
    }
}

/// Writes what is still queued and the close, and waits for the client's own: a connection that is dropped
/// with unread bytes is reset, and the reset overtakes the last frames.
async fn say_goodbye(
    sink: &mut SplitSink<WebSocket, Message>,
    stream: &mut SplitStream<WebSocket>,
    outbox: &Outbox,
    code: CloseCode,
) {
    let said = async {
        write(sink, outbox).await;
        close(sink, code).await;
        while let Some(Ok(_)) = stream.next().await {}
    };
    let _ = tokio::time::timeout(GOODBYE, said).await;
}

/// Waits for the first message. `Err` says how to close, `None` when there is nobody to tell.
async fn hello(stream: &mut SplitStream<WebSocket>) -> Result<ClientMessage, Option<CloseCode>> {
    loop {
        match received(stream.next().await)? {
            Some(hello @ ClientMessage::Hello { .. }) => return Ok(hello),
            Some(_) => return Err(Some(CloseCode::Malformed)),
            None => {}
        }
    }
}

/// Reads until the client ends or says something that cannot be.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    seat: SeatId,
    outbox: &Outbox,
    context: &Context,
) -> Option<CloseCode> {
    loop {
        let Ok(next) = tokio::time::timeout(SILENCE, stream.next()).await else {
            return None;
        };
        let message = match received(next) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            Err(end) => return end,
        };
        match message {
            ClientMessage::Ping { sent } => {
                let pong = ServerMessage::Pong { sent, at_us: clock::now().as_micros() };
                outbox.push(&[Frame::text(&encode(&pong))], Weight::Full);
            }
            ClientMessage::Hello { .. } => return Some(CloseCode::Malformed),
            message => {
                if !context.room.say(seat, message).await {
                    return Some(CloseCode::GoingAway);
                }
            }
        }
    }
}

/// What came in: a message, nothing of interest, or the end.
fn received(next: Option<Result<Message, axum::Error>>) -> Result<Option<ClientMessage>, Option<CloseCode>> {
    match next {
        None | Some(Ok(Message::Close(_))) => Err(None),
        Some(Ok(Message::Text(text))) if text.len() <= MAX_CLIENT_MESSAGE => {
            serde_json::from_str(&text).map(Some).map_err(|_| Some(CloseCode::Malformed))
        }
        Some(Ok(Message::Text(_) | Message::Binary(_))) => Err(Some(CloseCode::Malformed)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        // Not UTF-8, longer than the transport takes, not WebSocket, or the connection broke: for all but
        // the last the client deserves to hear that it was its own doing.
        Some(Err(_)) => Err(Some(CloseCode::Malformed)),
    }
}

/// Writes what is queued until there is a reason to close or nobody takes it any more.
async fn write(sink: &mut SplitSink<WebSocket, Message>, outbox: &Outbox) -> Option<CloseCode> {
    let mut probe = tokio::time::interval_at(Instant::now() + PROBE, PROBE);
    loop {
        let message = tokio::select! {
            biased;
            next = outbox.next() => match next {
                Next::Write(message) => message,
                Next::Close(code) => return Some(code),
            },
            _ = probe.tick() => {
                if !outbox.was_quiet() {
                    continue;
                }
                Message::Ping(axum::body::Bytes::new())
            }
        };
        // All that waits goes out in one write.
        if sink.feed(message).await.is_err() {
            return None;
        }
        while let Some(message) = outbox.take() {
            if sink.feed(message).await.is_err() {
                return None;
            }
        }
        if sink.flush().await.is_err() {
            return None;
        }
    }
}

async fn close(sink: &mut SplitSink<WebSocket, Message>, code: CloseCode) {
    let reason = match code {
        CloseCode::Slow => "slow",
        CloseCode::Malformed => "malformed",
        CloseCode::Banned => "banned",
        CloseCode::NotFound => "not found",
        CloseCode::GoingAway => "going away",
        CloseCode::Full => "full",
    };
    let _ = sink.send(Message::Close(Some(CloseFrame { code: code as u16, reason: reason.into() }))).await;
}
