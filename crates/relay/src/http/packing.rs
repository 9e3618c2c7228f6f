//! The pages' files as gzip, made once for all who ask: the viewer page's program takes more than a tenth of a second
//! of a core, and a crowd comes at once.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::OnceCell;

use crate::lock::lock;

/// SHA-256 of what is packed.
type Hash = [u8; 32];

/// Only programs for tests read files that may change while they run. Full ⇒ all are forgotten and packed again.
const MOST: usize = 256;
static KNOWN: LazyLock<Mutex<HashMap<Hash, Arc<OnceCell<Bytes>>>>> = LazyLock::new(Mutex::default);

/// Whether whoever asks takes gzip (RFC 9110 section 12.5.3).
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let takes = |coding: &str| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused =
            weight.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    };
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter();
    accepted.filter_map(|value| value.to_str().ok()).any(|value| value.split(',').any(takes))
}

/// `data`, which has this hash, as gzip; `None` where that failed.
pub(super) async fn gzip(hash: Hash, data: Bytes) -> Option<Bytes> {
    let cell = {
        let mut known = lock(&KNOWN);
        if known.len() >= MOST {
            known.clear();
        }
        Arc::clone(known.entry(hash).or_default())
    };
    let make = async || {
        tokio::task::spawn_blocking(move || pack(&data)).await.map_err(std::io::Error::other).flatten()
    };
    cell.get_or_try_init(make).await.ok().cloned()
}

fn pack(data: &[u8]) -> std::io::Result<Bytes> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(data)?;
    Ok(gzip.finish()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_gzip_says_so() {
        for (accepts, takes) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP ;q=0.8", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepts.parse().unwrap())]);
            assert_eq!(takes_gzip(&headers), takes, "{accepts}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_the_same_is_packed_once() {
        let data = Bytes::from(b"pages ".repeat(5_000));
        let (first, second) = tokio::join!(gzip([7; 32], data.clone()), gzip([7; 32], data.clone()));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.as_ptr(), second.as_ptr());
        assert!(first.len() < data.len() / 20);
    }
}
