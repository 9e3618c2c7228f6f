//! Answers an SDP offer: checks that it holds something this relay can carry, and prepares the connection.
//!
//! Runs on the HTTP side, so that parsing a stranger's text never delays a packet. Only a restart of ICE is
//! negotiated inside the media thread, over a text of our own.

use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::net::TcpType;
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc};
use tokio::sync::watch;

use super::fragment::{Credentials, Fragment};
use super::sdp::{self, Refused};
use super::{External, Hosts, Prepared, Role};
use crate::error::Error;

/// What all answers of one relay share.
pub(crate) struct Answerer {
    hosts: Hosts,
    externals: watch::Receiver<Vec<External>>,
    certificate: DtlsCert,
    crypto: Arc<CryptoProvider>,
}

/// H.264 profiles that browsers, OBS and x264 name: constrained baseline, baseline, main, high.
const PROFILES: [(u8, u32); 4] = [(96, 0x42e01f), (98, 0x42001f), (100, 0x4d001f), (102, 0x64001f)];

impl Answerer {
    /// `externals` are addresses that routers lead here from; they may come and go.
    pub(crate) fn new(
        addresses: Vec<IpAddr>,
        port: u16,
        externals: watch::Receiver<Vec<External>>,
    ) -> Result<Self, Error> {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto
            .dtls_provider
            .generate_certificate()
            .ok_or(Error::System { what: "a DTLS certificate" })?;
        Ok(Self { hosts: Hosts::new(addresses, port), externals, certificate, crypto })
    }

    /// The connection and the text of the answer.
    pub(crate) fn answer(&self, offer: &str, role: Role) -> Result<(Prepared, String), Refused> {
        let turned = sdp::examine(offer, role)?;
        // The parser and the negotiation are not ours; whatever a stranger's text makes them do ends here.
        let negotiated = catch_unwind(AssertUnwindSafe(|| self.negotiate(&turned, role)));
        let (prepared, answer) = negotiated.unwrap_or(Err(SENSELESS))?;
        sdp::judge(offer, &answer, role)?;
        Ok((prepared, sdp::finish(&answer)))
    }

    fn negotiate(&self, text: &str, role: Role) -> Result<(Prepared, String), Refused> {
        let offer = SdpOffer::from_sdp_string(text).map_err(|_| SENSELESS)?;
        let mut config = Rtc::builder()
            .set_crypto_provider(self.crypto.clone())
            .set_dtls_cert(self.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            // What a viewer's player reports of its link comes no other way.
            .enable_raw_packets(role == Role::Viewer)
            .clear_codecs()
            .enable_opus(true, false)
            .set_extension(5, Extension::PlayoutDelay)
            .set_extension(9, Extension::AbsoluteCaptureTime);
        for (pt, profile) in PROFILES {
            config.codec_config().add_h264(pt.into(), Some((pt + 1).into()), true, profile);
        }
        let mut rtc = config.build(Instant::now());
        for address in self.hosts.candidates() {
            let tcp = Candidate::builder().tcp().host(address).tcptype(TcpType::Passive).build();
            for candidate in [Candidate::host(address, "udp"), tcp].into_iter().flatten() {
                rtc.add_local_candidate(candidate);
            }
        }
        self.externals.borrow().iter().flat_map(Self::outer).for_each(|candidate| {
            rtc.add_local_candidate(candidate);
        });
        let answer = rtc.sdp_api().accept_offer(offer).map_err(|_| SENSELESS)?.to_sdp_string();
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        let ice = ice(text).ok_or(SENSELESS)?;
        Ok((Prepared { rtc: Box::new(rtc), ufrag, ice }, answer))
    }

    /// The candidates of an outer address. An ICE-lite agent has host candidates only (RFC 8445 section 2.5);
    /// that a router stands in between is not for the peer to know.
    fn outer(external: &External) -> impl Iterator<Item = Candidate> {
        let address = |port| SocketAddr::new(external.ip, port);
        let udp = external.udp.map(|port| Candidate::host(address(port), "udp"));
        let tcp = external
            .tcp
            .map(|port| Candidate::builder().tcp().host(address(port)).tcptype(TcpType::Passive).build());
        [udp, tcp].into_iter().flatten().flatten()
    }
}

/// What str0m or our own look at the text could not take.
const SENSELESS: Refused = Refused::Malformed("The body is not an SDP offer that makes sense");

/// The ICE credentials in an offer, which are the same wherever they stand: everything is bundled.
fn ice(offer: &str) -> Option<Credentials> {
    let lines =
        offer.lines().filter(|line| line.starts_with("a=ice-ufrag:") || line.starts_with("a=ice-pwd:"));
    let text = lines.take(2).fold(String::new(), |text, line| text + line + "\n");
    Fragment::parse(&text).ok()?.credentials
}

/// Restarts ICE. Returns the new local user name and the answer, which holds the new credentials.
///
/// str0m restarts ICE when an offer comes with other credentials. This one has a single media section of a kind
/// that str0m leaves alone, so nothing but ICE changes.
pub(super) fn restart(rtc: &mut Rtc, ice: &Credentials) -> Option<(String, String)> {
    let text = format!(
        "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE ice\r\n\
         m=text 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:ice\r\na=inactive\r\na=setup:actpass\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n",
        ice.ufrag, ice.password
    );
    let offer = SdpOffer::from_sdp_string(&text).ok()?;
    let answer = rtc.sdp_api().accept_offer(offer).ok()?.to_sdp_string();
    Some((rtc.direct_api().local_ice_credentials().ufrag, answer))
}
