//! One more member of the bundled relay's room: it hears there, over the same socket as every page, what the overlays of
//! the picture are to show, with and without a window.
//!
//! It comes as the owner, who is not counted, and only while a scene wants to know something of the room.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use footlight_overlay::{Content, Show};
use footlight_protocol::VERSION;
use footlight_protocol::room::{ClientMessage, ServerMessage};
use footlight_relay::Secret;
use footlight_studio::RoomView;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use crate::local_relay::LocalRelay;

/// The relay is in this process: it is there at once, or it is not there.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A relay says something at least every twenty seconds, if only a ping.
const SILENCE: Duration = Duration::from_secs(60);
/// The first and the longest wait before another try.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));
/// How often gifts are looked at while some are up: a quarter of the time in which one comes or goes.
const LOOK: Duration = Duration::from_millis(60);

/// Where the room is.
#[derive(Clone, PartialEq)]
struct Door {
    socket: String,
    owner: Secret,
}

/// The task. It has to be [stopped](Self::stop).
pub(crate) struct RoomEar {
    door: watch::Sender<Door>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl RoomEar {
    pub(crate) fn start(view: RoomView, relay: &LocalRelay) -> Self {
        let (door, doors) = watch::channel(door(relay));
        let stop = CancellationToken::new();
        let listener = Listener {
            view,
            show: Show::default(),
            told: Content::default(),
            token: None,
            began: Instant::now(),
        };
        let task = tokio::spawn(listener.run(doors, stop.clone()));
        Self { door, stop, task: Mutex::new(Some(task)) }
    }

    /// The relay was started anew, perhaps elsewhere.
    pub(crate) fn go_to(&self, relay: &LocalRelay) {
        self.door.send_replace(door(relay));
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let task = self.task.lock().ok().and_then(|mut task| task.take());
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!("what listens to the room failed: {error}");
        }
    }
}

fn door(relay: &LocalRelay) -> Door {
    let access = relay.access();
    Door { socket: access.socket, owner: Secret::new(access.owner_token) }
}

struct Listener {
    view: RoomView,
    show: Show,
    /// What the view shows.
    told: Content,
    /// Makes the next session the same person.
    token: Option<String>,
    began: Instant,
}

impl Listener {
    async fn run(mut self, mut doors: watch::Receiver<Door>, stop: CancellationToken) {
        let mut wait = RETRY.0;
        while !stop.is_cancelled() {
            let began = Instant::now();
            let door = doors.borrow_and_update().clone();
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                _ = doors.changed() => Ok(()),
                ended = self.listen(&door) => ended,
            };
            if began.elapsed() > RETRY.1 {
                wait = RETRY.0;
            }
            if let Err(error) = ended {
                tracing::debug!("the room is not heard: {error:#}");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.rest(wait) => {}
                }
                wait = (wait * 2).min(RETRY.1);
            }
        }
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1_000.0
    }

    /// What is up goes in its time, though nothing is heard.
    async fn rest(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }

    fn look(&mut self) {
        self.show.tick(self.now());
        self.tell();
    }

    /// Has the view show what there is, where that is something else than before.
    fn tell(&mut self) {
        let content = self.show.content(self.now());
        if content != self.told {
            self.told = content;
            self.view.show(self.told.clone());
        }
    }

    /// Waits until somebody wants to know something, and listens for as long as they do.
    async fn listen(&mut self, door: &Door) -> Result<()> {
        let mut wanted = self.view.wanted();
        wanted.wait_for(|wanted| wanted.any).await.context("the studio is closed")?;
        self.show.want(&wanted.borrow_and_update());
        let connected = tokio::time::timeout(HANDSHAKE, tokio_tungstenite::connect_async(&door.socket));
        let (mut socket, _) = connected.await.context("connect in time")?.context("connect")?;
        let hello = ClientMessage::Hello {
            version: VERSION,
            token: self.token.clone(),
            owner: Some(door.owner.reveal().to_owned()),
            since: self.show.seq(),
            batches: true,
            packed: false,
        };
        socket.send(Message::text(serde_json::to_string(&hello)?)).await.context("say hello")?;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                heard = tokio::time::timeout(SILENCE, socket.next()) => {
                    match heard.context("the relay is silent")?.context("the relay is gone")? {
                        Ok(Message::Text(text)) => self.hear(&text),
                        Ok(Message::Close(_)) => bail!("the relay closed the socket"),
                        Ok(_) => {}
                        Err(error) => return Err(error).context("listen"),
                    }
                }
                _ = look.tick(), if !self.show.is_idle() => self.look(),
                changed = wanted.changed() => {
                    changed.context("the studio is closed")?;
                    let now = wanted.borrow_and_update().clone();
                    if !now.any {
                        // What it knows would be old when somebody asks again.
                        self.show = Show::default();
                        self.tell();
                        // Best effort: nobody is waiting for the goodbye.
                        drop(socket.close(None).await);
                        return Ok(());
                    }
                    self.show.want(&now);
                    self.tell();
                }
            }
        }
    }

    fn hear(&mut self, text: &str) {
        match serde_json::from_str::<ServerMessage>(text) {
            Ok(message) => {
                if let ServerMessage::Welcome { token, .. } = &message {
                    self.token = Some(token.clone());
                }
                self.show.hear(message, self.now());
                self.tell();
            }
            // Both are of one program.
            Err(error) => tracing::warn!("a message of the relay is not understood: {error}"),
        }
    }
}
