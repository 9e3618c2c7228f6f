//! What can go wrong in the studio, and how it is said to a person.

use std::path::PathBuf;

use footlight_protocol::{Code, Failure};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A media file cannot be opened, or is not what its name says.
    #[error("{}: {why}", path.display())]
    File { path: PathBuf, why: String },
    /// A camera or microphone that nobody knows.
    #[error("{0}: no such device")]
    NoDevice(String),
    /// The picture cannot be encoded as it shall be, or libx264 failed.
    #[error(transparent)]
    Picture(#[from] footlight_codec::Error),
    /// The sound encoder failed; the text is the step.
    #[error("encoder: {0}")]
    Sound(&'static str),
    /// The device's driver refused; the text is the driver's.
    #[error("device: {0}")]
    Device(String),
    /// The operating system has no thread left.
    #[error("start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Error {
    /// How this is shown. Driver texts stay in the log.
    pub fn failure(&self) -> Failure {
        match self {
            Self::File { .. } => Failure::new(Code::FileUnreadable, self.to_string()),
            Self::NoDevice(_) => Failure::new(Code::CameraMissing, self.to_string()),
            Self::Picture(footlight_codec::Error::Setting(why)) => Failure::new(Code::BadSetting, *why),
            Self::Picture(_) | Self::Sound(_) => Failure::new(Code::EncoderFailed, "The encoder failed"),
            Self::Device(_) => Failure::new(Code::CameraFailed, "The device does not work"),
            Self::Thread(_) => Failure::new(Code::Internal, "The system has no resources left"),
        }
    }
}
