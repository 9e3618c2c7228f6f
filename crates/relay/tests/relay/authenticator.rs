//! An authenticator in software, with the browser in front of it: it makes passkeys and signs by them, as well as it is told to.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use sha2::{Digest as _, Sha256};

pub(crate) enum Pair {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// What it says of itself can be changed before it is asked.
pub(crate) struct Device {
    pub(crate) pair: Pair,
    pub(crate) id: Vec<u8>,
    pub(crate) origin: String,
    pub(crate) host: String,
    pub(crate) counter: u32,
    pub(crate) flags: u8,
    /// Instead of the right type of client data.
    pub(crate) kind: Option<&'static str>,
}

/// Present and verified.
pub(crate) const FLAGS: u8 = 0x05;

fn head(major: u8, length: usize) -> Vec<u8> {
    match length {
        0..24 => vec![major << 5 | length as u8],
        24..256 => vec![major << 5 | 24, length as u8],
        _ => [&[major << 5 | 25][..], &(length as u16).to_be_bytes()].concat(),
    }
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

impl Pair {
    pub(crate) fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn rs256() -> Self {
        Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    /// As a COSE key.
    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let start = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01];
                [start, vec![0x21], bytes(&point[1..33]), vec![0x22], bytes(&point[33..])].concat()
            }
            Self::Ed25519(pair) => {
                let start = vec![0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06];
                [start, vec![0x21], bytes(pair.public_key().as_ref())].concat()
            }
            Self::Rs256(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero().to_vec();
                let e = public.exponent().big_endian_without_leading_zero().to_vec();
                let start = vec![0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20];
                [start, bytes(&n), vec![0x21], bytes(&e)].concat()
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

impl Device {
    pub(crate) fn new(pair: Pair, origin: &str, host: &str) -> Self {
        let id = Sha256::digest(pair.public()).to_vec();
        let (origin, host) = (origin.to_owned(), host.to_owned());
        Self { pair, id, origin, host, counter: 0, flags: FLAGS, kind: None }
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let (kind, origin) = (self.kind.unwrap_or(kind), &self.origin);
        format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#)
            .into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        [Sha256::digest(&self.host).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// Client data and attestation object.
    pub(crate) fn make(&self, challenge: &str) -> (Vec<u8>, Vec<u8>) {
        self.make_with(challenge, "none", &[0xa0])
    }

    /// With an attestation of some format.
    pub(crate) fn make_with(&self, challenge: &str, format: &str, statement: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let length = (self.id.len() as u16).to_be_bytes();
        let attested = [&[0; 16][..], &length, &self.id, &self.pair.public()].concat();
        let data = [self.data(self.flags | 0x40), attested].concat();
        let object = [
            vec![0xa3],
            [text("fmt"), text(format)].concat(),
            [text("attStmt"), statement.to_vec()].concat(),
            [text("authData"), bytes(&data)].concat(),
        ];
        (self.client_data("webauthn.create", challenge), object.concat())
    }

    /// Client data, authenticator data, signature.
    pub(crate) fn sign(&self, challenge: &str) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let (client, data) = (self.client_data("webauthn.get", challenge), self.data(self.flags));
        let signature = self.pair.sign(&[&data[..], Sha256::digest(&client).as_slice()].concat());
        (client, data, signature)
    }
}
