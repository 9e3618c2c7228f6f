//! A WebRTC peer of the tests: publishes made-up H.264 and Opus by WHIP, or watches by WHEP, over UDP or
//! ICE-TCP.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::{Method, StatusCode, header};
use footlight_media::rtp::{self, AccessUnit, Assembler, Incoming};
use footlight_media::{Codec, Packet, Time};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{AbsCaptureTime, Extension, ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::path::Path;
use crate::stage::{Answer, PATIENCE, ask};

/// What a peer tells its test.
#[derive(Debug)]
pub(crate) enum Seen {
    Connected,
    /// The relay asked the publisher for a keyframe.
    KeyframeAsked,
    /// Of the layer of that name.
    LayerAsked(String),
    /// A whole access unit, with its timestamp, and when the connection had been up for how long.
    Video {
        unit: AccessUnit,
        extensions: Box<ExtensionValues>,
    },
    Audio {
        timestamp: u32,
        captured: Option<Time>,
    },
    Ended,
}

enum Order {
    Send(Packet),
    /// As the layer of that name.
    SendLayer(&'static str, Packet),
    AskKeyframe,
    /// Goes on from another socket, and restarts ICE under this condition.
    Move(String, oneshot::Sender<Answer>),
    Leave,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
}

pub(crate) struct Peer {
    pub(crate) seen: mpsc::UnboundedReceiver<Seen>,
    orders: mpsc::UnboundedSender<Order>,
    pub(crate) location: String,
    /// The tag of its first ICE session, with the quotes.
    pub(crate) tag: String,
    /// The relay's SDP answer.
    pub(crate) answer: String,
    /// What the network does to this peer.
    pub(crate) path: Arc<Path>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    /// As when its process is killed.
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Peer {
    pub(crate) async fn publish(base: &str, key: &str) -> Self {
        Self::publish_over(base, key, Over::Udp).await
    }

    pub(crate) async fn publish_over(base: &str, key: &str, over: Over) -> Self {
        Self::try_publish(base, key, over).await.map_err(|a| a.body).unwrap()
    }

    pub(crate) async fn try_publish(base: &str, key: &str, over: Over) -> Result<Self, Answer> {
        Self::start(base, "/whip/main", Some(key), Direction::SendOnly, over).await
    }

    pub(crate) async fn watch(base: &str) -> Self {
        Self::watch_as(base, None, Over::Udp).await.map_err(|answer| answer.body).unwrap()
    }

    pub(crate) async fn watch_as(base: &str, token: Option<&str>, over: Over) -> Result<Self, Answer> {
        Self::start(base, "/whep/main", token, Direction::RecvOnly, over).await
    }

    /// Publishes the picture in layers of these names.
    pub(crate) async fn publish_layers(base: &str, key: &str, layers: &[&str]) -> Self {
        let offer = offer_layers(Direction::SendOnly, layers);
        let peer = Self::start_with(base, "/whip/main", Some(key), offer, Over::Udp).await;
        peer.map_err(|answer| answer.body).unwrap()
    }

    async fn start(
        base: &str,
        path: &str,
        token: Option<&str>,
        direction: Direction,
        over: Over,
    ) -> Result<Self, Answer> {
        Self::start_with(base, path, token, offer(direction), over).await
    }

    async fn start_with(
        base: &str,
        path: &str,
        token: Option<&str>,
        offer: Offer,
        over: Over,
    ) -> Result<Self, Answer> {
        let Offer { mut rtc, text, pending, audio, video } = offer;
        let wire = match over {
            Over::Udp => {
                let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
                Wire::Udp(socket)
            }
            Over::Tcp => {
                let stream = TcpStream::connect(base.strip_prefix("http://").unwrap()).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let local = stream.local_addr().unwrap();
                let candidate =
                    Candidate::builder().tcp().host(local).tcptype(TcpType::Active).build().unwrap();
                rtc.add_local_candidate(candidate);
                Wire::Tcp(stream)
            }
        };
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/sdp")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let answer = ask(base, Method::POST, path, &headers, text).await;
        if answer.status != StatusCode::CREATED {
            return Err(answer);
        }
        let location = answer.header(header::LOCATION).to_owned();
        let tag = answer.header(header::ETAG).to_owned();
        let unwanted = if over == Over::Udp { " tcp " } else { " udp " };
        let kept: String = answer
            .body
            .split_inclusive("\r\n")
            .filter(|line| !(line.starts_with("a=candidate:") && line.to_lowercase().contains(unwanted)))
            .collect();
        assert!(kept.contains("a=candidate:") && kept.contains("a=ice-lite"), "{kept}");
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&kept).unwrap()).unwrap();
        let (seen_sender, seen) = mpsc::unbounded_channel();
        let (orders, receiver) = mpsc::unbounded_channel();
        let path = Arc::new(Path::new());
        let body = Body {
            rtc,
            path: Arc::clone(&path),
            wire,
            seen: seen_sender,
            orders: receiver,
            video,
            audio,
            seq: HashMap::new(),
            assembler: Assembler::new(),
            ssrc: None,
            asks: false,
            base: base.to_owned(),
            location: location.clone(),
            answer: kept.clone(),
        };
        Ok(Self { seen, orders, path, location, tag, answer: kept, task: tokio::spawn(body.run()) })
    }

    pub(crate) async fn next(&mut self) -> Seen {
        tokio::time::timeout(PATIENCE, self.seen.recv())
            .await
            .expect("something in time")
            .expect("a live peer")
    }

    pub(crate) async fn connected(&mut self) {
        while !matches!(self.next().await, Seen::Connected) {}
    }

    /// The next whole access unit.
    pub(crate) async fn video(&mut self) -> AccessUnit {
        loop {
            match self.next().await {
                Seen::Video { unit, .. } => return unit,
                Seen::Ended => panic!("ended before video"),
                _ => {}
            }
        }
    }

    pub(crate) async fn ended(&mut self) {
        while !matches!(self.next().await, Seen::Ended) {}
    }

    pub(crate) fn send(&self, packet: Packet) {
        let _ = self.orders.send(Order::Send(packet));
    }

    pub(crate) fn send_layer(&self, layer: &'static str, packet: Packet) {
        let _ = self.orders.send(Order::SendLayer(layer, packet));
    }

    /// Asks for a keyframe: at once, or with the first packet where none has come yet.
    pub(crate) fn ask_keyframe(&self) {
        let _ = self.orders.send(Order::AskKeyframe);
    }

    /// Changes its network: its old socket is gone, and ICE begins anew from another one. Returns what the relay
    /// says to that.
    pub(crate) async fn moves(&self, if_match: &str) -> Answer {
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Move(if_match.to_owned(), reply));
        tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time").expect("a live peer")
    }

    /// Says goodbye on the media connection.
    pub(crate) fn leave(&self) {
        let _ = self.orders.send(Order::Leave);
    }
}

/// A publisher's or viewer's offer, and what it comes from.
pub(crate) struct Offer {
    rtc: Rtc,
    pub(crate) text: String,
    pending: str0m::change::SdpPendingOffer,
    audio: Mid,
    video: Mid,
}

pub(crate) fn offer(direction: Direction) -> Offer {
    offer_layers(direction, &[])
}

/// With the picture in layers of these names.
pub(crate) fn offer_layers(direction: Direction, layers: &[&str]) -> Offer {
    let mut rtc = Rtc::builder()
        .set_crypto_provider(std::sync::Arc::new(str0m::crypto::from_feature_flags()))
        .clear_codecs()
        .enable_h264(true)
        .enable_opus(true, false)
        .set_extension(5, Extension::PlayoutDelay)
        .set_extension(9, Extension::AbsoluteCaptureTime)
        .set_rtp_mode(true)
        .build(Instant::now());
    let mut changes = rtc.sdp_api();
    let audio = changes.add_media(MediaKind::Audio, direction, None, None, None);
    let simulcast = (!layers.is_empty()).then(|| {
        let mut simulcast = Simulcast::new();
        layers.iter().for_each(|name| simulcast.add_send_layer(SimulcastLayer::new(name)));
        simulcast
    });
    let video = changes.add_media(MediaKind::Video, direction, None, None, simulcast);
    let (offer, pending) = changes.apply().unwrap();
    let text = offer.to_sdp_string();
    Offer { rtc, text, pending, audio, video }
}

struct Body {
    rtc: Rtc,
    path: Arc<Path>,
    wire: Wire,
    seen: mpsc::UnboundedSender<Seen>,
    orders: mpsc::UnboundedReceiver<Order>,
    video: Mid,
    audio: Mid,
    seq: HashMap<(bool, Option<Rid>), u64>,
    assembler: Assembler,
    ssrc: Option<str0m::rtp::Ssrc>,
    /// A keyframe is to be asked for as soon as the stream is known.
    asks: bool,
    base: String,
    location: String,
    answer: String,
}

impl Body {
    async fn run(mut self) {
        let mut buffer = vec![0; 65_536];
        loop {
            let Some(wake) = self.drain().await else { break };
            tokio::select! {
                received = receive(&mut self.wire, &mut buffer) => {
                    let Some((proto, from, to, length)) = received else { break };
                    if self.path.loses_incoming(&buffer[..length]) { continue }
                    let Ok(contents) = buffer[..length].try_into() else { continue };
                    let input = Receive { proto, source: from, destination: to, contents };
                    if self.rtc.handle_input(Input::Receive(Instant::now(), input)).is_err() { break }
                }
                order = self.orders.recv() => {
                    match order {
                        None => break,
                        Some(Order::Send(packet)) => self.send(&packet, None),
                        Some(Order::SendLayer(layer, packet)) => self.send(&packet, Some(layer.into())),
                        Some(Order::AskKeyframe) => {
                            self.asks = true;
                            self.ask();
                        }
                        Some(Order::Move(if_match, reply)) => {
                            let answer = self.move_on(&if_match).await;
                            let _ = reply.send(answer);
                        }
                        Some(Order::Leave) => { let _ = self.rtc.close(); }
                    }
                    let _ = self.rtc.handle_input(Input::Timeout(Instant::now()));
                }
                () = tokio::time::sleep_until(wake.into()) => {
                    let _ = self.rtc.handle_input(Input::Timeout(Instant::now()));
                }
            }
        }
        let _ = self.seen.send(Seen::Ended);
    }

    fn ask(&mut self) {
        let mut api = self.rtc.direct_api();
        let stream = self.ssrc.filter(|_| self.asks).and_then(|ssrc| api.stream_rx(&ssrc));
        if let Some(stream) = stream {
            stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
            self.asks = false;
        }
    }

    async fn move_on(&mut self, if_match: &str) -> Answer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let local = socket.local_addr().unwrap();
        let mut changes = self.rtc.sdp_api();
        let new = changes.ice_restart(false);
        let (_, pending) = changes.apply().unwrap();
        let fragment = format!(
            "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=candidate:1 1 udp 1 {} {} typ host\r\n",
            new.ufrag,
            new.pass,
            local.ip(),
            local.port()
        );
        let headers = [("content-type", "application/trickle-ice-sdpfrag"), ("if-match", if_match)];
        let answer = ask(&self.base, Method::PATCH, &self.location, &headers, fragment).await;
        if answer.status != StatusCode::OK {
            return answer;
        }
        // What was agreed about media stands; only ICE is new.
        let new = |start: &str| answer.body.lines().find(|line| line.starts_with(start)).unwrap();
        let ours = |line: &&str| line.starts_with("a=candidate:") && line.to_lowercase().contains(" udp ");
        let renewed = self.answer.lines().fold(String::new(), |text, old| {
            let start = ["a=ice-ufrag:", "a=ice-pwd:"].into_iter().find(|start| old.starts_with(start));
            let line =
                if ours(&old) { answer.body.lines().find(ours).unwrap() } else { start.map_or(old, new) };
            text + line + "\r\n"
        });
        self.rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&renewed).unwrap()).unwrap();
        self.rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        self.wire = Wire::Udp(socket);
        answer
    }

    async fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().ok()? {
                Output::Timeout(wake) => return self.rtc.is_alive().then_some(wake),
                Output::Transmit(packet) => match &mut self.wire {
                    Wire::Udp(_) if self.path.loses_outgoing(&packet.contents) => {}
                    Wire::Udp(socket) => {
                        let _ = socket.send_to(&packet.contents, packet.destination).await;
                    }
                    Wire::Tcp(stream) => {
                        let mut frame = (packet.contents.len() as u16).to_be_bytes().to_vec();
                        frame.extend_from_slice(&packet.contents);
                        stream.write_all(&frame).await.ok()?;
                    }
                },
                Output::Event(event) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.tell(Seen::Connected),
            Event::KeyframeRequest(request) => self.tell(match request.rid {
                Some(rid) => Seen::LayerAsked(rid.to_string()),
                None => Seen::KeyframeAsked,
            }),
            Event::RtpPacket(packet) => {
                let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| stream.mid());
                let captured = packet.header.ext_vals.abs_capture_time.map(|stamp| {
                    Time::from_micros(
                        stamp.capture_time.duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
                    )
                });
                self.path.note(mid == Some(self.video), &packet, captured);
                if mid == Some(self.audio) {
                    return self.tell(Seen::Audio { timestamp: packet.header.timestamp, captured });
                }
                self.ssrc = Some(packet.header.ssrc);
                self.ask();
                let incoming = Incoming {
                    seq: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: &packet.payload,
                    captured,
                };
                self.assembler.push(incoming, now());
                while let Some(unit) = self.assembler.pop() {
                    let extensions = Box::new(packet.header.ext_vals.clone());
                    self.tell(Seen::Video { unit, extensions });
                }
                // As a browser does; where nothing was lost, tests decide themselves who asks.
                if self.assembler.take_keyframe_wanted() && self.path.has_lost() {
                    let mut api = self.rtc.direct_api();
                    let stream = api.stream_rx(&packet.header.ssrc).unwrap();
                    stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
                }
            }
            Event::Closed => self.tell(Seen::Ended),
            _ => {}
        }
    }

    fn tell(&self, seen: Seen) {
        let _ = self.seen.send(seen);
    }

    fn send(&mut self, packet: &Packet, layer: Option<Rid>) {
        let video = packet.codec.is_video();
        let mid = if video { self.video } else { self.audio };
        let offered = self.rtc.media(mid).unwrap().remote_pts().to_vec();
        let pt = self
            .rtc
            .codec_config()
            .params()
            .iter()
            .map(|params| params.pt())
            .find(|pt| offered.contains(pt))
            .unwrap();
        let mut payloads = Vec::new();
        rtp::packetize(packet, rtp::MAX_PAYLOAD, &mut payloads);
        let captured = UNIX_EPOCH + Duration::from_micros(packet.captured.as_micros());
        let seq = self.seq.entry((video, layer)).or_insert(1);
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, layer).unwrap();
        for payload in payloads {
            let stamp = packet.captured.to_rtp(packet.codec.clock_rate());
            let extensions = ExtensionValues {
                abs_capture_time: Some(AbsCaptureTime { capture_time: captured, clock_offset: None }),
                ..ExtensionValues::default()
            };
            let write = RtpWrite::new(pt, (*seq).into(), stamp, Instant::now(), payload.bytes.clone());
            stream.write_rtp(write.marker(payload.marker).nackable(video).ext_vals(extensions));
            *seq += 1;
        }
    }
}

async fn receive(wire: &mut Wire, buffer: &mut [u8]) -> Option<(Protocol, SocketAddr, SocketAddr, usize)> {
    match wire {
        Wire::Udp(socket) => {
            let (length, from) = socket.recv_from(buffer).await.ok()?;
            Some((Protocol::Udp, from, socket.local_addr().ok()?, length))
        }
        Wire::Tcp(stream) => {
            // A frame must not be lost when another branch of the loop is taken while half of it is read.
            let mut head = [0; 2];
            loop {
                let peeked = stream.peek(&mut head).await.ok()?;
                if peeked == 0 {
                    return None;
                }
                if peeked == 2 {
                    break;
                }
            }
            let length = usize::from(u16::from_be_bytes(head));
            loop {
                let peeked = stream.peek(&mut buffer[..length + 2]).await.ok()?;
                if peeked == length + 2 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            stream.read_exact(&mut buffer[..length + 2]).await.ok()?;
            buffer.copy_within(2..length + 2, 0);
            Some((Protocol::Tcp, stream.peer_addr().ok()?, stream.local_addr().ok()?, length))
        }
    }
}

pub(crate) fn now() -> Time {
    Time::from_micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64)
}

/// Parameter sets of a 640×360 constrained baseline stream.
pub(crate) const SPS: &[u8] =
    &[0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01];
pub(crate) const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];

/// A keyframe or not, of `size` bytes, with `number` in it.
pub(crate) fn picture(number: u32, keyframe: bool, size: usize) -> Packet {
    picture_of(SPS, number, keyframe, size)
}

/// As above, of the size that the parameter set says.
pub(crate) fn picture_of(sps: &[u8], number: u32, keyframe: bool, size: usize) -> Packet {
    let mut slice = vec![if keyframe { 0x65 } else { 0x41 }];
    slice.extend_from_slice(&number.to_be_bytes());
    slice.extend((0..size).map(|n| (n as u8).wrapping_mul(31) | 1));
    let mut data = Vec::new();
    let sets: &[&[u8]] = if keyframe { &[sps, PPS] } else { &[] };
    for nal in sets.iter().copied().chain([&slice[..]]) {
        data.extend_from_slice(&(nal.len() as u32).to_be_bytes());
        data.extend_from_slice(nal);
    }
    Packet { codec: Codec::H264, captured: now(), composition: Duration::ZERO, keyframe, data: data.into() }
}

/// The number in a picture.
pub(crate) fn number(data: &[u8]) -> u32 {
    let filler = footlight_media::h264::nal_type::FILLER;
    let units = footlight_media::h264::nal_units(data);
    let slice = units.filter(|nal| footlight_media::h264::kind(nal) != filler).last().unwrap();
    u32::from_be_bytes(slice[1..5].try_into().unwrap())
}

pub(crate) fn sound() -> Packet {
    Packet {
        codec: Codec::Opus,
        captured: now(),
        composition: Duration::ZERO,
        keyframe: true,
        data: vec![0xfc, 0xff, 0xfe].into(),
    }
}
