//! Why bytes from outside are not taken.

/// What is wrong with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A codec that Footlight does not carry.
    #[error("{0} is not carried here")]
    Codec(Foreign),
    /// A frame or a decoder's configuration that is not what its header says.
    #[error("the media is damaged")]
    Media,
    /// RTMP: another version, or something else than RTMP.
    #[error("this is not RTMP version 3")]
    Version,
    /// RTMP: a chunk or a message that breaks the protocol.
    #[error("broken RTMP: {0}")]
    Rtmp(&'static str),
    /// RTMP: a message, or all that are open together, is larger than what is held.
    #[error("an RTMP message is too large")]
    TooLarge,
}

/// A codec that Footlight does not carry, by what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    Name(&'static str),
    /// The four letters of Enhanced RTMP.
    Letters([u8; 4]),
    /// The number of FLV.
    Number(u8),
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Letters(letters) => write!(f, "codec {}", letters.escape_ascii()),
            Self::Number(number) => write!(f, "codec number {number}"),
        }
    }
}
