//! A viewer without a player: joins by WHEP, does ICE, DTLS and SRTP, and says when the first keyframe was whole.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footlight_media::Time;
use footlight_media::rtp::{Assembler, Incoming};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// What a join took, from its first byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    pub(crate) answered: Duration,
    pub(crate) connected: Duration,
    pub(crate) keyframe: Duration,
}

/// Joins, waits for a keyframe, then stays for `stay`. Asks for a keyframe when it connects, as players do that came
/// without one.
pub(crate) fn join(http: &reqwest::blocking::Client, endpoint: &str, stay: Duration) -> Result<Joined> {
    /// Longer than any join that is worth a figure.
    const PATIENCE: Duration = Duration::from_secs(10);
    let begun = Instant::now();
    let socket = UdpSocket::bind("127.0.0.1:0").context("bind a socket")?;
    let local = socket.local_addr()?;
    let mut rtc = Rtc::builder()
        .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
        .clear_codecs()
        .enable_h264(true)
        .enable_opus(true, false)
        .set_rtp_mode(true)
        .build(begun);
    rtc.add_local_candidate(Candidate::host(local, "udp")?);
    let mut changes = rtc.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
    let video = changes.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let (offer, pending) = changes.apply().context("an offer with two sections")?;
    let answer = http
        .post(endpoint)
        .header("content-type", "application/sdp")
        .body(offer.to_sdp_string())
        .send()
        .context("post the offer")?;
    ensure!(answer.status() == 201, "the relay answered {}", answer.status());
    let text: String = answer
        .text()?
        .split_inclusive("\r\n")
        .filter(|line| !(line.starts_with("a=candidate:") && line.contains(" tcp ")))
        .collect();
    rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&text)?)?;
    let answered = begun.elapsed();

    let mut sink =
        Sink { rtc, video, assembler: Assembler::new(), connected: None, keyframe: None, asked: false };
    let mut buffer = vec![0; 2048];
    let mut end = begun + PATIENCE;
    loop {
        let wake = sink.drain(&socket, begun)?;
        if let Some(keyframe) = sink.keyframe {
            end = end.min(begun + keyframe + stay);
        }
        let now = Instant::now();
        if now >= end {
            break;
        }
        socket.set_read_timeout(Some(
            wake.min(end).saturating_duration_since(now).max(Duration::from_millis(1)),
        ))?;
        let input = match socket.recv_from(&mut buffer) {
            Ok((length, source)) => {
                let Ok(contents) = buffer[..length].try_into() else { continue };
                let receive = Receive { proto: Protocol::Udp, source, destination: local, contents };
                Input::Receive(Instant::now(), receive)
            }
            Err(_) => Input::Timeout(Instant::now()),
        };
        sink.rtc.handle_input(input)?;
    }
    sink.rtc.close()?;
    let _ = sink.drain(&socket, begun);
    Ok(Joined {
        answered,
        connected: sink.connected.context("no connection in time")?,
        keyframe: sink.keyframe.context("no keyframe in time")?,
    })
}

struct Sink {
    rtc: Rtc,
    video: Mid,
    assembler: Assembler,
    connected: Option<Duration>,
    keyframe: Option<Duration>,
    asked: bool,
}

impl Sink {
    /// Sends what is to be sent; says when to come again.
    fn drain(&mut self, socket: &UdpSocket, begun: Instant) -> Result<Instant> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(wake) => return Ok(wake),
                Output::Transmit(packet) => {
                    let _ = socket.send_to(&packet.contents, packet.destination);
                }
                Output::Event(Event::Connected) => self.connected = Some(begun.elapsed()),
                Output::Event(Event::RtpPacket(packet)) => {
                    let mut api = self.rtc.direct_api();
                    let Some(stream) = api.stream_rx(&packet.header.ssrc) else { continue };
                    if stream.mid() != self.video || self.keyframe.is_some() {
                        continue;
                    }
                    if !std::mem::replace(&mut self.asked, true) {
                        stream.request_keyframe(KeyframeRequestKind::Pli);
                    }
                    let incoming = Incoming {
                        seq: *packet.seq_no,
                        timestamp: packet.header.timestamp,
                        marker: packet.header.marker,
                        payload: &packet.payload,
                        captured: None,
                    };
                    self.assembler.push(incoming, Time::default());
                    while let Some(unit) = self.assembler.pop() {
                        if unit.keyframe {
                            self.keyframe.get_or_insert(begun.elapsed());
                        }
                    }
                }
                Output::Event(_) => {}
            }
        }
    }
}
