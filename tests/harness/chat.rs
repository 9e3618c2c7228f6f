//! A chat client without a page: the room's WebSocket, spoken by hand.

use std::time::Duration;

use footlight_protocol::danmaku::Fly;
use footlight_protocol::room::{Action, ClientMessage, Event, EventKind, ServerMessage};
use footlight_protocol::{Nonce, Seq, UserId, VERSION};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Every answer on loopback comes well within this.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Chat {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    sent: u32,
}

/// How the relay closed the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed(pub Option<u16>);

impl Chat {
    /// Opens the socket and says nothing. `http` is the relay's address as `ready` gives it.
    pub async fn connect(http: &str, room: &str) -> Self {
        Self::try_connect(http, room)
            .await
            .unwrap_or_else(|status| panic!("{http}/ws/{room} answered {status}"))
    }

    /// Like [`Chat::connect`], but a refusal is the HTTP status.
    pub async fn try_connect(http: &str, room: &str) -> Result<Self, u16> {
        let url = format!("{}/ws/{room}", http.replacen("http", "ws", 1));
        match tokio_tungstenite::connect_async(&url).await {
            Ok((socket, _)) => Ok(Self { socket, sent: 0 }),
            Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    /// Opens the socket, says hello, and gives the welcome.
    pub async fn join(http: &str, room: &str, owner: Option<&str>) -> (Self, ServerMessage) {
        let mut chat = Self::connect(http, room).await;
        let owner = owner.map(str::to_owned);
        chat.send(&ClientMessage::Hello {
            version: VERSION,
            token: None,
            owner,
            since: None,
            batches: false,
            packed: false,
        })
        .await;
        let welcome = chat.next_where("a welcome", |m| matches!(m, ServerMessage::Welcome { .. })).await;
        (chat, welcome)
    }

    pub async fn send(&mut self, message: &ClientMessage) {
        let text = serde_json::to_string(message).expect("protocol types are JSON");
        self.send_raw(Message::text(text)).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.try_send(message).await.expect("the socket is open");
    }

    pub async fn try_send(&mut self, message: Message) -> Result<(), tungstenite::Error> {
        self.socket.send(message).await
    }

    /// Sends bytes as a text frame, whatever they are: the one thing a WebSocket library will not do.
    pub async fn send_text_bytes(&mut self, payload: &[u8]) {
        use tungstenite::protocol::frame::Frame;
        use tungstenite::protocol::frame::coding::{Data, OpCode};
        let frame = Frame::message(payload.to_vec(), OpCode::Data(Data::Text), true);
        self.send_raw(Message::Frame(frame)).await;
    }

    pub async fn name(&mut self, name: &str) {
        self.send(&ClientMessage::Name { name: name.into() }).await;
        self.next_where("the name's answer", |m| matches!(m, ServerMessage::You { .. })).await;
    }

    /// Says it and gives the relay's answer: `Done` or `Refused`.
    pub async fn say(&mut self, text: &str) -> ServerMessage {
        self.say_so(text, None).await
    }

    /// Moderates and waits until it is done.
    pub async fn moderate(&mut self, action: Action) {
        let nonce = self.nonce();
        self.done(ClientMessage::Moderate { nonce, action }).await;
    }

    /// Asks for what has a nonce, and waits until it is done.
    pub async fn done(&mut self, request: ClientMessage) -> Seq {
        let asked = serde_json::to_value(&request).expect("plain data")["nonce"].clone();
        self.send(&request).await;
        let answered = |message: &ServerMessage| match message {
            ServerMessage::Done { nonce, .. } | ServerMessage::Refused { nonce: Some(nonce), .. } => {
                asked == nonce.as_str()
            }
            _ => false,
        };
        match self.next_where("it is done", answered).await {
            ServerMessage::Done { seq, .. } => seq,
            other => panic!("{request:?}: {other:?}"),
        }
    }

    /// Says it so that it flies so.
    pub async fn say_so(&mut self, text: &str, fly: Option<Fly>) -> ServerMessage {
        let nonce = self.nonce();
        self.send(&ClientMessage::Say { nonce: nonce.clone(), text: text.into(), fly, reply: None }).await;
        self.next_where("an answer", move |message| match message {
            ServerMessage::Done { nonce: answered, .. } => *answered == nonce,
            ServerMessage::Refused { nonce: answered, .. } => answered.as_ref() == Some(&nonce),
            _ => false,
        })
        .await
    }

    /// Waits until somebody says this.
    pub async fn hear(&mut self, text: &str) {
        self.next_where(text, |message| match message {
            ServerMessage::Event { event } => {
                matches!(&event.kind, EventKind::Said { text: said, .. } if said == text)
            }
            _ => false,
        })
        .await;
    }

    /// Waits until somebody says something; gives who.
    pub async fn author(&mut self) -> UserId {
        let said = |message: &ServerMessage| match message {
            ServerMessage::Event { event } => matches!(event.kind, EventKind::Said { .. }),
            _ => false,
        };
        match self.next_where("a message", said).await {
            ServerMessage::Event { event: Event { kind: EventKind::Said { by, .. }, .. } } => by.id,
            other => panic!("{other:?}"),
        }
    }

    /// The next message that fits; others are passed over.
    pub async fn next_where(&mut self, what: &str, fits: impl Fn(&ServerMessage) -> bool) -> ServerMessage {
        let search = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: ServerMessage = serde_json::from_str(&text)
                            .unwrap_or_else(|e| panic!("the relay said something unknown ({e}): {text}"));
                        if fits(&message) {
                            return message;
                        }
                    }
                    Some(Ok(Message::Close(frame))) => panic!("closed while waiting for {what}: {frame:?}"),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => panic!("broken while waiting for {what}: {error}"),
                    None => panic!("ended while waiting for {what}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
    }

    /// Waits for the relay to close the socket.
    pub async fn closed(&mut self) -> Closed {
        let search = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return Closed(frame.map(|frame| frame.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Closed(None),
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("the relay closes the socket")
    }

    fn nonce(&mut self) -> Nonce {
        self.sent += 1;
        format!("n{}", self.sent).parse().expect("letters and digits")
    }
}
