//! Makes lower layers of a picture that comes to the relay in one quality, so that viewers on narrow links have one too.
//!
//! It runs as a process of its own at the lowest priority: the relay hands it pictures over a pipe and gets smaller ones
//! back ([`footlight_media::handoff`]). So the broadcast never waits for it, damaged video that upsets the decoder ends
//! this process alone, and whether there are cores to spare is measured by doing it: it keeps up, or it makes nothing.

mod maker;
mod pace;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use bytes::Bytes;
use footlight_media::handoff::{HEADER, Header, LIMIT, Message};
use footlight_protocol::studio::LayerLimit;

use maker::Maker;

/// Serves the relay on standard input and output until the former ends.
pub fn main() -> ExitCode {
    // Where the system refuses, the measuring still sees to it that nothing else suffers for long.
    #[cfg(unix)]
    let _ = rustix::process::nice(19);
    let limit = match std::env::var(LIMIT).map(|limit| limit.parse()) {
        Ok(Ok(limit)) => limit,
        Ok(Err(why)) => {
            eprintln!("footlight-renditions: {LIMIT} is {why}");
            return ExitCode::from(2);
        }
        Err(_) => LayerLimit::Auto,
    };
    // By hand there is nothing to read, and a terminal is no relay.
    match serve(io::stdin().lock(), io::stdout().lock(), limit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("footlight-renditions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Takes messages until `from` ends.
fn serve(mut from: impl Read, mut to: impl Write, limit: LayerLimit) -> io::Result<()> {
    let mut maker = Maker::new(limit);
    while let Some(message) = read(&mut from)? {
        for answer in maker.take(message) {
            let (header, data) = answer.parts();
            to.write_all(&header)?;
            to.write_all(data)?;
        }
        to.flush()?;
    }
    Ok(())
}

/// The next message; `None` at the end.
fn read(from: &mut impl Read) -> io::Result<Option<Message>> {
    let mut header = [0; HEADER];
    match from.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let damaged = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let header = Header::read(&header).map_err(damaged)?;
    let mut data = vec![0; header.length()];
    from.read_exact(&mut data)?;
    header.message(Bytes::from(data)).map(Some).map_err(damaged)
}
