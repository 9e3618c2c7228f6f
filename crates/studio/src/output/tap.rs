//! A tap on the wire side of the peer connection: what leaves, and what the receiver says about it.
//!
//! Sits where every outgoing packet has its transport-wide number, and passes everything through. Keyframe
//! requests go straight to the encoder, feedback into the rate controller; nothing is copied and nothing waits. The
//! receiver's question for the round trip (RFC 3611 section 4.4) is answered here: by it the receiver knows how soon
//! it may ask again for a packet whose resend was lost as well.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use footlight_media::congestion::{Controller, Report};
use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::extended_report::{
    DLRRReport, DLRRReportBlock, ExtendedReport, ReceiverReferenceTimeReportBlock,
};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::{
    PacketStatusChunk, SymbolTypeTcc, TransportLayerCc,
};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;

use crate::Clock;
use crate::air::Air;
use crate::lane::Lane;
use crate::worker::lock;

pub(super) const TRANSPORT_CC: &str =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// A path that loses so many percent while nothing waits in it is lossy.
const LOSSY: u8 = 1;
/// Sent packets that are remembered until they are reported: 4 s at 10 Mbit/s. Older ones count as unknown.
const HISTORY: usize = 4096;

/// What the session reads and the tap writes.
pub(super) struct Link {
    pub(super) air: Arc<Air>,
    pub(super) lane: Arc<Lane>,
    pub(super) clock: Clock,
    /// The picture's streams, best first.
    layers: OnceLock<Vec<u32>>,
    inner: Mutex<Inner>,
}

struct Inner {
    controller: Controller,
    heard: Instant,
}

impl Link {
    pub(super) fn new(air: Arc<Air>, lane: Arc<Lane>, clock: Clock, ceiling_kbps: u32) -> Self {
        let inner = Inner { controller: Controller::new(ceiling_kbps), heard: Instant::now() };
        Self { air, lane, clock, layers: OnceLock::new(), inner: Mutex::new(inner) }
    }

    /// The picture goes in these streams, best first.
    pub(super) fn carries(&self, layers: Vec<u32>) {
        // Once a connection, and a link is of one.
        drop(self.layers.set(layers));
    }

    /// The receiver cannot go on without a keyframe of this stream; an unknown one stands for the picture itself.
    fn want_keyframe(&self, stream: u32) {
        let layer = self.layers.get().and_then(|layers| layers.iter().position(|ssrc| *ssrc == stream));
        self.air.lane_wants_keyframe(&self.lane, layer.unwrap_or(0));
    }

    /// When the receiver last said anything.
    pub(super) fn heard(&self) -> Instant {
        lock(&self.inner).heard
    }

    fn micros(&self) -> i64 {
        self.clock.now().as_micros() as i64
    }

    /// Brings the lane's figures up to date.
    fn steer(&self, decide: impl FnOnce(&mut Controller, i64)) {
        let now = self.micros();
        let mut inner = lock(&self.inner);
        inner.heard = Instant::now();
        if self.lane.overflowed.swap(false, Ordering::Relaxed) {
            inner.controller.overflowed(now);
        }
        decide(&mut inner.controller, now);
        self.lane.target_kbps.store(inner.controller.target_kbps(), Ordering::Relaxed);
        let loss_percent = (inner.controller.loss() * 100.0) as u8;
        self.lane.loss_percent.store(loss_percent, Ordering::Relaxed);
        let lossy = loss_percent >= LOSSY && !inner.controller.is_queueing();
        self.lane.lossy.store(lossy, Ordering::Relaxed);
    }
}

pub(super) struct Tap {
    link: Arc<Link>,
    /// Header extension id of the transport-wide number, once negotiated.
    extension: Option<u8>,
    /// A stream of ours, to speak for.
    ssrc: Option<u32>,
    /// Number, when sent (µs) and size, by the number.
    history: Vec<Option<(u16, i64, usize)>>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Tap {
    pub(super) fn new(link: Arc<Link>) -> Self {
        let history = vec![None; HISTORY];
        Self { link, extension: None, ssrc: None, history, reads: VecDeque::new(), writes: VecDeque::new() }
    }

    fn record(&mut self, packet: &rtc::rtp::Packet) {
        let number = self.extension.and_then(|id| packet.header.get_extension(id));
        if let Some([high, low]) = number.as_deref() {
            let number = u16::from_be_bytes([*high, *low]);
            let size = packet.payload.len() + 12;
            self.history[usize::from(number) % HISTORY] = Some((number, self.link.micros(), size));
        }
    }

    fn transport_feedback(&mut self, feedback: &TransportLayerCc) {
        let mut reports = Vec::new();
        for (number, arrived) in statuses(feedback) {
            let entry = &mut self.history[usize::from(number) % HISTORY];
            let Some((_, sent, size)) = entry.filter(|(known, ..)| *known == number) else {
                continue;
            };
            // Reported as lost now, it may still be reported as arrived later.
            if arrived.is_some() {
                *entry = None;
            }
            reports.push(Report { sent, arrived, size });
        }
        self.link.steer(|controller, now| controller.feedback(now, &reports));
    }

    /// Gives the receiver its own time back, at once.
    fn answer(&mut self, question: &ExtendedReport, now: Instant) {
        let Some(sender_ssrc) = self.ssrc else { return };
        let times = question.reports.iter().filter_map(|block| {
            let block = block.as_any().downcast_ref::<ReceiverReferenceTimeReportBlock>()?;
            // The middle half of the NTP time, as in receiver reports. No time has passed since.
            Some(DLRRReport {
                ssrc: question.sender_ssrc,
                last_rr: (block.ntp_timestamp >> 16) as u32,
                dlrr: 0,
            })
        });
        let reports: Vec<DLRRReport> = times.collect();
        if !reports.is_empty() {
            let answer = ExtendedReport { sender_ssrc, reports: vec![Box::new(DLRRReportBlock { reports })] };
            self.writes.push_back(TaggedPacket {
                now,
                transport: TransportContext::default(),
                message: AttributedPacket::new(Packet::Rtcp(vec![Box::new(answer)])),
            });
        }
    }

    fn receiver_report(&self, report: &ReceptionReport) {
        if self.extension.is_none() {
            let loss = f64::from(report.fraction_lost) / 256.0;
            self.link.steer(|controller, now| controller.report_loss(now, loss));
        }
        // RFC 3550 section 6.4.1: now - LSR - DLSR, in 1/65536 s.
        let now = (self.link.clock.now().to_ntp() >> 16) as u32;
        let rtt = now.wrapping_sub(report.last_sender_report).wrapping_sub(report.delay);
        if report.last_sender_report != 0 && rtt < 10 << 16 {
            let micros = (u64::from(rtt) * 1_000_000) >> 16;
            self.link.lane.rtt_micros.store((micros as u32).max(1), Ordering::Relaxed);
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(packets) = &message.message.packet {
            lock(&self.link.inner).heard = Instant::now();
            for packet in packets {
                let packet = packet.as_any();
                if let Some(lost) = packet.downcast_ref::<PictureLossIndication>() {
                    self.link.want_keyframe(lost.media_ssrc);
                } else if let Some(request) = packet.downcast_ref::<FullIntraRequest>() {
                    request.fir.iter().for_each(|entry| self.link.want_keyframe(entry.ssrc));
                } else if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
                    self.transport_feedback(feedback);
                } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                    report.reports.iter().for_each(|report| self.receiver_report(report));
                } else if let Some(question) = packet.downcast_ref::<ExtendedReport>() {
                    self.answer(question, message.now);
                }
            }
        }
        self.reads.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &message.message.packet {
            self.record(packet);
        }
        self.writes.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.ssrc = Some(info.ssrc);
        let extension = info.rtp_header_extensions.iter().find(|e| e.uri == TRANSPORT_CC);
        if let Some(extension) = extension {
            self.extension = u8::try_from(extension.id).ok();
        }
    }

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

/// Each number that a feedback message speaks of, with its arrival in µs of the receiver's clock.
fn statuses(feedback: &TransportLayerCc) -> Vec<(u16, Option<i64>)> {
    let count = usize::from(feedback.packet_status_count).min(HISTORY);
    let mut symbols = Vec::with_capacity(count);
    for chunk in &feedback.packet_chunks {
        match chunk {
            PacketStatusChunk::RunLengthChunk(run) => {
                let length = usize::from(run.run_length).min(count - symbols.len());
                symbols.extend(std::iter::repeat_n(run.packet_status_symbol, length));
            }
            PacketStatusChunk::StatusVectorChunk(vector) => {
                symbols.extend(vector.symbol_list.iter().take(count - symbols.len()));
            }
        }
    }
    let mut arrival = i64::from(feedback.reference_time) * 64_000;
    let mut deltas = feedback.recv_deltas.iter();
    let mut number = feedback.base_sequence_number;
    let mut statuses = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        let arrived = match symbol {
            SymbolTypeTcc::PacketReceivedSmallDelta | SymbolTypeTcc::PacketReceivedLargeDelta => {
                // A message with fewer deltas than it announces is cut: the rest is unknown.
                let Some(delta) = deltas.next() else { break };
                arrival += delta.delta;
                Some(arrival)
            }
            SymbolTypeTcc::PacketReceivedWithoutDelta => None,
            SymbolTypeTcc::PacketNotReceived => None,
        };
        if symbol != SymbolTypeTcc::PacketReceivedWithoutDelta {
            statuses.push((number, arrived));
        }
        number = number.wrapping_add(1);
    }
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::rtcp::transport_feedbacks::transport_layer_cc::{RecvDelta, RunLengthChunk};

    #[test]
    fn a_feedback_message_is_read_and_a_cut_one_does_no_harm() {
        let received = SymbolTypeTcc::PacketReceivedSmallDelta;
        let run = |symbol, run_length| {
            PacketStatusChunk::RunLengthChunk(RunLengthChunk {
                packet_status_symbol: symbol,
                run_length,
                ..Default::default()
            })
        };
        let mut feedback = TransportLayerCc {
            sender_ssrc: 0,
            media_ssrc: 0,
            base_sequence_number: u16::MAX,
            packet_status_count: 4,
            reference_time: 2,
            fb_pkt_count: 0,
            packet_chunks: vec![
                run(received, 1),
                run(SymbolTypeTcc::PacketNotReceived, 1),
                run(received, 9999),
            ],
            recv_deltas: [250, 500, 750].map(|delta| RecvDelta { type_tcc_packet: received, delta }).to_vec(),
        };
        let read = statuses(&feedback);
        assert_eq!(read, [(u16::MAX, Some(128_250)), (0, None), (1, Some(128_750)), (2, Some(129_500))]);
        feedback.packet_status_count = u16::MAX;
        assert_eq!(statuses(&feedback).len(), 4, "deltas ran out");
    }
}
