//! AWS Signature Version 4, the part of it that S3 takes: a header over one whole request, and links that are good
//! for a while. Source: "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API Reference.

use std::fmt::Write as _;

use footlight_media::Time;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

/// What stands for the body's hash in a link.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Who signs, and for where.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) access_key: Secret,
    pub(super) secret_key: Secret,
    pub(super) region: String,
}

/// What is signed of a request.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Encoded, as in the request line.
    pub(super) path: &'a str,
    /// Decoded, in any order.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Names in lower case, `host` among them, in any order.
    pub(super) headers: &'a [(&'a str, &'a str)],
}

impl Signer {
    /// The value of the `Authorization` header. `headers` have to hold `x-amz-date` and `x-amz-content-sha256`.
    pub(super) fn authorization(&self, asked: &Asked<'_>, hash: &str, at: Time) -> String {
        let (signed, signature) = self.sign(asked, hash, at);
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={signed},Signature={signature}",
            self.access_key.reveal(),
            self.scope(at)
        )
    }

    /// The query of a link to `path` that is good for so many seconds.
    pub(super) fn link(&self, method: &str, host: &str, path: &str, at: Time, seconds: u32) -> String {
        let credential = format!("{}/{}", self.access_key.reveal(), self.scope(at));
        let (stamp, seconds) = (stamp(at), seconds.to_string());
        let query = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &stamp),
            ("X-Amz-Expires", &seconds),
            ("X-Amz-SignedHeaders", "host"),
        ];
        let asked = Asked { method, path, query: &query, headers: &[("host", host)] };
        let (_, signature) = self.sign(&asked, UNSIGNED, at);
        format!("{}&X-Amz-Signature={signature}", canonical(&query))
    }

    /// The names of the headers that are signed, and the signature.
    fn sign(&self, asked: &Asked<'_>, hash: &str, at: Time) -> (String, String) {
        let mut headers = asked.headers.to_vec();
        headers.sort_unstable();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let mut request = format!("{}\n{}\n{}\n", asked.method, asked.path, canonical(asked.query));
        for (name, value) in headers {
            request += &format!("{name}:{}\n", value.trim());
        }
        request += &format!("\n{names}\n{hash}");
        let text =
            format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", stamp(at), self.scope(at), sha256(request.as_bytes()));
        let first = format!("AWS4{}", self.secret_key.reveal());
        let day = stamp(at);
        let steps = [&day[..8], &self.region, "s3", "aws4_request", &text];
        let signature = steps.iter().fold(first.into_bytes(), |key, step| {
            // HMAC takes a key of any length.
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length is a key");
            mac.update(step.as_bytes());
            mac.finalize().into_bytes().to_vec()
        });
        (names, hex(&signature))
    }

    fn scope(&self, at: Time) -> String {
        format!("{}/{}/s3/aws4_request", &stamp(at)[..8], self.region)
    }
}

/// The time as `x-amz-date` has it.
pub(super) fn stamp(at: Time) -> String {
    let date = at.date();
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year, date.month, date.day, date.hour, date.minute, date.second
    )
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A query in the order and the spelling that are signed; good as a query too.
pub(super) fn canonical(query: &[(&str, &str)]) -> String {
    let mut pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", encoded(name, ""), encoded(value, ""))).collect();
    pairs.sort_unstable();
    pairs.join("&")
}

/// UriEncode of the reference: all but the unreserved characters of RFC 3986, and those in `also`.
pub(super) fn encoded(text: &str, also: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        let plain =
            byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.as_bytes().contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the Amazon S3 API Reference, "Signature Calculations for the Authorization Header:
    /// Transferring Payload in a Single Chunk" and "Authenticating Requests: Using Query Parameters".
    #[test]
    fn the_examples_of_the_reference_come_out() {
        let signer = Signer {
            access_key: Secret::new("AKIAIOSFODNN7EXAMPLE"),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1".to_owned(),
        };
        // 2013-05-24T00:00:00Z
        let at = Time::from_micros(1_369_353_600_000_000);
        assert_eq!(stamp(at), "20130524T000000Z");
        let (host, date) = (("host", "examplebucket.s3.amazonaws.com"), ("x-amz-date", "20130524T000000Z"));
        let nothing = sha256(b"");
        let empty = ("x-amz-content-sha256", nothing.as_str());
        let welcome = sha256(b"Welcome to Amazon S3.");
        let plain = [host, date, empty];
        let ranged = [("range", "bytes=0-9"), host, date, empty];
        let stored = [
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            host,
            date,
            ("x-amz-content-sha256", &welcome),
        ];
        let get = |path, query, headers| Asked { method: "GET", path, query, headers };
        let put =
            Asked { method: "PUT", path: &encoded("/test$file.text", "/"), query: &[], headers: &stored };
        for (asked, hash, signature) in [
            (
                get("/test.txt", &[], &ranged),
                &nothing,
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
            (put, &welcome, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
            (
                get("/", &[("lifecycle", "")], &plain),
                &nothing,
                "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
            ),
            (
                get("/", &[("prefix", "J"), ("max-keys", "2")], &plain),
                &nothing,
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let header = signer.authorization(&asked, hash, at);
            assert!(header.ends_with(&format!("Signature={signature}")), "{header}");
            assert!(header.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"));
        }
        let link = signer.link("GET", host.1, "/test.txt", at, 86_400);
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(link.ends_with(&format!("&X-Amz-Signature={signature}")), "{link}");
    }
}
