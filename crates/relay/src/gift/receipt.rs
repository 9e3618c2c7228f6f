//! Receipts: rows of the books with the relay's signature, so that whoever has one can show later what was written.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::RoomId;
use footlight_protocol::gift::Receipt;

use super::ledger::{Entry, Hash};
use crate::error::Error;
use crate::store::Store;

/// Name of the key in the store.
const KEY: &str = "receipt_key";

/// Signs receipts.
pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    /// With the key of the store, which is made where there is none.
    pub(crate) async fn open(store: &Store) -> Result<Self, Error> {
        let failed = || Error::System { what: "a key for receipts" };
        let document = match store.secret(KEY).await? {
            Some(document) => document,
            None => {
                let made =
                    Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8()).map_err(|_| failed())?;
                store.set_secret(KEY, made.as_ref().to_vec()).await?;
                made.as_ref().to_vec()
            }
        };
        Ed25519KeyPair::from_pkcs8(&document).map(Self).map_err(|_| failed())
    }

    /// The 32 bytes with which receipts are checked, in base64 for URLs.
    pub(crate) fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }

    pub(crate) fn sign(&self, hash: &Hash) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(hash))
    }

    pub(crate) fn receipt(&self, room: &RoomId, entry: &Entry) -> Receipt {
        Receipt {
            room: room.clone(),
            number: entry.number,
            at: entry.at,
            kind: entry.kind.name().to_owned(),
            payer: entry.from.to_string(),
            payee: entry.to.to_string(),
            amount: entry.amount,
            item: entry.item.clone(),
            count: entry.count,
            by: entry.by.as_str().to_owned(),
            nonce: entry.nonce.clone(),
            reverses: entry.reverses,
            seq: entry.seq,
            previous: hex(&entry.previous),
            hash: hex(&entry.hash),
            signature: self.sign(&entry.hash),
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(hash: &Hash) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::with_capacity(2 * hash.len()), |mut text, byte| {
        // Writing to a String never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
