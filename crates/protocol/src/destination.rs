//! Where a broadcast goes besides the creator's own page: platforms and servers, by RTMP(S) or WHIP, and how each of
//! them does.
//!
//! A stream key is never part of a [`Destination`]: it goes from the window to the shell as a [`Key`] and never back.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{DestinationId, Failure};

/// Destinations that may be kept. Each costs its own share of the line upwards.
pub const MAX_DESTINATIONS: usize = 8;
/// Characters of a name.
pub const MAX_NAME: usize = 40;
/// Bytes of an address.
pub const MAX_URL: usize = 300;
/// Bytes of a stream key. The longest known ones, which carry a signature, have about 200.
pub const MAX_KEY: usize = 500;

/// One place to broadcast to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    pub id: DestinationId,
    #[serde(default)]
    pub platform: Platform,
    pub name: String,
    /// As [`Address::parse`] takes it.
    pub url: String,
    /// Whether a broadcast goes there.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

impl Destination {
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Misfit> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Misfit::Name);
        }
        Address::parse(&self.url).map(drop)
    }
}

/// A destination as the form hands it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// None for a new one.
    pub id: Option<DestinationId>,
    pub platform: Platform,
    pub name: String,
    pub url: String,
}

/// What a server wants to know of who publishes. It does not print itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// Takes it without the white space that comes along when it is copied.
    ///
    /// # Errors
    /// [`Misfit::Key`] for one that is empty, too long, or has something else than visible ASCII in it.
    pub fn new(text: &str) -> Result<Self, Misfit> {
        let key = text.trim();
        let good = !key.is_empty() && key.len() <= MAX_KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
        if good { Ok(Self(key.to_owned())) } else { Err(Misfit::Key) }
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Why a destination cannot be used as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// Empty, or longer than [`MAX_NAME`].
    Name,
    /// None of `rtmp://`, `rtmps://`, `https://` and `http://`, or longer than [`MAX_URL`].
    Address,
    /// RTMP without the path that names the application, as `/live`.
    Application,
    /// The address holds something that belongs into the key: a user, a password or parameters.
    KeyInAddress,
    /// Empty, longer than [`MAX_KEY`], or with characters that no key has.
    Key,
    /// More than [`MAX_DESTINATIONS`].
    TooMany,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a destination needs a name of 1 to 40 characters",
            Self::Address => "an address begins with rtmp://, rtmps://, or for WHIP https:// or http://",
            Self::Application => "an RTMP address names the application behind the host, as rtmp://HOST/live",
            Self::KeyInAddress => "an address must not hold a key: no user, password or parameters",
            Self::Key => "a stream key is 1 to 500 visible characters",
            Self::TooMany => "there may be 8 destinations at most",
        })
    }
}

impl std::error::Error for Misfit {}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Rtmp,
    /// RTMP in TLS.
    Rtmps,
    /// RFC 9725, over HTTPS or HTTP.
    Whip,
}

impl Protocol {
    /// Where the server listens when the address does not say.
    pub fn port(self) -> u16 {
        match self {
            Self::Rtmp => 1935,
            Self::Rtmps | Self::Whip => 443,
        }
    }
}

/// An address taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address<'a> {
    pub protocol: Protocol,
    /// Without the `whip+` that the command line puts in front.
    pub url: &'a str,
    /// Name or address of the host; IPv6 without its brackets.
    pub host: &'a str,
    pub port: Option<u16>,
    /// Behind the host, without the slashes at its ends: RTMP's application.
    pub path: &'a str,
}

impl<'a> Address<'a> {
    /// `rtmp://HOST/APP`, `rtmps://HOST/APP`, or for WHIP `https://HOST/PATH` and `http://HOST/PATH`, also with `whip+`
    /// in front.
    ///
    /// # Errors
    /// [`Misfit::Address`], [`Misfit::Application`], [`Misfit::KeyInAddress`].
    pub fn parse(text: &'a str) -> Result<Self, Misfit> {
        let text = text.trim();
        let url = text.strip_prefix("whip+http").map_or(text, |_| &text["whip+".len()..]);
        let (scheme, rest) = url.split_once("://").ok_or(Misfit::Address)?;
        let protocol = match scheme {
            "rtmp" => Protocol::Rtmp,
            "rtmps" => Protocol::Rtmps,
            "https" | "http" => Protocol::Whip,
            _ => return Err(Misfit::Address),
        };
        if url.len() > MAX_URL || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Misfit::Address);
        }
        if rest.contains(['@', '?', '#']) {
            return Err(Misfit::KeyInAddress);
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or(Misfit::Address)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0).ok_or(Misfit::Address)?),
            None if port.is_empty() => None,
            None => return Err(Misfit::Address),
        };
        if host.is_empty() {
            return Err(Misfit::Address);
        }
        let path = path.trim_matches('/');
        if protocol != Protocol::Whip && path.is_empty() {
            return Err(Misfit::Application);
        }
        Ok(Self { protocol, url, host, port, path })
    }
}

/// Where streams are watched. Which server to give and where its key is found is what the form knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    Twitch,
    YouTube,
    Facebook,
    Kick,
    Bilibili,
    Douyin,
    Douyu,
    Huya,
    /// Any other server, by RTMP or WHIP.
    #[default]
    Other,
}

impl Platform {
    pub const ALL: [Self; 9] = [
        Self::Twitch,
        Self::YouTube,
        Self::Facebook,
        Self::Kick,
        Self::Bilibili,
        Self::Douyin,
        Self::Douyu,
        Self::Huya,
        Self::Other,
    ];

    /// As on the wire.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Twitch => "twitch",
            Self::YouTube => "you_tube",
            Self::Facebook => "facebook",
            Self::Kick => "kick",
            Self::Bilibili => "bilibili",
            Self::Douyin => "douyin",
            Self::Douyu => "douyu",
            Self::Huya => "huya",
            Self::Other => "other",
        }
    }

    pub fn of(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|platform| platform.tag() == tag)
    }

    /// The server that the platform gives to everybody; none where each creator gets an address of their own.
    ///
    /// Twitch: the default of <https://dev.twitch.tv/docs/video-broadcast/reference/ingest/>. YouTube: what its Studio
    /// shows; <https://developers.google.com/youtube/v3/live/guides/rtmps-ingestion> asks for RTMPS on port 443.
    /// Facebook: what its Live Producer shows; <https://developers.facebook.com/docs/live-video-api/overview> takes
    /// RTMPS only. Kick, bilibili, 抖音, 斗鱼 and 虎牙 show each creator the address beside the key.
    pub fn server(self) -> Option<&'static str> {
        match self {
            Self::Twitch => Some("rtmps://ingest.global-contribute.live-video.net/app"),
            Self::YouTube => Some("rtmps://a.rtmps.youtube.com/live2"),
            Self::Facebook => Some("rtmps://live-api-s.facebook.com/rtmp"),
            Self::Kick | Self::Bilibili | Self::Douyin | Self::Douyu | Self::Huya | Self::Other => None,
        }
    }
}

/// How a destination does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DestinationState {
    /// Not on air, or switched off.
    #[default]
    Off,
    Connecting,
    /// On air there since (milliseconds since the Unix epoch).
    Live {
        since: u64,
    },
    /// On air, but the way there takes less than is sent: pictures are left out up to the next keyframe.
    Slow {
        since: u64,
    },
    /// Not connected; tried again by itself at `retry_at` (milliseconds since the Unix epoch).
    Waiting {
        attempt: u32,
        retry_at: u64,
        failure: Failure,
    },
    /// It does not take the key. Tried again by itself, but seldom.
    Refused {
        retry_at: u64,
        failure: Failure,
    },
}

impl DestinationState {
    /// Its name on the wire and as `data-state`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Connecting => "connecting",
            Self::Live { .. } => "live",
            Self::Slow { .. } => "slow",
            Self::Waiting { .. } => "waiting",
            Self::Refused { .. } => "refused",
        }
    }

    /// When it is tried again by itself.
    pub fn retry_at(&self) -> Option<u64> {
        match self {
            Self::Waiting { retry_at, .. } | Self::Refused { retry_at, .. } => Some(*retry_at),
            _ => None,
        }
    }
}

/// A destination as the window shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationStatus {
    pub destination: Destination,
    /// The creator's own page, or one of the command line: it can be neither changed nor removed.
    pub fixed: bool,
    /// Whether the shell keeps a key for it.
    pub has_key: bool,
    pub state: DestinationState,
    /// What left for it over the last second, in kbit/s.
    pub kbps: u32,
}

/// What leaves for one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    pub id: DestinationId,
    /// In kbit/s, over the last second.
    pub kbps: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_hold_no_key() {
        for (text, expected) in [
            ("rtmp://live.example.org/app", Ok((Protocol::Rtmp, "live.example.org", None, "app"))),
            ("rtmps://h:443/rtmp/", Ok((Protocol::Rtmps, "h", Some(443), "rtmp"))),
            ("rtmp://[::1]:1935/live/deep", Ok((Protocol::Rtmp, "::1", Some(1935), "live/deep"))),
            (" whip+https://h/whip/main ", Ok((Protocol::Whip, "h", None, "whip/main"))),
            ("http://127.0.0.1:8080/whip/main", Ok((Protocol::Whip, "127.0.0.1", Some(8080), "whip/main"))),
            ("https://h", Ok((Protocol::Whip, "h", None, ""))),
            ("rtmp://h", Err(Misfit::Application)),
            ("rtmp://h/", Err(Misfit::Application)),
            ("rtmp:///live", Err(Misfit::Address)),
            ("rtmp://h:0/live", Err(Misfit::Address)),
            ("rtmp://h:x/live", Err(Misfit::Address)),
            ("rtmp://[::1/live", Err(Misfit::Address)),
            ("rtmp://[::1]x/live", Err(Misfit::Address)),
            ("srt://h/live", Err(Misfit::Address)),
            ("whip+rtmp://h/live", Err(Misfit::Address)),
            ("h/live", Err(Misfit::Address)),
            ("", Err(Misfit::Address)),
            ("rtmp://key@h/live", Err(Misfit::KeyInAddress)),
            ("https://h/whip?token=1", Err(Misfit::KeyInAddress)),
            ("rtmp://h/li ve", Err(Misfit::Address)),
        ] {
            let parsed = Address::parse(text);
            let parts = parsed.as_ref().map(|a| (a.protocol, a.host, a.port, a.path)).map_err(|e| *e);
            assert_eq!(parts, expected, "{text}");
        }
        let long = format!("rtmp://h/{}", "a".repeat(MAX_URL));
        assert_eq!(Address::parse(&long), Err(Misfit::Address));
        assert_eq!(Address::parse("whip+http://h/w").map(|a| a.url), Ok("http://h/w"));
    }

    #[test]
    fn a_key_is_trimmed_bounded_and_not_printed() {
        let key = Key::new(" ?streamname=live_1&key=abc \n").unwrap();
        assert_eq!(key.reveal(), "?streamname=live_1&key=abc");
        assert_eq!(format!("{key:?}"), "Key");
        for bad in ["", " ", "a b", "钥匙", &"a".repeat(MAX_KEY + 1)] {
            assert_eq!(Key::new(bad), Err(Misfit::Key), "{bad}");
        }
    }

    #[test]
    fn platforms_are_known_by_their_tags_and_give_good_servers() {
        for platform in Platform::ALL {
            assert_eq!(serde_json::to_value(platform).unwrap(), platform.tag());
            assert_eq!(Platform::of(platform.tag()), Some(platform));
            if let Some(server) = platform.server() {
                assert!(Address::parse(server).is_ok(), "{server}");
            }
        }
    }
}
