//! The command line. Every flag that is a setting overrides the settings file; FOOTLIGHT_* variables stand
//! between the two.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use footlight_protocol::RoomId;
use footlight_protocol::destination::{Address, Misfit, Protocol};
use footlight_protocol::studio::LayerLimit;
use footlight_relay::Rtmp;
use footlight_studio::{Secret, Target};

/// A desktop broadcaster that carries its own audience.
#[derive(Debug, Parser)]
#[command(name = "footlight", version, about, disable_help_subcommand = true)]
pub(crate) struct Flags {
    /// Run without a window
    #[arg(long)]
    pub(crate) headless: bool,
    /// Start without the camera, microphone, scenes and overlays of the last run, which stay as they are
    #[arg(long)]
    pub(crate) safe: bool,
    /// Go live at once
    #[arg(long)]
    pub(crate) live: bool,
    /// Record on this computer from the start, live or not
    #[arg(long)]
    pub(crate) record: bool,
    /// Camera: a device's id, pattern, file:PATH (MP4 with H.264, or .y4m) or none
    #[arg(long, env = "FOOTLIGHT_CAMERA", value_name = "ID|pattern|file:PATH|none")]
    pub(crate) camera: Option<String>,
    /// Microphone: a device's id, tone, file:PATH (MP4, WAV, MP3, Ogg or FLAC) or none
    #[arg(long, env = "FOOTLIGHT_MICROPHONE", value_name = "ID|tone|file:PATH|none")]
    pub(crate) microphone: Option<String>,
    /// Picture size
    #[arg(long, env = "FOOTLIGHT_SIZE", value_name = "WxH")]
    pub(crate) size: Option<Size>,
    /// Frames a second
    #[arg(long, env = "FOOTLIGHT_FPS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=120))]
    pub(crate) fps: Option<u32>,
    /// Video bitrate
    #[arg(long, env = "FOOTLIGHT_BITRATE", value_name = "KBPS", value_parser = clap::value_parser!(u32).range(100..=50_000))]
    pub(crate) bitrate: Option<u32>,
    /// In how many qualities the picture may go out; auto decides by what this computer has to spare
    #[arg(long, env = "FOOTLIGHT_LAYERS", value_name = "auto|1|2|3")]
    pub(crate) layers: Option<LayerLimit>,
    /// Keep size and frame rate as they are set, whatever the line and this computer carry
    #[arg(long, env = "FOOTLIGHT_FIXED")]
    pub(crate) fixed: bool,
    /// Where the bundled relay listens; port 0 picks a free one
    #[arg(long, env = "FOOTLIGHT_LISTEN", value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the bundled relay takes RTMP, or off; the default is port 1935 of the address of --listen, if it is free
    #[arg(long, env = "FOOTLIGHT_RTMP", value_name = "ADDR:PORT")]
    pub(crate) rtmp: Option<Rtmp>,
    /// Folder of the relay's store, the keys and the settings
    #[arg(long, env = "FOOTLIGHT_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Settings file, in place of settings.toml in the data folder
    #[arg(long, env = "FOOTLIGHT_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Room name, the last part of the link
    #[arg(long, env = "FOOTLIGHT_ROOM", value_name = "NAME")]
    pub(crate) room: Option<RoomId>,
    /// Publish there instead of to the bundled relay: whip+https://HOST/whip/ROOM, rtmp://HOST/APP or
    /// rtmps://HOST/APP (repeatable; the key is taken from FOOTLIGHT_STREAM_KEY)
    #[arg(long, value_name = "URL")]
    pub(crate) to: Vec<TargetUrl>,
    /// Print events as JSON, one a line, on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// List cameras and microphones and exit
    #[arg(long)]
    pub(crate) list_devices: bool,
}

/// `1280x720`: even sides, 64 to 7680.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |text: &str| text.parse().ok().filter(|side| (64..=7680).contains(side) && side % 2 == 0);
        text.split_once('x')
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }))
            .ok_or("a size is WIDTHxHEIGHT, both even and between 64 and 7680, for example 1280x720")
    }
}

/// A place to publish to. Holds no key: those come from the environment or the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TargetUrl {
    pub(crate) protocol: Protocol,
    /// The WHIP endpoint, http or https, or the RTMP server with its application.
    pub(crate) url: String,
}

impl TargetUrl {
    /// The target with its key.
    pub(crate) fn with(&self, key: Secret) -> Target {
        target(self.protocol, self.url.clone(), key)
    }
}

/// An address and a key as the studio takes them.
pub(crate) fn target(protocol: Protocol, url: String, key: Secret) -> Target {
    match protocol {
        Protocol::Whip => Target::Whip { url, key },
        Protocol::Rtmp | Protocol::Rtmps => Target::Rtmp { url, key },
    }
}

impl FromStr for TargetUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = Address::parse(text).map_err(|misfit| match misfit {
            Misfit::KeyInAddress => "a target's URL must not hold a key; put it into FOOTLIGHT_STREAM_KEY",
            Misfit::Application => "an RTMP target is rtmp://HOST/APP or rtmps://HOST/APP",
            _ => NO_TARGET,
        })?;
        if address.protocol == Protocol::Whip && !text.starts_with("whip+") {
            return Err(NO_TARGET);
        }
        Ok(Self { protocol: address.protocol, url: address.url.to_owned() })
    }
}

const NO_TARGET: &str =
    "a target is whip+https://HOST/PATH, whip+http://HOST/PATH, rtmp://HOST/APP or rtmps://HOST/APP";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Flags::command().debug_assert();
    }

    #[test]
    fn sizes_are_even_and_bounded() {
        for (text, ok) in [
            ("1280x720", true),
            ("64x64", true),
            ("1281x720", false),
            ("1280", false),
            ("0x0", false),
            ("99999x720", false),
            ("-2x64", false),
        ] {
            assert_eq!(text.parse::<Size>().is_ok(), ok, "{text}");
        }
    }

    #[test]
    fn targets_are_whip_or_rtmp_and_hold_no_key() {
        for (text, ok) in [
            ("whip+https://example.org/whip/main", true),
            ("whip+http://127.0.0.1:8080/whip/main", true),
            ("https://example.org", false),
            ("whip+https://", false),
            ("whip+http://key@example.org/", false),
            ("whip+https://example.org/whip?key=1", false),
            ("rtmp://example.org/live", true),
            ("rtmps://example.org:443/app/deep", true),
            ("rtmp://example.org", false),
            ("rtmp://key@example.org/live", false),
            ("whip+rtmp://example.org/live", false),
        ] {
            assert_eq!(text.parse::<TargetUrl>().is_ok(), ok, "{text}");
        }
    }
}
