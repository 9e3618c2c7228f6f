//! Reads big-endian fields from the front of bytes that cannot be trusted: past the end there is `None`.

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Two's complement.
    pub(crate) fn i24(&mut self) -> Option<i32> {
        self.u24().map(|value| (value << 8) as i32 >> 8)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_be_bytes)
    }
}

/// The three bytes of a field of 24 bits.
pub(crate) fn u24(value: u32) -> [u8; 3] {
    let [_, a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// Bytes that nobody meant, for tests that ask for no panic: a small generator, the same on every run.
#[cfg(test)]
pub(crate) struct Noise(pub(crate) u64);

#[cfg(test)]
impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// `valid` with a few bytes changed, and sometimes cut or lengthened.
    pub(crate) fn spoil(&mut self, valid: &[u8]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        for _ in 0..=self.next() % 4 {
            if let Some(at) = (self.next() as usize).checked_rem(bytes.len()) {
                bytes[at] = match self.next() % 3 {
                    0 => 0xff,
                    1 => bytes[at] ^ 1 << (self.next() % 8),
                    _ => self.next() as u8,
                };
            }
        }
        match self.next() % 8 {
            0 => bytes.truncate(self.next() as usize % (bytes.len() + 1)),
            1 => bytes.extend((0..self.next() % 20).map(|n| n as u8)),
            _ => {}
        }
        bytes
    }
}
