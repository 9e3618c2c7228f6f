//! Passkeys: what W3C Web Authentication Level 3 asks of a relying party, in sections 7.1 (a credential is made) and 7.2
//! (somebody signs in by one). On values, told what was expected; challenges are in [`challenge`].
//!
//! Nothing is asked about the make of the authenticator: the offer says `none`, and an attestation that comes all the same
//! is read over and not trusted (section 7.1).

mod cbor;
pub(crate) mod challenge;
mod key;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use cbor::Reader;
use key::Key;

/// Longest credential id (section 7.1).
pub(crate) const LONGEST_ID: usize = 1_023;
/// Longest of what a device sends: client data, attestation, signature.
pub(crate) const LONGEST: usize = 16 << 10;

/// Flags of authenticator data (section 6.1).
mod flag {
    pub(super) const PRESENT: u8 = 0x01;
    pub(super) const VERIFIED: u8 = 0x04;
    pub(super) const MAY_BE_COPIED: u8 = 0x08;
    pub(super) const IS_COPIED: u8 = 0x10;
    pub(super) const CREDENTIAL: u8 = 0x40;
    pub(super) const EXTENSIONS: u8 = 0x80;
}

/// Which check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Not what a browser or an authenticator writes.
    #[error("what the device sent cannot be read")]
    Malformed,
    /// A creation where an assertion belongs, or the other way round.
    #[error("the device answered another question")]
    Kind,
    /// It was never made, is used up or too old, or was made for something else.
    #[error("the challenge is not good, or no longer; try again")]
    Challenge,
    #[error("the page has another origin than the one that asked")]
    Origin,
    /// The hash of the RP ID.
    #[error("the passkey belongs to another host")]
    Party,
    #[error("nobody touched the device")]
    NotPresent,
    #[error("the device did not check who uses it")]
    NotVerified,
    /// A copy is said to exist of what cannot be copied.
    #[error("the device contradicts itself")]
    Backup,
    #[error("the passkey's algorithm is not one that was offered")]
    Algorithm,
    /// Not known here, somebody else's, or not by its key. One word for all of them: which credentials there are is told to nobody.
    #[error("this passkey does not sign in to an account here")]
    Unknown,
    /// The counter did not go forward: there are two devices with one key.
    #[error("this passkey seems to have been copied")]
    Counter,
}

/// Where the page is, as the browser and the relay name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Party {
    pub(crate) origin: String,
    /// The RP ID.
    pub(crate) host: String,
}

/// What the browser says that it did (section 5.8.1). Fields of later versions are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// The challenge that client data answers, before anything of it is believed.
pub(crate) fn answered(client_data: &[u8]) -> Result<String, Refused> {
    let data: ClientData = serde_json::from_slice(client_data).map_err(|_| Refused::Malformed)?;
    Ok(data.challenge)
}

/// Of sections 7.1 and 7.2: type, origin, no frame of another page. The challenge was looked up.
fn check_client(client_data: &[u8], kind: &str, party: &Party) -> Result<(), Refused> {
    let data: ClientData = serde_json::from_slice(client_data).map_err(|_| Refused::Malformed)?;
    if data.r#type != kind {
        return Err(Refused::Kind);
    }
    if data.origin != party.origin || data.cross_origin || data.top_origin.is_some() {
        return Err(Refused::Origin);
    }
    Ok(())
}

/// Authenticator data (section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Authenticator<'a> {
    host_hash: &'a [u8],
    flags: u8,
    counter: u32,
    credential: Option<Attested<'a>>,
}

/// A credential that was just made (section 6.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attested<'a> {
    id: &'a [u8],
    /// The COSE key; none of an algorithm that was not offered.
    key: Option<&'a [u8]>,
}

impl<'a> Authenticator<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(data);
        let host_hash = reader.take(32)?;
        let flags = reader.take(1)?[0];
        let counter = u32::from_be_bytes(reader.take(4)?.try_into().ok()?);
        let mut credential = None;
        if flags & flag::CREDENTIAL != 0 {
            let _model = reader.take(16)?;
            let length = u16::from_be_bytes(reader.take(2)?.try_into().ok()?).into();
            let id = reader.take(length).filter(|id| (1..=LONGEST_ID).contains(&id.len()))?;
            let (from, mut known) = (reader.0, reader);
            reader.skip()?;
            let written = &from[..from.len() - reader.0.len()];
            let whole = Key::read(&mut known).is_some() && known.0.len() == reader.0.len();
            credential =
                Some(Attested { id, key: (whole && written.len() <= key::LONGEST).then_some(written) });
        }
        if flags & flag::EXTENSIONS != 0 {
            let mut head = reader;
            head.map()?;
            reader.skip()?;
        }
        reader.0.is_empty().then_some(Self { host_hash, flags, counter, credential })
    }

    /// Of sections 7.1 and 7.2: host, presence, verification, copies. Verification is asked for always.
    fn check(&self, party: &Party) -> Result<(), Refused> {
        let is = |flag: u8| self.flags & flag != 0;
        if self.host_hash != Sha256::digest(party.host.as_bytes()).as_slice() {
            return Err(Refused::Party);
        }
        if !is(flag::PRESENT) {
            return Err(Refused::NotPresent);
        }
        if !is(flag::VERIFIED) {
            return Err(Refused::NotVerified);
        }
        if is(flag::IS_COPIED) && !is(flag::MAY_BE_COPIED) {
            return Err(Refused::Backup);
        }
        Ok(())
    }
}

/// A credential as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) id: Vec<u8>,
    /// The COSE key.
    pub(crate) key: Vec<u8>,
    pub(crate) counter: u32,
}

/// The credential that a device made (section 7.1). The challenge was looked up, and whether the id is known comes after.
pub(crate) fn made(client_data: &[u8], attestation: &[u8], party: &Party) -> Result<Credential, Refused> {
    check_client(client_data, "webauthn.create", party)?;
    let data = of_attestation(attestation).ok_or(Refused::Malformed)?;
    let data = Authenticator::read(data).ok_or(Refused::Malformed)?;
    data.check(party)?;
    let attested = data.credential.ok_or(Refused::Malformed)?;
    let key = attested.key.ok_or(Refused::Algorithm)?;
    Ok(Credential { id: attested.id.to_vec(), key: key.to_vec(), counter: data.counter })
}

/// The authenticator data in an attestation object (section 6.5).
fn of_attestation(attestation: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(attestation);
    let (mut data, mut format, mut nothing) = (None, None, false);
    for _ in 0..reader.map()? {
        match reader.text()? {
            "authData" => data = Some(reader.bytes()?),
            "fmt" => format = Some(reader.text()?),
            "attStmt" => {
                let before = reader;
                nothing = reader.map()? == 0;
                reader = before;
                reader.skip()?;
            }
            _ => reader.skip()?,
        }
    }
    // Section 8.7: an attestation of the format "none" is empty.
    let fine = format.is_some_and(|format| format != "none" || nothing);
    data.filter(|_| fine && reader.0.is_empty())
}

/// The counter after a device signed for a credential (section 7.2). Whose it is was looked up.
pub(crate) fn signed(
    client_data: &[u8],
    authenticator: &[u8],
    signature: &[u8],
    kept: &Credential,
    party: &Party,
) -> Result<u32, Refused> {
    check_client(client_data, "webauthn.get", party)?;
    let data = Authenticator::read(authenticator).ok_or(Refused::Malformed)?;
    data.check(party)?;
    let message = [authenticator, Sha256::digest(client_data).as_slice()].concat();
    let key = Key::read(&mut Reader(&kept.key)).ok_or(Refused::Unknown)?;
    if !key.verifies(&message, signature) {
        return Err(Refused::Unknown);
    }
    // Step 22. Devices that sync their passkeys do not count and always say nought; one that did count and does so no more is
    // a copy, or has lost its memory: either way its owner has to make a new one.
    if (data.counter, kept.counter) != (0, 0) && data.counter <= kept.counter {
        return Err(Refused::Counter);
    }
    Ok(data.counter)
}

/// Reads everything that a stranger's device sends.
pub(crate) fn read_anything(data: &[u8]) {
    let _ = answered(data);
    let inner = of_attestation(data).unwrap_or(data);
    if let Some(Authenticator { credential: Some(Attested { id, key }), host_hash, .. }) =
        Authenticator::read(inner)
    {
        assert!((1..=LONGEST_ID).contains(&id.len()) && host_hash.len() == 32);
        if let Some(key) = key {
            let again = Key::read(&mut Reader(key)).expect("what was read as a key is one");
            assert!(!again.verifies(b"nobody signed this", &[0; 64]));
        }
    }
}

#[cfg(test)]
#[path = "../../tests/relay/authenticator.rs"]
mod authenticator;

#[cfg(test)]
mod tests {
    use super::authenticator::{Device, FLAGS, Pair};
    use super::*;

    fn party() -> Party {
        Party { origin: "https://live.example".to_owned(), host: "live.example".to_owned() }
    }

    fn device(pair: Pair) -> Device {
        Device::new(pair, "https://live.example", "live.example")
    }

    fn make(device: &Device) -> Result<Credential, Refused> {
        let (client, attestation) = device.make("abc");
        made(&client, &attestation, &party())
    }

    fn sign(device: &Device, kept: &Credential) -> Result<u32, Refused> {
        let (client, data, signature) = device.sign("abc");
        signed(&client, &data, &signature, kept, &party())
    }

    #[test]
    fn keys_of_all_algorithms_that_are_offered_sign() {
        for pair in [Pair::es256(), Pair::ed25519(), Pair::rs256()] {
            let mut device = device(pair);
            let kept = make(&device).unwrap();
            device.counter = 7;
            assert_eq!(sign(&device, &kept), Ok(7));
            let (client, data, mut signature) = device.sign("abc");
            *signature.last_mut().unwrap() ^= 1;
            assert_eq!(signed(&client, &data, &signature, &kept, &party()), Err(Refused::Unknown));
            let (other, ..) = device.sign("abd");
            let (.., signature) = device.sign("abc");
            assert_eq!(signed(&other, &data, &signature, &kept, &party()), Err(Refused::Unknown));
            let somebody = Credential { key: Pair::es256().public(), ..kept };
            assert_eq!(sign(&device, &somebody), Err(Refused::Unknown));
        }
    }

    #[test]
    fn what_is_not_right_is_named() {
        type Change = fn(&mut Device);
        let changes: [(Change, Refused); 7] = [
            (|device| device.origin = "https://evil.example".to_owned(), Refused::Origin),
            (|device| device.origin = "http://live.example".to_owned(), Refused::Origin),
            (|device| device.host = "evil.example".to_owned(), Refused::Party),
            (|device| device.flags = FLAGS & !0x01, Refused::NotPresent),
            (|device| device.flags = FLAGS & !0x04, Refused::NotVerified),
            (|device| device.flags = FLAGS | 0x10, Refused::Backup),
            (|device| device.kind = Some("payment.get"), Refused::Kind),
        ];
        let right = make(&device(Pair::es256())).unwrap();
        for (change, why) in changes {
            let mut device = device(Pair::es256());
            change(&mut device);
            assert_eq!(make(&device), Err(why));
            assert_eq!(sign(&device, &right), Err(why));
        }
        let mut device = device(Pair::es256());
        device.flags = FLAGS | 0x18;
        assert!(make(&device).is_ok(), "a passkey that is synced");
        device.id = vec![1; LONGEST_ID + 1];
        assert_eq!(make(&device), Err(Refused::Malformed));
    }

    #[test]
    fn a_counter_goes_forward_or_is_never_used() {
        let mut device = device(Pair::es256());
        let mut kept = make(&device).unwrap();
        assert_eq!(sign(&device, &kept), Ok(0), "one that does not count");
        kept.counter = 5;
        for (counter, result) in
            [(6, Ok(6)), (5, Err(Refused::Counter)), (4, Err(Refused::Counter)), (0, Err(Refused::Counter))]
        {
            device.counter = counter;
            assert_eq!(sign(&device, &kept), result, "{counter}");
        }
    }

    #[test]
    fn attestations_are_read_over_and_none_is_empty() {
        let device = device(Pair::es256());
        let read = |format: &str, statement: &[u8]| {
            let (client, attestation) = device.make_with("abc", format, statement);
            made(&client, &attestation, &party()).map(drop)
        };
        assert_eq!(read("packed", &[0xa1, 0x63, b's', b'i', b'g', 0x42, 1, 2]), Ok(()));
        assert_eq!(read("none", &[0xa1, 0x01, 0x02]), Err(Refused::Malformed));
        assert_eq!(read("none", &[0x80]), Err(Refused::Malformed));
        let (client, attestation) = device.make("abc");
        for end in 0..attestation.len() {
            assert!(made(&client, &attestation[..end], &party()).is_err(), "cut at {end}");
        }
        let framed = String::from_utf8(client).unwrap().replace("false", "true");
        assert_eq!(made(framed.as_bytes(), &attestation, &party()), Err(Refused::Origin));
        // Another algorithm was not offered.
        let (client, mut attestation) = device.make("abc");
        let at = attestation.windows(4).position(|part| part == [0x02, 0x03, 0x26, 0x20]).unwrap();
        attestation[at + 2] = 0x2f;
        assert_eq!(made(&client, &attestation, &party()), Err(Refused::Algorithm));
    }
}
