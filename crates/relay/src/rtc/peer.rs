//! One connection inside the engine: its str0m state, what its events mean, and where its packets go.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use footlight_media::Codec;
use str0m::media::{MediaKind, Mid, Pt};
use str0m::net::Protocol;
use str0m::{Event, IceConnectionState, Input, Output, Rtc};

use super::fragment::Credentials;
use super::offer;
use super::tcp::Connections;
use super::udp::Outbound;
use super::{Ended, Role, SessionId};
use crate::clock::Moment;
use crate::egress::viewer::Viewer;
use crate::ingest::publisher::{Delivery, Publisher};

/// A peer that has its answer and has not connected within this is forgotten.
const CONNECT: Duration = Duration::from_secs(15);
/// A connected peer that sends nothing at all for this long is gone: browsers check the path every 2.5 s and report more
/// often, and who is counted as watching should be watching.
const GONE: Duration = Duration::from_secs(10);
/// Addresses that one peer may send from: its interfaces, before and after a change of network.
const ADDRESSES: usize = 16;

/// What the peer is here for.
pub(super) enum Part {
    Publisher(Box<Publisher>),
    Viewer(Box<Viewer>),
}

/// Where a peer's packets go.
pub(super) struct Wires<'a> {
    pub(super) udp: &'a mut Outbound,
    pub(super) tcp: &'a mut Connections,
}

pub(super) struct Peer {
    pub(super) session: SessionId,
    /// Place of its room in the engine.
    pub(super) room: usize,
    pub(super) part: Part,
    pub(super) rtc: Box<Rtc>,
    pub(super) ufrag: String,
    pub(super) addresses: Vec<SocketAddr>,
    /// When str0m wants to be called again.
    pub(super) wake: Instant,
    /// When the engine has it down for.
    pub(super) queued: Option<Instant>,
    pub(super) connected: bool,
    /// Set when it is over; the engine removes it.
    pub(super) ended: Option<Ended>,
    /// The address of an ICE-TCP peer; `None` over UDP.
    pub(super) tcp: Option<SocketAddr>,
    opened: Instant,
    heard: Instant,
    video: Option<Mid>,
    audio: Option<Mid>,
}

/// What came of a call into the peer.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The connection came up in this call.
    pub(super) connected: bool,
    /// The viewer asked for a keyframe.
    pub(super) keyframe_wanted: bool,
}

impl Peer {
    pub(super) fn new(
        session: SessionId,
        room: usize,
        role: Role,
        rtc: Box<Rtc>,
        ufrag: String,
        now: Instant,
    ) -> Self {
        let part = match role {
            Role::Publisher => Part::Publisher(Box::new(Publisher::new(now))),
            Role::Viewer => Part::Viewer(Box::new(Viewer::new(now))),
        };
        Self {
            session,
            room,
            part,
            rtc,
            ufrag,
            addresses: Vec::new(),
            wake: now,
            queued: None,
            connected: false,
            ended: None,
            tcp: None,
            opened: now,
            heard: now,
            video: None,
            audio: None,
        }
    }

    pub(super) fn role(&self) -> Role {
        match self.part {
            Part::Publisher(_) => Role::Publisher,
            Part::Viewer(_) => Role::Viewer,
        }
    }

    /// Remembers an address that has proved to be this peer's. Returns the one that makes room for it: a peer
    /// that moves often, with ICE restarts or without, left its oldest address long ago.
    pub(super) fn admit(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        if self.addresses.contains(&address) {
            return None;
        }
        let oldest = (self.addresses.len() >= ADDRESSES).then(|| self.addresses.remove(0));
        self.addresses.push(address);
        oldest
    }

    /// Begins ICE anew with the peer's new credentials; media go on over the old path until a new one is proved.
    /// Returns the local user name that no longer holds, and the SDP answer with the new credentials.
    pub(super) fn restart(&mut self, ice: &Credentials) -> Option<(String, String)> {
        let restarted = catch_unwind(AssertUnwindSafe(|| {
            let restarted = offer::restart(&mut self.rtc, ice);
            if let Part::Viewer(viewer) = &self.part {
                viewer.restarted(&mut self.rtc);
            }
            restarted
        }));
        match restarted {
            Ok(restarted) => {
                let (ufrag, answer) = restarted?;
                Some((std::mem::replace(&mut self.ufrag, ufrag), answer))
            }
            Err(_) => {
                tracing::error!(session = self.session.0, "peer state panicked");
                self.ended = Some(Ended::Failed);
                None
            }
        }
    }

    /// Hands str0m a packet or the time, then does all that it wants done. `packets` gets what a publisher
    /// completed.
    pub(super) fn drive(
        &mut self,
        input: Input<'_>,
        now: Moment,
        wires: &mut Wires<'_>,
        packets: &mut Vec<Delivery>,
    ) -> Outcome {
        if matches!(input, Input::Receive(..)) {
            self.heard = now.instant;
        }
        let mut outcome = Outcome::default();
        // str0m is not ours, and one peer's packets must not be able to end everybody's session.
        let driven = catch_unwind(AssertUnwindSafe(|| {
            self.rtc.handle_input(input)?;
            self.drain(now, wires, packets, &mut outcome)
        }));
        match driven {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::info!(session = self.session.0, %error, "peer failed");
                self.ended = self.ended.or(Some(Ended::Failed));
            }
            Err(_) => {
                tracing::error!(session = self.session.0, "peer state panicked");
                self.ended = Some(Ended::Failed);
            }
        }
        outcome
    }

    fn drain(
        &mut self,
        now: Moment,
        wires: &mut Wires<'_>,
        packets: &mut Vec<Delivery>,
        outcome: &mut Outcome,
    ) -> Result<(), str0m::RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.wake = at;
                    if !self.rtc.is_alive() {
                        self.ended = self.ended.or(Some(Ended::Closed));
                    }
                    return Ok(());
                }
                Output::Transmit(packet) if packet.proto == Protocol::Udp => {
                    self.tcp = None;
                    wires.udp.push(packet.source, packet.destination, &packet.contents);
                }
                Output::Transmit(packet) => {
                    self.tcp = Some(packet.destination);
                    wires.tcp.send(packet.destination, &packet.contents);
                }
                Output::Event(event) => self.event(event, now, packets, outcome),
            }
        }
    }

    fn event(&mut self, event: Event, now: Moment, packets: &mut Vec<Delivery>, outcome: &mut Outcome) {
        match event {
            Event::Connected => {
                outcome.connected = !self.connected;
                self.connected = true;
            }
            // No request for consent in a while (RFC 7675): nothing more may be sent to a viewer. A publisher may be an
            // encoder that never asks again (libnice, so GStreamer), and is here for as long as it is heard.
            Event::IceConnectionStateChange(IceConnectionState::Disconnected)
                if self.role() == Role::Viewer =>
            {
                self.ended = self.ended.or(Some(Ended::Lost));
            }
            Event::Closed => self.ended = self.ended.or(Some(Ended::Closed)),
            Event::MediaAdded(media) => {
                let video = media.kind == MediaKind::Video;
                let slot = if video { &mut self.video } else { &mut self.audio };
                // A second camera or microphone in one offer has nowhere to go.
                if slot.is_some() {
                    return;
                }
                *slot = Some(media.mid);
                if let Part::Viewer(viewer) = &mut self.part
                    && let Some(pt) = payload_type(&self.rtc, media.mid)
                {
                    viewer.add(&mut self.rtc, video, media.mid, pt);
                }
            }
            Event::RtpPacket(packet) => {
                let Part::Publisher(publisher) = &mut self.part else {
                    return;
                };
                let mut api = self.rtc.direct_api();
                let Some(stream) = api.stream_rx(&packet.header.ssrc) else { return };
                let codec = match Some(stream.mid()) {
                    mid if mid == self.video => Codec::H264,
                    mid if mid == self.audio => Codec::Opus,
                    _ => return,
                };
                publisher.receive(&packet, codec, stream.rid(), now, packets);
            }
            Event::RawPacket(packet) => {
                if let Part::Viewer(viewer) = &mut self.part {
                    viewer.hear(*packet, now);
                }
            }
            Event::KeyframeRequest(_) => outcome.keyframe_wanted = self.role() == Role::Viewer,
            _ => {}
        }
    }

    /// Ends the peer where it never came or is gone.
    pub(super) fn expire(&mut self, now: Instant) {
        let lost = if self.connected {
            now.duration_since(self.heard) > GONE
        } else {
            now.duration_since(self.opened) > CONNECT
        };
        if lost {
            self.ended = self.ended.or(Some(Ended::Lost));
        }
    }

    /// Queues the goodbye (RTCP BYE, DTLS close) and sends it.
    pub(super) fn close(&mut self, now: Moment, wires: &mut Wires<'_>) {
        self.ended = self.ended.or(Some(Ended::Closed));
        let said = catch_unwind(AssertUnwindSafe(|| {
            self.rtc.close()?;
            self.drain(now, wires, &mut Vec::new(), &mut Outcome::default())
        }));
        if !matches!(said, Ok(Ok(()))) {
            tracing::debug!(session = self.session.0, "no goodbye");
        }
    }
}

/// Of the formats that both sides take, the one that every browser decodes; Opus has only one.
fn payload_type(rtc: &Rtc, mid: Mid) -> Option<Pt> {
    /// Constrained baseline, without the level.
    const PREFERRED: u32 = 0x42e000;
    let offered = rtc.media(mid)?.remote_pts();
    let preferred = |params: &&str0m::format::PayloadParams| {
        params.spec().format.profile_level_id.is_some_and(|profile| profile & 0xffff00 == PREFERRED)
    };
    rtc.codec_config()
        .params()
        .iter()
        .filter(|params| offered.contains(&params.pt()))
        .max_by_key(preferred)
        .map(|p| p.pt())
}
