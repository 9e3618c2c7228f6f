//! What can keep a relay from starting or make it stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use footlight_protocol::RoomId;

/// Why the relay does not run. Each says what a person can do something about: an address, a file, a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process listens there.
    #[error("{address} is already in use")]
    Busy { address: SocketAddr },
    /// The address cannot be bound for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    /// A file or folder cannot be read, made or written.
    #[error("cannot use {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// The configuration file is not what [`crate::Config`] reads.
    #[error("{}: {message}", path.display())]
    ConfigFile { path: PathBuf, message: String },
    /// A certificate or its key cannot be used.
    #[error("cannot use {}: {message}", path.display())]
    Certificate { path: PathBuf, message: String },
    /// A setting has a value that cannot be used.
    #[error("{setting}: {message}")]
    Setting { setting: &'static str, message: String },
    /// The database failed or was written by a newer program.
    #[error("the database {place}: {message}")]
    Store { place: String, message: String },
    /// The operating system's random numbers, crypto or threads failed.
    #[error("the system refused {what}")]
    System { what: &'static str },
    /// A part of the relay ended by itself; the log says why.
    #[error("{part} stopped unexpectedly")]
    Stopped { part: &'static str },
    /// Shutdown took longer than its budget.
    #[error("still running after the shutdown budget: {parts}")]
    Overdue { parts: String },
    /// A room that this relay does not have.
    #[error("there is no room {0}")]
    NoRoom(RoomId),
}

impl Error {
    pub(crate) fn listen(address: SocketAddr, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::AddrInUse {
            Self::Busy { address }
        } else {
            Self::Listen { address, source }
        }
    }
}
