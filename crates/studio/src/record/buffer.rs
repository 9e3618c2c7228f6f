//! The replay buffer: the packets of the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

use footlight_media::{Packet, Time};

/// Most that is kept, whatever the bitrate: then it is fewer seconds.
const MOST: usize = 256 << 20;

/// What is left of it begins with a keyframe.
#[derive(Debug)]
pub(super) struct Buffer {
    length: Duration,
    most: usize,
    packets: VecDeque<Packet>,
    bytes: usize,
}

impl Buffer {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, most: MOST, packets: VecDeque::new(), bytes: 0 }
    }

    /// So much from now on.
    pub(super) fn set(&mut self, length: Duration) {
        self.length = length;
        self.shorten();
    }

    pub(super) fn push(&mut self, packet: &Packet) {
        if self.packets.is_empty() && !(packet.keyframe && packet.codec.is_video()) {
            return;
        }
        self.bytes += packet.data.len();
        self.packets.push_back(packet.clone());
        self.shorten();
    }

    /// What it holds, from a keyframe on; at least as long as it shall be, as soon as there is so much.
    pub(super) fn held(&self) -> Duration {
        match (self.packets.front(), self.newest()) {
            (Some(first), Some(newest)) => newest.since(first.captured),
            _ => Duration::ZERO,
        }
    }

    /// Copies that share the bytes.
    pub(super) fn packets(&self) -> Vec<Packet> {
        self.packets.iter().cloned().collect()
    }

    fn newest(&self) -> Option<Time> {
        self.packets.iter().rev().find(|packet| packet.codec.is_video()).map(|packet| packet.captured)
    }

    /// Gives up the oldest, from keyframe to keyframe, where the rest is long enough or all is too much.
    fn shorten(&mut self) {
        let Some(newest) = self.newest() else { return };
        while let Some(next) = self.second_keyframe() {
            let long_enough = newest.since(self.packets[next].captured) >= self.length;
            if !long_enough && self.bytes <= self.most {
                return;
            }
            self.bytes -= self.packets.drain(..next).map(|packet| packet.data.len()).sum::<usize>();
        }
        if self.bytes > self.most {
            self.packets.clear();
            self.bytes = 0;
        }
    }

    fn second_keyframe(&self) -> Option<usize> {
        let keyframe = |packet: &Packet| packet.keyframe && packet.codec.is_video();
        self.packets.iter().skip(1).position(keyframe).map(|at| at + 1)
    }
}
