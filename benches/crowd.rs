//! Thousands of chat clients in one thread: cheap enough that what is measured is the relay, exact enough that nothing
//! that is lost or turned around goes unseen.
//!
//! Of every member it is known how many bytes it was told, of every tenth a digest of them too: members who were told the
//! same have the same. A few of them are read message by message: for the order, and for how old each message is.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail, ensure};
use flate2::read::DeflateDecoder;
use rustix::event::epoll;

/// One of so many members is read message by message.
const SAMPLE: usize = 97;
/// One of so many has a digest of what it is told; of the others only the length is known.
const DIGESTED: usize = 10;
const BUFFER: usize = 256 << 10;

pub(crate) struct Member {
    socket: TcpStream,
    /// Of the bytes since the last [`Crowd::forget`].
    bytes: u64,
    digest: u64,
    /// Bytes behind the last whole word of the digest.
    rest: ([u8; 8], usize),
    /// What has come of a frame that is not whole yet; of those in the sample.
    partial: Option<Vec<u8>>,
    newest: u64,
    reads: bool,
    open: bool,
}

pub(crate) struct Crowd {
    epoll: rustix::fd::OwnedFd,
    pub(crate) members: Vec<Member>,
    buffer: Vec<u8>,
    /// Ages of messages when they were read, in milliseconds.
    pub(crate) ages: Vec<f64>,
    pub(crate) out_of_order: usize,
    /// Messages that each member of the sample has got, and frames that they came in.
    pub(crate) messages: u64,
    pub(crate) frames: u64,
}

/// Microseconds, as messages carry them.
pub(crate) fn now_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

impl Crowd {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            members: Vec::new(),
            buffer: vec![0; BUFFER],
            ages: Vec::new(),
            out_of_order: 0,
            messages: 0,
            frames: 0,
        })
    }

    /// Connects plainly, for a sender that just sends.
    pub(crate) fn connect(&mut self, address: &str) -> Result<()> {
        self.add(TcpStream::connect(address)?)
    }

    /// Joins a room's chat; the welcome is read here.
    pub(crate) fn join(&mut self, address: &str, hello: &str) -> Result<()> {
        self.add(joined(address, hello)?)
    }

    fn add(&mut self, socket: TcpStream) -> Result<()> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let n = self.members.len();
        epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(n as u64), epoll::EventFlags::IN)?;
        let partial = n.is_multiple_of(SAMPLE).then(Vec::new);
        let member = Member {
            socket,
            bytes: 0,
            digest: 0,
            rest: ([0; 8], 0),
            partial,
            newest: 0,
            reads: true,
            open: true,
        };
        self.members.push(member);
        Ok(())
    }

    /// These read nothing any more.
    pub(crate) fn stop_reading(&mut self, which: impl Fn(usize) -> bool) -> Result<()> {
        for (_, member) in self.members.iter_mut().enumerate().filter(|(n, _)| which(*n)) {
            member.reads = false;
            member.partial = None;
            epoll::delete(&self.epoll, &member.socket)?;
        }
        Ok(())
    }

    /// All but the first so many leave.
    pub(crate) fn keep(&mut self, first: usize) {
        self.members.truncate(first);
    }

    /// Says a text of the protocol. Whom the relay has given up says nothing.
    pub(crate) fn say(&mut self, member: usize, text: &str) {
        let _ = self.members[member].socket.write_all(&frame(text.as_bytes()));
    }

    /// Reads for so long, and does what is due in between; `act` gives when it wants to be called again.
    pub(crate) fn run(
        &mut self,
        until: Instant,
        mut act: impl FnMut(&mut Self, Instant) -> Result<Option<Instant>>,
    ) -> Result<()> {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(1024);
        let mut due = Some(Instant::now());
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(());
            }
            if due.is_some_and(|due| due <= now) {
                due = act(self, now)?;
            }
            let next = due.map_or(until, |due| due.min(until));
            let wait = next.saturating_duration_since(Instant::now());
            let wait = rustix::event::Timespec {
                tv_sec: wait.as_secs() as i64,
                tv_nsec: i64::from(wait.subsec_nanos()),
            };
            events.clear();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
            for event in &events {
                self.read(event.data.u64() as usize)?;
            }
        }
    }

    /// Reads until nothing has come for so long.
    pub(crate) fn settle(&mut self, quiet: Duration, most: Duration) -> Result<()> {
        let end = Instant::now() + most;
        let mut before = self.total();
        let mut since = Instant::now();
        while since.elapsed() < quiet && Instant::now() < end {
            self.run(Instant::now() + Duration::from_millis(50), |_, _| Ok(None))?;
            if self.total() != before {
                (before, since) = (self.total(), Instant::now());
            }
        }
        Ok(())
    }

    /// Bytes of all.
    pub(crate) fn total(&self) -> u64 {
        self.members.iter().map(|member| member.bytes).sum()
    }

    /// From here on all are told the same.
    pub(crate) fn forget(&mut self) {
        for member in &mut self.members {
            (member.bytes, member.digest, member.rest.1, member.newest) = (0, 0, 0, 0);
        }
        self.ages.clear();
        (self.out_of_order, self.messages, self.frames) = (0, 0, 0);
    }

    /// Of those from there on who read and are still there: how many were told something else than the first.
    pub(crate) fn differing(&self, from: usize) -> usize {
        let mut reading = self.members[from..].iter().filter(|member| member.reads && member.open);
        let Some(first) = reading.next() else { return 0 };
        let told = |member: &&Member| {
            member.bytes == first.bytes && (member.digest == 0 || member.digest == first.digest)
        };
        reading.filter(|member| !told(member)).count()
    }

    /// How many are read message by message.
    pub(crate) fn sampled(&self) -> usize {
        self.members.iter().filter(|member| member.partial.is_some()).count()
    }

    pub(crate) fn open(&self) -> usize {
        self.members.iter().filter(|member| member.open).count()
    }

    fn read(&mut self, n: usize) -> Result<()> {
        let member = &mut self.members[n];
        // Of the others only the length counts, which the kernel tells without a copy.
        let got = if n.is_multiple_of(DIGESTED) || member.partial.is_some() {
            member.socket.read(&mut self.buffer)
        } else {
            let skipped = rustix::net::recv(&member.socket, &mut self.buffer, rustix::net::RecvFlags::TRUNC);
            skipped.map(|(_, length)| length).map_err(std::io::Error::from)
        };
        let got = match got {
            Ok(0) => {
                member.open = false;
                return Ok(epoll::delete(&self.epoll, &member.socket)?);
            }
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                member.open = false;
                return Ok(epoll::delete(&self.epoll, &member.socket)?);
            }
            Err(error) => bail!("member {n}: {error}"),
        };
        member.bytes += got as u64;
        if !n.is_multiple_of(DIGESTED) && member.partial.is_none() {
            return Ok(());
        }
        let bytes = &self.buffer[..got];
        member.mix(bytes);
        if let Some(mut partial) = member.partial.take() {
            partial.extend_from_slice(bytes);
            let newest = member.newest;
            self.members[n].newest = self.frames_of(&mut partial, newest);
            self.members[n].partial = Some(partial);
        }
        Ok(())
    }

    /// Takes whole frames off, and looks at each message in them.
    fn frames_of(&mut self, partial: &mut Vec<u8>, mut newest: u64) -> u64 {
        let now = now_us();
        let mut at = 0;
        while let Some((head, length)) = frame_head(&partial[at..]) {
            let Some(payload) = partial.get(at + head..at + head + length) else { break };
            self.frames += 1;
            let unpacked = is_packed(&partial[at..]).then(|| unpacked(payload));
            let payload = unpacked.as_deref().unwrap_or(payload);
            // `at <µs> …` is in the text of each message, and `{"seq":` begins each event.
            for place in find_all(payload, b"{\"seq\":") {
                let seq = number(&payload[place + 7..]);
                let Some(sent) = find_all(&payload[place..], b"sent ").next() else { continue };
                let sent = number(&payload[place + sent + 5..]);
                self.messages += 1;
                self.out_of_order += usize::from(seq <= newest);
                newest = seq;
                self.ages.push(now.saturating_sub(sent) as f64 / 1e3);
            }
            at += head + length;
        }
        partial.drain(..at);
        newest
    }
}

/// A connection that said hello; its welcome is not read yet.
pub(crate) fn joined(address: &str, hello: &str) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(address)?;
    write!(
        socket,
        "GET /ws/main HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        ensure!(socket.read(&mut byte)? == 1, "the relay takes the socket");
        head.push(byte[0]);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    socket.write_all(&frame(hello.as_bytes()))?;
    Ok(socket)
}

impl Member {
    /// The digest depends on the bytes and their order, and not on how they were cut.
    fn mix(&mut self, mut bytes: &[u8]) {
        let (rest, length) = &mut self.rest;
        if *length > 0 {
            let take = (8 - *length).min(bytes.len());
            rest[*length..*length + take].copy_from_slice(&bytes[..take]);
            *length += take;
            bytes = &bytes[take..];
            if *length < 8 {
                return;
            }
            self.digest = mixed(self.digest, *rest);
        }
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.digest = mixed(self.digest, word.try_into().unwrap_or_default());
        }
        let left = words.remainder();
        rest[..left.len()].copy_from_slice(left);
        *length = left.len();
    }
}

fn mixed(digest: u64, word: [u8; 8]) -> u64 {
    (digest.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A text frame of a client. Its mask is zero, so that the text stays as it is.
pub(crate) fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text);
    frame
}

/// How long the head of a server's frame is, and its payload.
pub(crate) fn frame_head(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? & 0x7f {
        126 => Some((4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)))),
        127 => Some((10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize)),
        length => Some((2, usize::from(length))),
    }
}

/// Whether a server's frame is binary.
fn is_packed(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 0x0f == 2)
}

fn unpacked(payload: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    // What cannot be read counts as nothing, and is missed.
    let _ = DeflateDecoder::new(payload).read_to_end(&mut text);
    text
}

pub(crate) fn find_all<'a>(text: &'a [u8], what: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    text.windows(what.len()).enumerate().filter(move |(_, window)| *window == what).map(|(at, _)| at)
}

pub(crate) fn number(text: &[u8]) -> u64 {
    text.iter().take_while(|c| c.is_ascii_digit()).fold(0, |n, c| n * 10 + u64::from(c - b'0'))
}
