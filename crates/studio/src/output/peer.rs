//! The peer connection: one H.264 and one Opus track, send only, with NACK/RTX, transport-wide feedback and
//! abs-capture-time. The picture goes in layers where the relay takes them (simulcast, RFC 8853): every packet says by
//! header extensions which one it is of (RFC 8852), because the offer names no SSRC then.
//!
//! Gathers exactly one address, the one that routes to the relay. Nomination waits of the ICE agent are switched
//! off: they exist to prefer better candidates, and there is only one.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use footlight_media::Codec;
use footlight_media::rtp::{MAX_PAYLOAD, Payload, packetize};
use rtc::interceptor::{NackResponderBuilder, Registry, SenderReportBuilder, Slot, TwccSenderBuilder};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MediaEngine,
};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use tokio::sync::watch;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
    RTCPeerConnectionState,
};
use webrtc::rtp_transceiver::RtpSender;

use super::random_u32;
use super::resend::{REPAIRED_RID, Repairs, Resends};
use super::tap::{Link, TRANSPORT_CC, Tap};
use crate::air::NAMES;
use crate::lane::Parcel;

const ABS_CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const VIDEO: u8 = 102;
pub(super) const VIDEO_RTX: u8 = 103;
const AUDIO: u8 = 111;
/// Packets that can be sent again: 3 s at 2.5 Mbit/s.
const RESEND: u16 = 1024;
/// Between two connectivity checks while connecting.
const CHECK: Duration = Duration::from_millis(20);
/// Checks before a pair is given up: 3 s.
const CHECKS: u16 = 150;
/// Consent is asked this often, and silence this long is a lost connection.
const KEEPALIVE: Duration = Duration::from_millis(500);
const SILENCE: Duration = Duration::from_millis(2500);
/// After which it cannot be saved, beyond that: longer than this program may be stopped and go on in the same session.
const HOPELESS: Duration = Duration::from_secs(20);
/// Gathering one host address takes no network round trip.
const GATHERING: Duration = Duration::from_secs(1);

pub(super) type Failed = webrtc::error::Error;

/// The connection's states, as far as a sender cares.
struct States {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for States {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }
}

pub(super) struct Peer {
    connection: Arc<dyn PeerConnection>,
    video: Stream,
    audio: Stream,
    gathered: watch::Receiver<bool>,
    pub(super) state: watch::Receiver<RTCPeerConnectionState>,
    payloads: Vec<Payload>,
    link: Arc<Link>,
    repairs: Arc<OnceLock<Repairs>>,
    /// Of the video section.
    mid: Bytes,
}

impl Peer {
    /// A connection that will speak to `relay`, and offer the picture in so many layers.
    pub(super) async fn new(relay: SocketAddr, link: Arc<Link>, layers: usize) -> Result<Self, Failed> {
        let names = NAMES[layers.clamp(1, NAMES.len()) - 1];
        let repairs = Arc::new(OnceLock::new());
        let mut engine = MediaEngine::default();
        register(&mut engine)?;
        let registry = Registry::new()
            .with(Slot::NackResponder, NackResponderBuilder::new().with_size(RESEND).build())
            // The pacer's place, which is free: behind the resends and in front of their numbers.
            .with(Slot::Pacer, Resends::new(Arc::clone(&repairs), Arc::clone(&link.lane)))
            .with(Slot::SenderReport, SenderReportBuilder::new().build())
            .with(Slot::TwccSender, TwccSenderBuilder::new().build())
            .with(Slot::CongestionControl, Tap::new(Arc::clone(&link)));
        let now = Some(Duration::ZERO);
        let settings = SettingEngineBuilder::new()
            .with_ice_timeouts(Some(SILENCE), Some(HOPELESS), Some(KEEPALIVE))
            .with_ice_connection_attempts(Some(CHECK), Some(CHECKS))
            .with_host_acceptance_min_wait(now)
            .with_prflx_acceptance_min_wait(now)
            .with_srflx_acceptance_min_wait(now)
            .with_include_loopback_candidate(true)
            .build();
        let (gathered, gathering) = watch::channel(false);
        let (state, states) = watch::channel(RTCPeerConnectionState::New);
        let local = SocketAddr::new(local_address(relay), 0);
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(engine)
            .with_setting_engine(settings)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(States { gathered, state }) as Arc<dyn PeerConnectionEventHandler>)
            .with_udp_addrs(vec![local])
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let video = Stream::add(&connection, RtpCodecKind::Video, h264(), true, names).await?;
        let audio = Stream::add(&connection, RtpCodecKind::Audio, opus(), false, NAMES[0]).await?;
        link.carries(video.layers.iter().map(|layer| layer.ssrc).collect());
        let (payloads, mid) = (Vec::new(), Bytes::new());
        let (gathered, state) = (gathering, states);
        Ok(Self { connection, video, audio, gathered, state, payloads, link, repairs, mid })
    }

    /// The offer with its candidate inside.
    pub(super) async fn offer(&mut self) -> Result<String, Failed> {
        let offer = self.connection.create_offer(None).await?;
        self.connection.set_local_description(offer).await?;
        // Late gathering costs a try, nothing else.
        drop(tokio::time::timeout(GATHERING, self.gathered.wait_for(|done| *done)).await);
        let offer = self.connection.local_description().await;
        let offer = offer.ok_or_else(|| Failed::Other("no local description".into()))?.sdp;
        self.mid = Bytes::copy_from_slice(video_mid(&offer).unwrap_or_default().as_bytes());
        Ok(offer)
    }

    pub(super) async fn accept(&mut self, answer: String) -> Result<(), Failed> {
        // Who does not take layers gets the picture itself, as if nothing else had been offered (RFC 8853 section
        // 5.3.3).
        let taken = answer.lines().any(|line| line.starts_with("a=simulcast:recv"));
        let layers = if taken { self.video.layers.len() } else { 1 };
        self.connection.set_remote_description(RTCSessionDescription::answer(answer)?).await?;
        self.video.settle().await?;
        self.audio.settle().await?;
        if taken {
            let named = |layer: &Layer| (layer.rtx, layer.name.clone());
            let layers = self.video.layers.iter().map(named).collect();
            drop(self.repairs.set(Repairs { mid: self.mid.clone(), layers }));
        } else {
            self.video.layers.truncate(1);
            self.video.layers[0].name = Bytes::new();
        }
        self.link.lane.layers.store(layers, Ordering::Relaxed);
        Ok(())
    }

    /// Packetizes and sends.
    pub(super) async fn send(&mut self, parcel: &Parcel) -> Result<(), Failed> {
        let Parcel { layer, packet } = parcel;
        self.payloads.clear();
        packetize(packet, MAX_PAYLOAD, &mut self.payloads);
        let stream = if packet.codec == Codec::H264 { &mut self.video } else { &mut self.audio };
        let timestamp = stream.offset.wrapping_add(packet.captured.to_rtp(packet.codec.clock_rate()));
        let captured = Bytes::copy_from_slice(&packet.captured.to_ntp().to_be_bytes());
        for payload in self.payloads.drain(..) {
            stream.send(*layer, payload, timestamp, &captured, &self.mid).await?;
        }
        Ok(())
    }

    pub(super) async fn close(&self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "close the peer connection");
        }
    }
}

/// One outgoing track.
struct Stream {
    sender: Arc<dyn RtpSender>,
    track: Arc<TrackLocalStaticRTP>,
    /// At least one, best first.
    layers: Vec<Layer>,
    /// Of all layers: the same instant is the same timestamp.
    offset: u32,
    payload_type: u8,
    capture_extension: Option<u8>,
    mid_extension: Option<u8>,
    rid_extension: Option<u8>,
}

/// One RTP stream of a track.
struct Layer {
    /// Empty where there is just one.
    name: Bytes,
    ssrc: u32,
    rtx: u32,
    sequence: u16,
}

impl Layer {
    fn new(name: &str) -> Self {
        Self {
            name: Bytes::copy_from_slice(name.as_bytes()),
            ssrc: random_u32(),
            rtx: random_u32(),
            // The first bit stays clear, as RFC 3711 section 3.3.1 advises for the first packet.
            sequence: random_u32() as u16 & 0x7fff,
        }
    }
}

impl Stream {
    async fn add(
        connection: &Arc<dyn PeerConnection>,
        kind: RtpCodecKind,
        codec: RTCRtpCodecParameters,
        resend: bool,
        names: &[&str],
    ) -> Result<Self, Failed> {
        let layers: Vec<Layer> = names.iter().map(|name| Layer::new(name)).collect();
        let coding = |(layer, name): (&Layer, &&str)| RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                rid: (*name).to_owned(),
                ssrc: Some(layer.ssrc),
                rtx: resend.then_some(RTCRtpRtxParameters { ssrc: layer.rtx }),
                ..Default::default()
            },
            active: true,
            codec: codec.rtp_codec.clone(),
            ..Default::default()
        };
        let codings = layers.iter().zip(names).map(coding).collect();
        let name = if kind == RtpCodecKind::Video { "video" } else { "audio" };
        let track = MediaStreamTrack::new("footlight".into(), name.into(), name.into(), kind, codings);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        let sender = connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await?;
        Ok(Self {
            sender,
            track,
            layers,
            offset: random_u32(),
            payload_type: codec.payload_type,
            capture_extension: None,
            mid_extension: None,
            rid_extension: None,
        })
    }

    /// Takes over what the answer chose.
    async fn settle(&mut self) -> Result<(), Failed> {
        let parameters = self.sender.get_parameters().await?.rtp_parameters;
        let Some(codec) = parameters.codecs.first() else {
            return Err(Failed::Other("the relay took no codec".into()));
        };
        self.payload_type = codec.payload_type;
        let extension = |uri: &str| {
            let found = parameters.header_extensions.iter().find(|e| e.uri == uri);
            found.and_then(|e| u8::try_from(e.id).ok())
        };
        self.capture_extension = extension(ABS_CAPTURE_TIME);
        (self.mid_extension, self.rid_extension) = (extension(MID), extension(RID));
        Ok(())
    }

    async fn send(
        &mut self,
        layer: usize,
        payload: Payload,
        timestamp: u32,
        captured: &Bytes,
        mid: &Bytes,
    ) -> Result<(), Failed> {
        // What was queued for a session that took more.
        let Some(layer) = self.layers.get_mut(layer) else { return Ok(()) };
        let mut packet = rtc::rtp::Packet {
            header: rtc::rtp::header::Header {
                version: 2,
                marker: payload.marker,
                payload_type: self.payload_type,
                sequence_number: layer.sequence,
                timestamp,
                ssrc: layer.ssrc,
                ..Default::default()
            },
            payload: Bytes::from_owner(payload.bytes),
        };
        layer.sequence = layer.sequence.wrapping_add(1);
        if let Some(id) = self.capture_extension {
            packet.header.set_extension(id, captured.clone())?;
        }
        if let (Some(mid_id), Some(rid_id), false) =
            (self.mid_extension, self.rid_extension, layer.name.is_empty())
        {
            packet.header.set_extension(mid_id, mid.clone())?;
            packet.header.set_extension(rid_id, layer.name.clone())?;
        }
        self.track.write_rtp(packet).await
    }
}

fn register(engine: &mut MediaEngine) -> Result<(), Failed> {
    engine.register_codec(h264(), RtpCodecKind::Video)?;
    let rtx = RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_RTX.into(),
            clock_rate: Codec::H264.clock_rate(),
            channels: 0,
            sdp_fmtp_line: format!("apt={VIDEO}"),
            rtcp_feedback: vec![],
        },
        payload_type: VIDEO_RTX,
    };
    engine.register_codec(rtx, RtpCodecKind::Video)?;
    engine.register_codec(opus(), RtpCodecKind::Audio)?;
    for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
        for uri in [TRANSPORT_CC, ABS_CAPTURE_TIME] {
            let extension = RTCRtpHeaderExtensionCapability { uri: uri.into() };
            engine.register_header_extension(extension, kind, None)?;
        }
    }
    for uri in [MID, RID, REPAIRED_RID] {
        let extension = RTCRtpHeaderExtensionCapability { uri: uri.into() };
        engine.register_header_extension(extension, RtpCodecKind::Video, None)?;
    }
    Ok(())
}

/// The name of the offer's video section.
fn video_mid(offer: &str) -> Option<&str> {
    let section = offer.split("\r\nm=").find(|section| section.starts_with("video"))?;
    section.lines().find_map(|line| line.strip_prefix("a=mid:"))
}

fn feedback(kinds: &[(&str, &str)]) -> Vec<RTCPFeedback> {
    let feedback = kinds.iter();
    feedback
        .map(|(typ, parameter)| RTCPFeedback { typ: (*typ).into(), parameter: (*parameter).into() })
        .collect()
}

fn h264() -> RTCRtpCodecParameters {
    let fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_H264.into(),
            clock_rate: Codec::H264.clock_rate(),
            channels: 0,
            sdp_fmtp_line: fmtp.into(),
            rtcp_feedback: feedback(&[("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("transport-cc", "")]),
        },
        payload_type: VIDEO,
    }
}

fn opus() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.into(),
            clock_rate: Codec::Opus.clock_rate(),
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1".into(),
            rtcp_feedback: feedback(&[("transport-cc", "")]),
        },
        payload_type: AUDIO,
    }
}

/// The address of this machine that routes to `relay`. Asking the routing table sends nothing.
fn local_address(relay: SocketAddr) -> IpAddr {
    let any: IpAddr = if relay.is_ipv4() { [0u8; 4].into() } else { [0u16; 8].into() };
    let probe = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect(relay)?;
        socket.local_addr()
    });
    probe.map_or(any, |local| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_video_section_is_known_by_its_name() {
        let offer = "v=0\r\nm=audio 9 X 0\r\na=mid:1\r\nm=video 9 X 0\r\na=sendonly\r\na=mid:0\r\n";
        assert_eq!(video_mid(offer), Some("0"));
        assert_eq!(video_mid("v=0\r\n"), None);
    }

    #[test]
    fn a_loopback_relay_is_reached_from_loopback() {
        let relay: SocketAddr = "127.0.0.1:9".parse().expect("an address");
        assert!(local_address(relay).is_loopback());
    }
}
