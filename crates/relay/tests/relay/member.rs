//! A chat client of the room's WebSocket.

use footlight_protocol::room::{Action, ClientMessage, Desk, Event, Member, ServerMessage};
use footlight_protocol::spend::Shows;
use footlight_protocol::{Code, Seq, VERSION};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::stage::{PATIENCE, Stage};

pub(crate) struct Chat {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) me: Member,
    pub(crate) token: String,
    pub(crate) seq: Seq,
    pub(crate) history: Vec<Event>,
    pub(crate) resumed: bool,
    pub(crate) following: bool,
    pub(crate) muted: bool,
    pub(crate) desk: Option<Desk>,
    pub(crate) shows: Shows,
}

#[derive(Debug)]
pub(crate) enum Heard {
    Message(ServerMessage),
    Closed(Option<u16>),
}

pub(crate) async fn connect(stage: &Stage) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    connect_to(stage.door()).await
}

async fn connect_to(base: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
    let url = format!("{}/ws/main", base.replacen("http", "ws", 1));
    tokio_tungstenite::connect_async(url).await.unwrap().0
}

pub(crate) async fn heard(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Heard {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("something in time") {
            Some(Ok(Message::Text(text))) => return Heard::Message(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return Heard::Closed(frame.map(|frame| frame.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Heard::Closed(None),
        }
    }
}

impl Chat {
    pub(crate) async fn join(stage: &Stage) -> Self {
        Self::hello(stage, None, None, None).await.unwrap()
    }

    pub(crate) async fn named(stage: &Stage, name: &str) -> Self {
        Self::join(stage).await.called(name).await
    }

    /// Takes a name.
    pub(crate) async fn called(mut self, name: &str) -> Self {
        let chat = &mut self;
        chat.send(&ClientMessage::Name { name: name.to_owned() }).await;
        let you = chat.until(|message| match message {
            ServerMessage::You { you } => Some(you),
            _ => None,
        });
        chat.me = you.await;
        self
    }

    pub(crate) async fn owner(stage: &Stage) -> Self {
        Self::hello(stage, None, Some(stage.owner()), None).await.unwrap()
    }

    pub(crate) async fn hello(
        stage: &Stage,
        token: Option<String>,
        owner: Option<String>,
        since: Option<Seq>,
    ) -> Result<Self, (Code, u16)> {
        Self::hello_at(stage.door(), token, owner, since).await
    }

    /// The same by the relay of this base URL.
    pub(crate) async fn hello_at(
        base: &str,
        token: Option<String>,
        owner: Option<String>,
        since: Option<Seq>,
    ) -> Result<Self, (Code, u16)> {
        let mut socket = connect_to(base).await;
        let hello =
            ClientMessage::Hello { version: VERSION, token, owner, since, batches: false, packed: false };
        socket.send(Message::text(serde_json::to_string(&hello).unwrap())).await.unwrap();
        match heard(&mut socket).await {
            Heard::Message(ServerMessage::Welcome {
                you,
                token,
                history,
                seq,
                resumed,
                following,
                muted_until,
                desk,
                shows,
                ..
            }) => Ok(Self {
                socket,
                me: you,
                token,
                seq,
                history,
                resumed,
                following,
                muted: muted_until.is_some(),
                desk,
                shows,
            }),
            Heard::Message(ServerMessage::Refused { failure, .. }) => match heard(&mut socket).await {
                Heard::Closed(Some(code)) => Err((failure.code, code)),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.socket.send(Message::text(serde_json::to_string(message).unwrap())).await.unwrap();
    }

    pub(crate) async fn until<T>(&mut self, mut want: impl FnMut(ServerMessage) -> Option<T>) -> T {
        loop {
            match heard(&mut self.socket).await {
                Heard::Message(message) => {
                    if let Some(found) = want(message) {
                        return found;
                    }
                }
                Heard::Closed(code) => panic!("closed {code:?}"),
            }
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        self.until(|message| match message {
            ServerMessage::Event { event } => Some(event),
            _ => None,
        })
        .await
    }

    /// Waits for the answer to the request with that nonce.
    pub(crate) async fn answer(&mut self, wanted: &str) -> Result<Seq, (Code, Option<u32>)> {
        self.until(|message| match message {
            ServerMessage::Done { nonce, seq } if nonce.as_str() == wanted => Some(Ok(seq)),
            ServerMessage::Refused { nonce: Some(nonce), failure, retry_after_ms }
                if nonce.as_str() == wanted =>
            {
                Some(Err((failure.code, retry_after_ms)))
            }
            _ => None,
        })
        .await
    }

    /// Sends a request; false where the session ends before it is answered.
    pub(crate) async fn is_done(&mut self, request: &ClientMessage) -> bool {
        self.send(request).await;
        loop {
            match heard(&mut self.socket).await {
                Heard::Message(ServerMessage::Done { .. }) => return true,
                Heard::Message(_) => {}
                Heard::Closed(_) => return false,
            }
        }
    }

    pub(crate) async fn say(&mut self, nonce: &str, text: &str) -> Result<Seq, (Code, Option<u32>)> {
        self.send(&ClientMessage::Say {
            nonce: nonce.parse().unwrap(),
            text: text.to_owned(),
            fly: None,
            reply: None,
        })
        .await;
        self.answer(nonce).await
    }

    pub(crate) async fn moderate(&mut self, nonce: &str, action: Action) -> Result<Seq, (Code, Option<u32>)> {
        self.send(&ClientMessage::Moderate { nonce: nonce.parse().unwrap(), action }).await;
        self.answer(nonce).await
    }

    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = heard(&mut self.socket).await {
                return code;
            }
        }
    }
}
