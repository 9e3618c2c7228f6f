//! Public keys of passkeys as authenticators write them: COSE keys (RFC 9052 section 7) of the algorithms that are offered.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::cbor::Reader;

/// Longest key as it is written: RSA with 4096 bits, and its labels.
pub(super) const LONGEST: usize = 600;

/// IANA COSE Algorithms, key types and curves.
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const CURVE_25519: i64 = 6;

/// A public key that checks signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Es256 { x: &'a [u8], y: &'a [u8] },
    Ed25519 { x: &'a [u8] },
    Rs256 { n: &'a [u8], e: &'a [u8] },
}

impl<'a> Key<'a> {
    /// Reads one key and leaves what follows it. None for what is no key of an algorithm that is offered.
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let (mut kind, mut algorithm, mut curve) = (None, None, None);
        // Labels -1, -2 and -3 that are byte strings.
        let mut parts: [Option<&'a [u8]>; 3] = [None; 3];
        for _ in 0..reader.map()? {
            match reader.int()? {
                1 => kind = Some(reader.int()?),
                3 => algorithm = Some(reader.int()?),
                -1 if kind == Some(RSA) => parts[0] = Some(reader.bytes()?),
                -1 => curve = Some(reader.int()?),
                -2 => parts[1] = Some(reader.bytes()?),
                // Of a P-256 key the sign alone would do in COSE, not in WebAuthn (section 5.8.5).
                -3 => parts[2] = Some(reader.bytes()?),
                _ => reader.skip()?,
            }
        }
        let long = |part: &[u8]| part.len() == 32;
        match (kind?, algorithm?, curve, parts) {
            (EC2, ES256, Some(P256), [None, Some(x), Some(y)]) if long(x) && long(y) => {
                Some(Self::Es256 { x, y })
            }
            (OKP, EDDSA, Some(CURVE_25519), [None, Some(x), None]) if long(x) => Some(Self::Ed25519 { x }),
            (RSA, RS256, None, [Some(n), Some(e), None])
                if (256..=512).contains(&n.len()) && (1..=4).contains(&e.len()) =>
            {
                Some(Self::Rs256 { n, e })
            }
            _ => None,
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let right = match *self {
            Self::Es256 { x, y } => {
                let point = [&[4], x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature)
            }
            Self::Ed25519 { x } => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            Self::Rs256 { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        right.is_ok()
    }
}
