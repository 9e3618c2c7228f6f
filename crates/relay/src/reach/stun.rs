//! STUN's binding request and its answer (RFC 8489), as bytes: how a socket looks from outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// RFC 8489 section 5.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// Ties an answer to its request. Random, so that nobody off the path can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transaction(pub(crate) [u8; 12]);

impl Transaction {
    /// The request: a header without attributes.
    pub(crate) fn request(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..2].copy_from_slice(&BINDING_REQUEST);
        bytes[4..8].copy_from_slice(&COOKIE);
        bytes[8..].copy_from_slice(&self.0);
        bytes
    }

    /// The address that the server saw the request come from, where these bytes are the answer to it.
    pub(crate) fn answer(&self, bytes: &[u8]) -> Option<SocketAddr> {
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let ours = header[..2] == BINDING_SUCCESS && header[4..8] == COOKIE && header[8..] == self.0;
        if !ours || usize::from(u16::from_be_bytes([header[2], header[3]])) != body.len() {
            return None;
        }
        // The plain form is what servers older than RFC 5389 send, and what meddling routers rewrite.
        let seen = |wanted| attribute(body, wanted);
        let xored = seen(XOR_MAPPED_ADDRESS).and_then(|value| self.address(value, true));
        xored.or_else(|| seen(MAPPED_ADDRESS).and_then(|value| self.address(value, false)))
    }

    /// Section 14.1 and 14.2: a zero, the family, the port, the address.
    fn address(&self, value: &[u8], xored: bool) -> Option<SocketAddr> {
        let mut mask = [0; 16];
        if xored {
            mask[..4].copy_from_slice(&COOKIE);
            mask[4..].copy_from_slice(&self.0);
        }
        let plain = |bytes: &[u8], at: usize| bytes.get(at).map(|byte| byte ^ mask[at]);
        let (head, address) = value.split_at_checked(4)?;
        let port = u16::from_be_bytes([plain(&head[2..], 0)?, plain(&head[2..], 1)?]);
        let ip = match (head[1], address.len()) {
            (1, 4) => {
                let bytes: [u8; 4] = std::array::from_fn(|at| address[at] ^ mask[at]);
                IpAddr::V4(Ipv4Addr::from(bytes))
            }
            (2, 16) => {
                let bytes: [u8; 16] = std::array::from_fn(|at| address[at] ^ mask[at]);
                IpAddr::V6(Ipv6Addr::from(bytes))
            }
            _ => return None,
        };
        Some(SocketAddr::new(ip.to_canonical(), port))
    }
}

/// The value of the first attribute of this type. Values are padded to four bytes.
fn attribute(mut body: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (head, rest) = body.split_at_checked(4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        if u16::from_be_bytes([head[0], head[1]]) == wanted {
            return Some(value);
        }
        body = rest.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of RFC 5769 sections 2.2 and 2.3, without what follows the address.
    const ID: Transaction =
        Transaction([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);

    fn message(attributes: &[u8]) -> Vec<u8> {
        let mut bytes = ID.request().to_vec();
        bytes[..2].copy_from_slice(&BINDING_SUCCESS);
        bytes[2..4].copy_from_slice(&(attributes.len() as u16).to_be_bytes());
        bytes.extend_from_slice(attributes);
        bytes
    }

    #[test]
    fn the_answers_of_the_rfcs_are_read() {
        let software =
            [0x80, 0x22, 0x00, 0x0b, b't', b'e', b's', b't', b' ', b'v', b'e', b'c', b't', b'o', b'r', b' '];
        let v4 = [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let v6 = [
            0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79,
            0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
        ];
        let old = [0x00, 0x01, 0x00, 0x08, 0x00, 0x01, 0x80, 0x55, 192, 0, 2, 1];
        for (attributes, address) in [
            ([&software[..], &v4].concat(), "192.0.2.1:32853"),
            ([&software[..], &v6].concat(), "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
            (old.to_vec(), "192.0.2.1:32853"),
        ] {
            assert_eq!(ID.answer(&message(&attributes)), Some(address.parse().unwrap()));
        }
    }

    #[test]
    fn what_is_no_answer_to_the_request_is_passed_by() {
        let right = message(&[0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert!(ID.answer(&right).is_some());
        for length in 0..right.len() {
            assert_eq!(ID.answer(&right[..length]), None, "cut at {length}");
        }
        for place in [0, 1, 3, 4, 8, 19, 20, 21, 23, 25] {
            let mut wrong = right.clone();
            wrong[place] ^= 0x40;
            assert_eq!(ID.answer(&wrong), None, "changed at {place}");
        }
        assert_eq!(ID.answer(&ID.request()), None, "a request is no answer");
    }
}
