//! Answers an SDP offer: checks that it holds something this relay can carry, and prepares the connection.
//!
//! Runs on the HTTP side, so that parsing a stranger's text never delays a packet.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::net::TcpType;
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc};

use super::{Hosts, Prepared};
use crate::error::Error;

/// Why an offer got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not SDP, or SDP that contradicts itself.
    Malformed,
    /// Nothing in it that this relay carries: H.264 with packetization mode 1, or Opus.
    Unsupported,
}

/// What all answers of one relay share.
pub(crate) struct Answerer {
    hosts: Hosts,
    certificate: DtlsCert,
    crypto: Arc<CryptoProvider>,
}

/// Media sections in an offer. A publisher or viewer has two.
const SECTIONS: usize = 8;
/// H.264 profiles that browsers, OBS and x264 name: constrained baseline, baseline, main, high.
const PROFILES: [(u8, u32); 4] = [(96, 0x42e01f), (98, 0x42001f), (100, 0x4d001f), (102, 0x64001f)];

impl Answerer {
    pub(crate) fn new(addresses: Vec<IpAddr>, port: u16) -> Result<Self, Error> {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto
            .dtls_provider
            .generate_certificate()
            .ok_or(Error::System { what: "a DTLS certificate" })?;
        Ok(Self { hosts: Hosts::new(addresses, port), certificate, crypto })
    }

    /// The connection and the text of the answer.
    pub(crate) fn answer(&self, offer: &str) -> Result<(Prepared, String), Refused> {
        if offer.lines().filter(|line| line.starts_with("m=")).count() > SECTIONS {
            return Err(Refused::Malformed);
        }
        // The parser and the negotiation are not ours; whatever a stranger's text makes them do ends here.
        catch_unwind(AssertUnwindSafe(|| self.negotiate(offer))).unwrap_or(Err(Refused::Malformed))
    }

    fn negotiate(&self, text: &str) -> Result<(Prepared, String), Refused> {
        let offer = SdpOffer::from_sdp_string(text).map_err(|_| Refused::Malformed)?;
        let mut config = Rtc::builder()
            .set_crypto_provider(self.crypto.clone())
            .set_dtls_cert(self.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
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
        let answer = rtc.sdp_api().accept_offer(offer).map_err(|_| Refused::Malformed)?.to_sdp_string();
        if !carries_something(&answer) {
            return Err(Refused::Unsupported);
        }
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        Ok((Prepared { rtc: Box::new(rtc), ufrag }, answer))
    }
}

/// Whether at least one media section was accepted with a codec. A refused one has port 0.
fn carries_something(answer: &str) -> bool {
    let mut accepted = false;
    for line in answer.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            accepted = media.split_whitespace().nth(1) != Some("0");
        } else if accepted && line.starts_with("a=rtpmap:") {
            return true;
        }
    }
    false
}
