//! The handshake of section 5.2, from either end.
//!
//! It proves nothing, so nothing is checked but the version and the lengths. Flash's players sign theirs and look
//! for a signature in the answer; the encoders and players of today sign at most, and take a plain answer.

use crate::Error;

/// The version byte that both ends send first.
pub const VERSION: u8 = 3;
/// Bytes of the two blocks that each end sends.
pub const BLOCK: usize = 1536;

/// Where one end is.
#[derive(Debug)]
pub struct Handshake {
    side: Side,
    /// The peer's bytes so far, bounded by what is awaited.
    peer: Vec<u8>,
    /// Our first block, until it is sent.
    own: Box<[u8; BLOCK]>,
    greeted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Server,
    Client,
}

impl Handshake {
    /// The end that was called. `random` fills what the peer has to send back.
    pub fn server(random: &[u8]) -> Self {
        Self::new(Side::Server, random)
    }

    /// The end that calls; what it says first is appended to `out`.
    pub fn client(random: &[u8], out: &mut Vec<u8>) -> Self {
        let handshake = Self::new(Side::Client, random);
        out.push(VERSION);
        out.extend_from_slice(&*handshake.own);
        handshake
    }

    fn new(side: Side, random: &[u8]) -> Self {
        // Time and version stay zero: with another version a peer would look for a signature.
        let mut own = Box::new([0; BLOCK]);
        for (byte, random) in own[8..].iter_mut().zip(random.iter().cycle()) {
            *byte = *random;
        }
        Self { side, peer: Vec::new(), own, greeted: false }
    }

    /// Takes its part from the front of `input`; the answer is appended to `out`. True when it is done.
    pub fn read(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        if !self.greeted {
            if !self.fill(1 + BLOCK, input)? {
                return Ok(false);
            }
            if self.side == Side::Server {
                out.push(VERSION);
                out.extend_from_slice(&*self.own);
            }
            out.extend_from_slice(&self.peer[1..]);
            self.peer.clear();
            self.greeted = true;
        }
        self.fill(BLOCK, input)
    }

    /// True when `length` of the peer's bytes are there.
    fn fill(&mut self, length: usize, input: &mut &[u8]) -> Result<bool, Error> {
        let missing = length.saturating_sub(self.peer.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.peer.extend_from_slice(taken);
        *input = rest;
        // Said as early as it is known: whoever speaks HTTP or TLS here does not wait for the rest.
        if !self.greeted && self.peer.first().is_some_and(|version| *version != VERSION) {
            return Err(Error::Version);
        }
        Ok(self.peer.len() == length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_meet_whatever_the_pieces_are() {
        for piece in [1, 7, 1536, 1537, 4000] {
            let mut to_server = Vec::new();
            let mut to_client = Vec::new();
            let mut client = Handshake::client(&[1, 2, 3], &mut to_server);
            let mut server = Handshake::server(&[9]);
            let (mut client_done, mut server_done) = (false, false);
            while !(client_done && server_done) {
                let taken: Vec<u8> = to_server.drain(..piece.min(to_server.len())).collect();
                server_done |= server.read(&mut &taken[..], &mut to_client).unwrap();
                let taken: Vec<u8> = to_client.drain(..piece.min(to_client.len())).collect();
                client_done |= client.read(&mut &taken[..], &mut to_server).unwrap();
            }
            assert!(to_server.is_empty() && to_client.is_empty());
        }
    }

    #[test]
    fn the_answer_is_version_own_block_and_the_peers_block_back() {
        let mut hello = vec![VERSION];
        hello.extend((0..BLOCK).map(|n| n as u8));
        let mut out = Vec::new();
        let mut server = Handshake::server(&[5]);
        assert!(!server.read(&mut &hello[..], &mut out).unwrap());
        assert_eq!((out.len(), out[0]), (1 + 2 * BLOCK, VERSION));
        assert_eq!(out[1..9], [0; 8], "no time, and no version that promises a signature");
        assert_eq!(out[1 + BLOCK..], hello[1..]);
        // What comes behind the handshake is left.
        let mut rest = &[&[0; BLOCK][..], b"next"].concat()[..];
        assert!(server.read(&mut rest, &mut out).unwrap());
        assert_eq!(rest, b"next");
    }

    #[test]
    fn other_protocols_are_told_apart_by_their_first_byte() {
        for first in [b'G', 0x16, 0, 6, 255] {
            let mut out = Vec::new();
            assert_eq!(Handshake::server(&[1]).read(&mut &[first][..], &mut out), Err(Error::Version));
            assert!(out.is_empty());
        }
    }
}
