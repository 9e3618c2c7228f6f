//! A plain TCP connection with two writers: the server that it belongs to, and the room, which has frames ready for it.
//!
//! A frame that everybody gets is made once and handed to the kernel by whoever tells the room, without waking the
//! session. What the kernel does not take at once waits here, in order and never cut in two by another writer, until the
//! session finds the connection writable.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::frame::Frame;
use crate::lock::lock;

/// Frames that go to the kernel in one call.
const AT_ONCE: usize = 16;
/// What a session's own answers to pings may take while they wait, in bytes. Full ⇒ it is not read any more.
const OWN: usize = 16 << 10;
/// What the kernel keeps for one connection, in bytes: a second of a very busy chat. Left to itself it takes megabytes for
/// somebody who does not read, a copy for each, and who is too slow is noticed late.
const KERNEL: usize = 64 << 10;

#[derive(Clone)]
pub(crate) struct Pipe(Arc<Inner>);

struct Inner {
    tcp: TcpStream,
    /// Whether others write too; until then it is a connection like any other.
    shared: AtomicBool,
    rest: Mutex<Rest>,
}

/// What the kernel has not taken yet.
#[derive(Default)]
struct Rest {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Rest {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back(piece);
    }

    /// Writes what the kernel takes; says whether that was all.
    fn write(&mut self, tcp: &TcpStream) -> io::Result<bool> {
        while let Some(piece) = self.pieces.front_mut() {
            match tcp.try_write(piece) {
                Ok(written) => {
                    self.bytes -= written;
                    piece.advance(written);
                    if piece.is_empty() {
                        self.pieces.pop_front();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// What became of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// The kernel has them.
    Written,
    /// Some wait, and nothing did before.
    Begun,
    /// They wait behind what did before.
    Waiting,
    /// They would have to wait, and there is no room for so many. None was taken.
    Full,
}

impl Pipe {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self(Arc::new(Inner { tcp, shared: AtomicBool::new(false), rest: Mutex::default() }))
    }

    /// From now on others write as well, and what is not read waits here rather than in the kernel.
    pub(crate) fn share(&self) {
        // Refused, it is as large as the kernel likes.
        let _ = socket2::SockRef::from(&self.0.tcp).set_send_buffer_size(KERNEL);
        self.0.shared.store(true, Ordering::Release);
    }

    /// All of them or none, where at most `most` bytes wait then.
    pub(crate) fn put(&self, frames: &[Frame], most: usize) -> Put {
        let mut rest = self.rest();
        let all = frames.iter().map(Frame::len).sum::<usize>();
        let mut written = 0;
        if rest.pieces.is_empty() {
            written = write(&self.0.tcp, frames);
            if written == all {
                return Put::Written;
            }
        }
        // A frame that has begun is finished, whatever waits then.
        if written == 0 && rest.bytes + all > most {
            return Put::Full;
        }
        let put = if rest.pieces.is_empty() { Put::Begun } else { Put::Waiting };
        for frame in frames {
            let gone = written.min(frame.len());
            written -= gone;
            if gone < frame.len() {
                rest.push(frame.bytes().slice(gone..));
            }
        }
        put
    }

    /// Forgets what waits, but for the end of a frame that has begun.
    pub(crate) fn give_up(&self) {
        let mut rest = self.rest();
        rest.pieces.truncate(1);
        rest.bytes = rest.pieces.front().map_or(0, Bytes::len);
    }

    /// Ends the connection, whoever else still has it.
    pub(crate) fn end(&self) {
        // It may be broken already.
        let _ = socket2::SockRef::from(&self.0.tcp).shutdown(Shutdown::Both);
    }

    /// Resolves once nothing waits, or the connection is broken: its reader hears of that.
    pub(crate) async fn drained(&self) {
        while matches!(self.write_rest(), Ok(false)) {
            if self.0.tcp.writable().await.is_err() {
                return;
            }
        }
    }

    fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write_rest()? {
            ready!(self.0.tcp.poll_write_ready(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn write_rest(&self) -> io::Result<bool> {
        self.rest().write(&self.0.tcp)
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        lock(&self.0.rest)
    }
}

/// Writes as much as the kernel takes at once. A connection that is broken takes nothing; its reader hears of it.
fn write(tcp: &TcpStream, frames: &[Frame]) -> usize {
    if let [frame] = frames {
        return straight(tcp, frame.bytes()).unwrap_or(0);
    }
    let mut all = 0;
    for some in frames.chunks(AT_ONCE) {
        let mut slices = [IoSlice::new(&[]); AT_ONCE];
        for (slice, frame) in slices.iter_mut().zip(some) {
            *slice = IoSlice::new(frame.bytes());
        }
        let written = tcp.try_write_vectored(&slices[..some.len()]).unwrap_or(0);
        all += written;
        if written < some.iter().map(Frame::len).sum() {
            break;
        }
    }
    all
}

/// Past the runtime's own account of what is writable, which is memory of its own for each connection. It is kept only
/// where the kernel takes nothing, since only then it is waited for.
#[cfg(unix)]
fn straight(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    use rustix::net::SendFlags;
    match rustix::net::send(tcp, bytes, SendFlags::DONTWAIT) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => tcp.try_write(bytes),
        sent => Ok(sent?),
    }
}

#[cfg(not(unix))]
fn straight(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    tcp.try_write(bytes)
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.tcp.poll_read_ready(cx))?;
            match self.0.tcp.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Pipe {
    /// Once others write too, all of the bytes or none: they are whole frames.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tcp = &self.0.tcp;
        let once = || match tcp.try_write_vectored(slices) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            written => written.map(Some),
        };
        if !self.0.shared.load(Ordering::Acquire) {
            loop {
                ready!(tcp.poll_write_ready(cx))?;
                if let Some(written) = once()? {
                    return Poll::Ready(Ok(written));
                }
            }
        }
        loop {
            let mut rest = self.rest();
            if rest.bytes < OWN {
                let mut written = if rest.pieces.is_empty() { once()?.unwrap_or(0) } else { 0 };
                for slice in slices {
                    let gone = written.min(slice.len());
                    written -= gone;
                    if gone < slice.len() {
                        rest.push(Bytes::copy_from_slice(&slice[gone..]));
                    }
                }
                return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
            }
            drop(rest);
            ready!(self.poll_drained(cx))?;
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drained(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drained(cx))?;
        Poll::Ready(socket2::SockRef::from(&self.0.tcp).shutdown(Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn ends() -> (Pipe, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (Pipe::new(server), client)
    }

    /// Two writers and a reader that is late: each frame comes whole, those of one writer in their order.
    #[tokio::test(flavor = "multi_thread")]
    async fn frames_of_two_writers_are_never_mixed() {
        const EACH: usize = 2_000;
        let (pipe, mut client) = ends().await;
        pipe.share();
        let room = {
            let pipe = pipe.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    let frames = [Frame::text(&format!("r{n:05}{}", "x".repeat(900 + n % 300)))];
                    while pipe.put(&frames, 64 << 10) == Put::Full {
                        pipe.drained().await;
                    }
                }
                pipe.drained().await;
            })
        };
        let own = {
            let mut pipe = pipe.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    pipe.write_all(Frame::text(&format!("o{n:05}")).bytes()).await.unwrap();
                    if n % 64 == 0 {
                        pipe.flush().await.unwrap();
                    }
                }
                pipe.flush().await.unwrap();
            })
        };
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let (mut room_said, mut own_said) = (0, 0);
        while room_said + own_said < 2 * EACH {
            assert_eq!(client.read_u8().await.unwrap(), 0x81);
            let length = match client.read_u8().await.unwrap() {
                126 => usize::from(client.read_u16().await.unwrap()),
                length => usize::from(length),
            };
            let mut text = vec![0; length];
            client.read_exact(&mut text).await.unwrap();
            let text = String::from_utf8(text).unwrap();
            let said = if text.starts_with('r') { &mut room_said } else { &mut own_said };
            assert_eq!(text[1..6].parse::<usize>().unwrap(), *said, "in order");
            *said += 1;
        }
        room.await.unwrap();
        own.await.unwrap();
    }

    #[tokio::test]
    async fn what_finds_no_room_is_not_begun() {
        let (pipe, mut client) = ends().await;
        pipe.share();
        let frame = [Frame::text(&"x".repeat(60_000))];
        let mut taken = 0;
        while pipe.put(&frame, 128 << 10) != Put::Full {
            taken += 1;
            assert!(taken < 1_000, "the kernel's buffers end somewhere");
        }
        pipe.give_up();
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.map(|_| all.len())
        });
        let mut end = pipe;
        end.shutdown().await.unwrap();
        let read = reading.await.unwrap().unwrap();
        assert_eq!(read % frame[0].len(), 0, "what was begun is whole");
        assert!(read <= taken * frame[0].len());
    }
}
