//! How hard libx264 tries.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// How much work libx264 puts into a picture. Slower means a better picture for the same bitrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    Ultrafast,
    /// As good as `Veryfast` at live settings, for half the time.
    #[default]
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
}

impl Preset {
    const ALL: [Self; 6] =
        [Self::Ultrafast, Self::Superfast, Self::Veryfast, Self::Faster, Self::Fast, Self::Medium];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|preset| preset.name() == name);
        known.ok_or(Error::Setting(
            "The preset is one of ultrafast, superfast, veryfast, faster, fast, medium",
        ))
    }
}
