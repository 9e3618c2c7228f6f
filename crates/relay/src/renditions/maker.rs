//! The program that makes lower layers: started when there is something to make, fed, read, started again.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use footlight_media::handoff::{HEADER, Header, LIMIT, Message};
use footlight_protocol::RoomId;
use footlight_protocol::room::Renditions;
use footlight_protocol::studio::{Held, LayerLimit};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, BufWriter};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command as Process};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::rtc::Command;

/// How the names of the relay's own environment variables begin.
const OURS: &str = "FOOTLIGHT_";
/// The program's name, beside that of the relay.
const NAME: &str = "footlight-renditions";
/// With nothing to make for this long it is ended.
const IDLE: Duration = Duration::from_secs(30);
/// A program that failed is started again after this, and each time that it fails at once after twice as long.
const AGAIN: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);
/// One that ran this long did not fail at once.
const RAN: Duration = Duration::from_secs(60);
/// Longest line of its log that is passed on, bytes.
const LINE: u64 = 500;

/// The program that makes lower layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
}

impl Program {
    /// `footlight-renditions` in the folder of the program that runs, if it is there.
    pub fn beside() -> Option<Self> {
        let path =
            std::env::current_exe().ok()?.with_file_name(format!("{NAME}{}", std::env::consts::EXE_SUFFIX));
        path.is_file().then(|| Self { path, arguments: Vec::new() })
    }
}

pub(crate) struct Setup {
    pub(crate) room: RoomId,
    pub(crate) limit: LayerLimit,
    pub(crate) program: Program,
    pub(crate) messages: mpsc::Receiver<Message>,
    pub(crate) engine: mpsc::Sender<Command>,
}

/// A room's program and what it is fed.
pub(crate) struct Maker {
    setup: Setup,
    /// The source that is being handed on.
    run: u32,
}

impl Maker {
    pub(crate) fn new(setup: Setup) -> Self {
        Self { setup, run: 0 }
    }

    /// Runs until cancelled.
    pub(crate) async fn run(mut self, cancel: CancellationToken) {
        cancel.run_until_cancelled(self.serve()).await;
    }

    async fn serve(&mut self) {
        let mut again = AGAIN;
        while let Some(first) = self.next().await {
            let begun = tokio::time::Instant::now();
            match self.attend(first).await {
                Ok(()) => again = AGAIN,
                Err(error) => {
                    tracing::warn!(room = %self.setup.room, %error, "the maker of lower layers");
                    self.say(Renditions { made: 0, held: Some(Held::Missing) }).await;
                    if begun.elapsed() >= RAN {
                        again = AGAIN;
                    }
                    self.wait(again).await;
                    again = (again * 2).min(LONGEST);
                }
            }
        }
    }

    /// The next message that there is something to do for.
    async fn next(&mut self) -> Option<Message> {
        loop {
            let message = self.setup.messages.recv().await?;
            if let Message::Picture { run, .. } = message {
                self.run = run;
                return Some(message);
            }
        }
    }

    /// Throws away what comes, for so long.
    async fn wait(&mut self, time: Duration) {
        let end = tokio::time::sleep(time);
        tokio::pin!(end);
        let mut said = self.run;
        loop {
            tokio::select! {
                () = &mut end => break,
                message = self.next() => if message.is_none() { break },
            }
            if said != self.run {
                said = self.run;
                self.say(Renditions { made: 0, held: Some(Held::Missing) }).await;
            }
        }
    }

    async fn say(&self, renditions: Renditions) {
        let command = Command::Renditions { room: self.setup.room.clone(), run: self.run, renditions };
        let _ = self.setup.engine.send(command).await;
    }

    /// Starts the program and feeds it until there is nothing to make for a while.
    async fn attend(&mut self, first: Message) -> io::Result<()> {
        let Program { path, arguments } = &self.setup.program;
        let mut program = Process::new(path);
        // It decodes what strangers may have sent: the relay's keys are none of its business.
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with(OURS)) {
            program.env_remove(name);
        }
        let mut child = program
            .args(arguments)
            .env(LIMIT, String::from(self.setup.limit))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        tracing::info!(room = %self.setup.room, pid = child.id(), "the maker of lower layers runs");
        let (Some(to), Some(from), Some(log)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("no pipes"));
        };
        let reading = read(from, self.setup.room.clone(), self.setup.engine.clone());
        let logging = log_lines(log);
        let feeding = feed(to, first, &mut self.setup.messages, &mut self.run);
        // Whichever ends first: it is idle, or one of its pipes is closed because it has ended.
        let fed = tokio::select! {
            fed = feeding => fed,
            read = reading => read,
            () = async { logging.await; std::future::pending().await } => Ok(()),
        };
        end(child, fed).await
    }
}

/// Hands messages on, until none has come for a while or the relay ends.
async fn feed(
    to: ChildStdin,
    first: Message,
    messages: &mut mpsc::Receiver<Message>,
    newest: &mut u32,
) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    let mut next = Some(first);
    while let Some(message) = next {
        if let Message::Picture { run, .. } = message {
            *newest = run;
        }
        let (header, data) = message.parts();
        to.write_all(&header).await?;
        to.write_all(data).await?;
        to.flush().await?;
        next = tokio::time::timeout(IDLE, messages.recv()).await.unwrap_or_default();
    }
    Ok(())
}

/// Takes what was made to the media thread.
async fn read(from: ChildStdout, room: RoomId, engine: mpsc::Sender<Command>) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let damaged = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    loop {
        let mut header = [0; HEADER];
        from.read_exact(&mut header).await?;
        let header = Header::read(&header).map_err(damaged)?;
        let mut data = vec![0; header.length()];
        from.read_exact(&mut data).await?;
        let room = room.clone();
        let command = match header.message(Bytes::from(data)).map_err(damaged)? {
            Message::Picture { run, layer, packet, .. } => Command::Rendition { room, run, layer, packet },
            Message::State { run, made, held } => {
                let held = serde_json::from_str(&held)?;
                Command::Renditions { room, run, renditions: Renditions { made, held } }
            }
            // Those go the other way.
            Message::KeyframeWanted { .. } | Message::Rest => {
                return Err(damaged(footlight_media::Error::Media));
            }
        };
        // Waits where the media thread is busy: the program is then read no faster, and makes less.
        if engine.send(command).await.is_err() {
            return Ok(());
        }
    }
}

/// What the program says on its standard error goes into the log.
async fn log_lines(log: ChildStderr) {
    let mut lines = BufReader::new(log);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(LINE).read_until(b'\n', &mut line).await {
            Ok(1..) => tracing::warn!("{}", String::from_utf8_lossy(&line).trim_end()),
            Ok(0) | Err(_) => return,
        }
    }
}

/// A program that was ended, or has ended by itself, which is its failure.
async fn end(mut child: Child, fed: io::Result<()>) -> io::Result<()> {
    let Err(error) = fed else {
        return child.kill().await;
    };
    // Closed pipes come just before the exit status.
    match tokio::time::timeout(Duration::from_secs(1), child.wait()).await {
        Ok(Ok(status)) => Err(io::Error::other(format!("it ended with {status}"))),
        Ok(Err(_)) | Err(_) => {
            child.kill().await?;
            Err(error)
        }
    }
}
