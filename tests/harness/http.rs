//! Plain requests to a relay, as a careless or hostile client would make them.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;

/// A status and the body's `{"code","message"}` where it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub code: Option<String>,
    pub body: String,
}

/// `POST` with this content type and, where given, a bearer token.
pub async fn post(url: &str, content_type: &str, token: Option<&str>, body: &str) -> Answer {
    let mut request = client().post(url).header(CONTENT_TYPE, content_type).body(body.to_owned());
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    answer(request).await
}

/// `PATCH` with a JSON body and a bearer token.
pub async fn patch(url: &str, token: &str, body: &Value) -> Answer {
    let request = client().patch(url).header(CONTENT_TYPE, "application/json").body(body.to_string());
    answer(request.header(AUTHORIZATION, format!("Bearer {token}"))).await
}

pub async fn get(url: &str) -> Answer {
    answer(client().get(url)).await
}

/// The same as somebody who has this token.
pub async fn get_as(url: &str, token: &str) -> Answer {
    answer(client().get(url).header(AUTHORIZATION, format!("Bearer {token}"))).await
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
    builder.build().expect("a client without special settings")
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("the relay answers");
    let status = response.status().as_u16();
    let body = response.text().await.expect("the body is complete");
    let json: Value = serde_json::from_str(&body).unwrap_or_default();
    Answer { status, code: json["code"].as_str().map(str::to_owned), body }
}

/// The smallest offer that is right in form: one H.264 line to receive or to send.
pub fn offer(direction: &str) -> String {
    let fingerprint = ["AA"; 32].join(":");
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na={direction}\r\na=rtcp-mux\r\n\
         a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 {fingerprint}\r\n\
         a=setup:actpass\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack pli\r\n"
    )
}
