//! What is asked of a bucket: an object in one piece or in several, and how it stands. S3's REST API, path-style.

use std::time::Duration;

use bytes::Bytes;
use footlight_media::Time;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap};
use reqwest::{Client, Method, Response, Url, redirect};

use super::Upload;
use super::sign::{self, Asked, Signer, encoded, sha256};
use crate::clock;
use crate::error::Error;

/// A piece is on its way so long at most: 16 MB over 250 kbit/s.
const REQUEST: Duration = Duration::from_secs(600);
const CONNECT: Duration = Duration::from_secs(10);
/// Longest answer that is read; those of S3 have some hundred bytes.
const ANSWER: usize = 64 << 10;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The bucket's own code, where it gave one.
    #[error("the bucket answers {status} {code}")]
    Status { status: u16, code: String },
    #[error("the bucket cannot be reached: {0}")]
    Unreachable(String),
    #[error("the bucket's answer makes no sense: {0}")]
    Odd(&'static str),
    #[error("the bucket has something else than was sent")]
    NotTheSame,
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("{0}")]
    Store(#[from] Error),
}

impl Refusal {
    /// The bucket no longer knows the upload in pieces.
    pub(super) fn is_forgotten(&self) -> bool {
        matches!(self, Self::Status { status: 404, code } if code == "NoSuchUpload")
            || matches!(self, Self::Status { code, .. } if code == "InvalidPart" || code == "InvalidPartOrder")
    }
}

pub(super) struct Bucket {
    client: Client,
    signer: Signer,
    /// Scheme, host and port.
    origin: String,
    host: String,
    /// The path in front of a key, encoded.
    base: String,
    /// What is in front of all keys, decoded.
    prefix: String,
}

impl Bucket {
    pub(super) fn new(upload: &Upload) -> Result<Self, Error> {
        let bad = |message: &str| Error::Setting { setting: "upload.endpoint", message: message.to_owned() };
        let url: Url = upload.endpoint.parse().map_err(|_| bad("is no URL"))?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or_else(|| bad("has to begin with http:// or https://"))?;
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let client = Client::builder()
            .timeout(REQUEST)
            .connect_timeout(CONNECT)
            // A signature is good for one host.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("footlight-relay/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| Error::System { what: "an HTTP client" })?;
        Ok(Self {
            client,
            signer: Signer {
                access_key: upload.access_key.clone(),
                secret_key: upload.secret_key.clone(),
                region: upload.region.clone(),
            },
            origin: format!("{}://{host}", url.scheme()),
            host,
            base: format!("{}/{}/", url.path().trim_end_matches('/'), encoded(&upload.bucket, "")),
            prefix: upload.prefix.clone(),
        })
    }

    /// A link to the object that is good for so many seconds, for whoever has it.
    pub(super) fn link(&self, method: &str, key: &str, seconds: u32) -> String {
        let path = self.path(key);
        let query = self.signer.link(method, &self.host, &path, clock::now(), seconds);
        format!("{}{path}?{query}", self.origin)
    }

    /// Puts an object in one piece; its tag.
    pub(super) async fn put(&self, key: &str, kind: &str, body: Bytes) -> Result<String, Refusal> {
        let answer = self.ask(Method::PUT, key, &[], Some(kind), body).await?;
        tag(answer.headers())
    }

    /// Begins an object of several pieces; the bucket's name for that.
    pub(super) async fn begin(&self, key: &str, kind: &str) -> Result<String, Refusal> {
        let answer = self.ask(Method::POST, key, &[("uploads", "")], Some(kind), Bytes::new()).await?;
        let text = read(answer).await?;
        element(&text, "UploadId").ok_or(Refusal::Odd("no UploadId"))
    }

    /// Puts a piece, numbered from 1; its tag.
    pub(super) async fn put_piece(
        &self,
        key: &str,
        session: &str,
        number: usize,
        body: Bytes,
    ) -> Result<String, Refusal> {
        let number = number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", session)];
        let answer = self.ask(Method::PUT, key, &query, None, body).await?;
        tag(answer.headers())
    }

    /// Makes the object of its pieces; its tag.
    pub(super) async fn complete(
        &self,
        key: &str,
        session: &str,
        tags: &[String],
    ) -> Result<String, Refusal> {
        let piece = |(number, tag): (usize, &String)| {
            let tag = tag.replace('&', "&amp;").replace('<', "&lt;");
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>")
        };
        let pieces: String = (1..).zip(tags).map(piece).collect();
        let body = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{pieces}</CompleteMultipartUpload>"
        );
        let answer = self.ask(Method::POST, key, &[("uploadId", session)], None, body.into()).await?;
        // It may take so long that its success is said before it is known.
        let text = read(answer).await?;
        if let Some(code) = element(&text, "Code") {
            return Err(Refusal::Status { status: 200, code });
        }
        element(&text, "ETag").ok_or(Refusal::Odd("no ETag"))
    }

    /// Length and tag of what is there.
    pub(super) async fn look(&self, key: &str) -> Result<(u64, String), Refusal> {
        let answer = self.ask(Method::HEAD, key, &[], None, Bytes::new()).await?;
        // Not reqwest's own, which is that of the empty body.
        let length = answer.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok((length.ok_or(Refusal::Odd("no Content-Length"))?, tag(answer.headers())?))
    }

    async fn ask(
        &self,
        method: Method,
        key: &str,
        query: &[(&str, &str)],
        kind: Option<&str>,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        let at: Time = clock::now();
        let (path, hash, stamp) = (self.path(key), sha256(&body), sign::stamp(at));
        let mut headers = vec![
            ("host", self.host.as_str()),
            ("x-amz-content-sha256", hash.as_str()),
            ("x-amz-date", stamp.as_str()),
        ];
        headers.extend(kind.map(|kind| (CONTENT_TYPE.as_str(), kind)));
        let asked = Asked { method: method.as_str(), path: &path, query, headers: &headers };
        let authorization = self.signer.authorization(&asked, &hash, at);
        let url = match sign::canonical(query) {
            query if query.is_empty() => format!("{}{path}", self.origin),
            query => format!("{}{path}?{query}", self.origin),
        };
        let mut request = self.client.request(method.clone(), url).header(AUTHORIZATION, authorization);
        for (name, value) in &headers[1..] {
            request = request.header(*name, *value);
        }
        if method != Method::HEAD {
            request = request.header(CONTENT_LENGTH, body.len()).body(body);
        }
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let said =
            if method == Method::HEAD { String::new() } else { read(answer).await.unwrap_or_default() };
        Err(Refusal::Status { status: status.as_u16(), code: element(&said, "Code").unwrap_or_default() })
    }

    fn path(&self, key: &str) -> String {
        format!("{}{}", self.base, encoded(&format!("{}{key}", self.prefix), "/"))
    }
}

/// The address of the request would name keys and sessions.
fn unreachable(error: reqwest::Error) -> Refusal {
    let error = error.without_url();
    // Its own words stop at "error sending request"; what is behind it says why.
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Refusal::Unreachable(cause.to_string())
}

fn tag(headers: &HeaderMap) -> Result<String, Refusal> {
    let tag = headers.get(ETAG).and_then(|value| value.to_str().ok());
    tag.map(str::to_owned).ok_or(Refusal::Odd("no ETag"))
}

async fn read(mut answer: Response) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(unreachable)? {
        if bytes.len() + piece.len() > ANSWER {
            return Err(Refusal::Odd("a very long answer"));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| Refusal::Odd("no UTF-8"))
}

/// The text of the first element of that name.
fn element(xml: &str, name: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let node = document.descendants().find(|node| node.tag_name().name() == name)?;
    node.text().map(str::to_owned)
}
