//! As much of CBOR (RFC 8949) as authenticators write: definite lengths only (CTAP 2.1 section 8), nothing copied, nothing
//! nested that is not skipped in a loop. What is read ends with the input, whatever lengths it claims.

/// What is still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

/// Major types (RFC 8949 section 3.1).
mod major {
    pub(super) const UNSIGNED: u8 = 0;
    pub(super) const NEGATIVE: u8 = 1;
    pub(super) const BYTES: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const ARRAY: u8 = 4;
    pub(super) const MAP: u8 = 5;
    pub(super) const TAG: u8 = 6;
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Major type and argument.
    fn head(&mut self) -> Option<(u8, u64)> {
        let first = self.take(1)?[0];
        let length = match first & 0x1f {
            small @ 0..=23 => return Some((first >> 5, small.into())),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return None,
        };
        let argument = self.take(length)?.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
        Some((first >> 5, argument))
    }

    fn of(&mut self, wanted: u8) -> Option<u64> {
        self.head().and_then(|(major, argument)| (major == wanted).then_some(argument))
    }

    /// How many pairs follow.
    pub(super) fn map(&mut self) -> Option<u64> {
        self.of(major::MAP)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.of(major::BYTES)?;
        self.take(length.try_into().ok()?)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.of(major::TEXT)?;
        std::str::from_utf8(self.take(length.try_into().ok()?)?).ok()
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        let (major, argument) = self.head()?;
        let value = i64::try_from(argument).ok()?;
        match major {
            major::UNSIGNED => Some(value),
            major::NEGATIVE => Some(-1 - value),
            _ => None,
        }
    }

    /// Passes over one item with all that is in it.
    pub(super) fn skip(&mut self) -> Option<()> {
        let mut items = 1_u64;
        while items > 0 {
            items -= 1;
            let (major, argument) = self.head()?;
            match major {
                major::BYTES | major::TEXT => drop(self.take(argument.try_into().ok()?)?),
                major::ARRAY => items = items.checked_add(argument)?,
                major::MAP => items = items.checked_add(argument.checked_mul(2)?)?,
                major::TAG => items = items.checked_add(1)?,
                _ => {}
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_lie_end_with_the_input() {
        for lie in
            [&[0x5b, 255, 255, 255, 255, 255, 255, 255, 255][..], &[0x9a, 255, 255, 255, 255, 1], &[0xbf]]
        {
            assert_eq!(Reader(lie).skip(), None, "{lie:?}");
        }
        assert_eq!(Reader(&[0xbb, 255, 255, 255, 255, 255, 255, 255, 255]).skip(), None);
        // A thousand arrays in each other.
        let deep = [[0x81; 1_000].as_slice(), &[0]].concat();
        let mut reader = Reader(&deep);
        assert_eq!((reader.skip(), reader.0.len()), (Some(()), 0));
    }

    #[test]
    fn numbers_have_the_sizes_of_the_standard() {
        for (bytes, value) in [
            (&[0x17][..], 23),
            (&[0x18, 0x18], 24),
            (&[0x26], -7),
            (&[0x39, 0x01, 0x00], -257),
            (&[0x1a, 0, 1, 0, 0], 65_536),
        ] {
            assert_eq!(Reader(bytes).int(), Some(value), "{bytes:?}");
        }
        assert_eq!(Reader(&[0x3b, 255, 255, 255, 255, 255, 255, 255, 255]).int(), None);
        assert_eq!(Reader(&[0x41, 7]).int(), None);
    }
}
