//! Who will get in: what the relay foresees before a broadcast, and why.

use serde::{Deserialize, Serialize};

/// What the relay foresees. Pages translate `reasons` by their codes; `words` are for everybody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Forecast {
    /// Whether machines of the same local network get in.
    pub lan: bool,
    pub internet: Internet,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// The same as a sentence in English.
    pub words: String,
    /// Viewer pages as the others reach them, the farthest first.
    pub links: Vec<String>,
    /// What opened the router, where something did.
    pub opened_by: Option<Opener>,
    /// Whether the way round through the router's outer address led back here. Many routers do not allow it, so
    /// false says nothing.
    pub confirmed: bool,
    /// What the line carries upstream, in kbit/s: as set, or as the router says.
    pub uplink_kbit: Option<u32>,
    /// Viewers that the line carries, where both the line's and the broadcast's bitrate are known.
    pub seats: Option<u32>,
}

/// Whether people elsewhere get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Internet {
    Yes,
    /// The page and everything over TCP; media over UDP does not get through.
    Tcp,
    No,
    /// Nothing that could be asked knows.
    Unknown,
}

/// Why it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Reason {
    /// Sharing is off: the relay listens on loopback only.
    NotShared,
    /// This machine has no address in any network.
    NoNetwork,
    /// This machine has an address in the internet itself.
    PublicAddress,
    /// The operator has named an address under which the relay is reached.
    Advertised,
    /// The router has opened a port.
    PortOpened,
    /// The router was not asked to open a port.
    NotAsked,
    /// No router answered to a request for a port.
    RouterSilent,
    /// The router refused to open a port.
    RouterRefused,
    /// The router has opened a port, but is itself behind another router, such as the provider's.
    RouterBehindRouter,
    /// The router gives each connection another outer port, so nobody outside can be told one.
    SymmetricNat,
    /// UDP does not get out of this network.
    UdpBlocked,
    /// The router opened the port for TCP but not for UDP.
    UdpNotOpened,
    /// Only people with IPv6 may get in, where the router lets them.
    Ipv6Only,
}

/// How the router was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Opener {
    Upnp,
    NatPmp,
    Pcp,
}

impl Reason {
    /// The second half of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotShared => "sharing is switched off",
            Self::NoNetwork => "this computer is in no network",
            Self::PublicAddress => "this computer has a public address",
            Self::Advertised => "a public address is set for this relay",
            Self::PortOpened => "your router has opened a port",
            Self::NotAsked => "your router was not asked to open a port",
            Self::RouterSilent => "your router does not open ports by itself",
            Self::RouterRefused => "your router refused to open a port",
            Self::RouterBehindRouter => "your router is itself behind another one, perhaps your provider's",
            Self::SymmetricNat => "your router changes its outer port with every connection",
            Self::UdpBlocked => "UDP is blocked in this network",
            Self::UdpNotOpened => "your router opened the port for TCP only",
            Self::Ipv6Only => "people with IPv6 may get in, if your router lets them",
        }
    }
}

/// Says it in a sentence.
pub fn words(lan: bool, internet: Internet, reasons: &[Reason]) -> String {
    let verdict = match (internet, lan) {
        (Internet::Yes, _) => "Everybody can watch",
        (Internet::Tcp, _) => "Everybody can watch, though only over TCP",
        (Internet::No, true) => "Same Wi-Fi only",
        (Internet::No, false) => "Only this computer",
        (Internet::Unknown, true) => "Same Wi-Fi for sure, the internet perhaps",
        (Internet::Unknown, false) => "Perhaps nobody else",
    };
    let why: Vec<&str> = reasons.iter().map(|reason| reason.words()).collect();
    if why.is_empty() { format!("{verdict}.") } else { format!("{verdict}: {}.", why.join("; ")) }
}
