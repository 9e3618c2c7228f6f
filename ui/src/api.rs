//! The relay's JSON API as the creator's window asks it, with the owner token as bearer.

use std::time::Duration;

use footlight_protocol::key::{NameStreamKey, NewStreamKey, StreamKey};
use footlight_protocol::studio::RoomAccess;
use footlight_protocol::{Code, Failure, KeyId};
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use crate::browser;

/// An answer is made in milliseconds; a key is kept on disk first.
const ANSWER: Duration = Duration::from_secs(5);

/// The keys of one room.
#[derive(Clone)]
pub struct Keys {
    url: String,
    token: String,
}

impl Keys {
    pub fn new(access: &RoomAccess) -> Self {
        let url = format!("{}/api/v1/rooms/{}/keys", origin(&access.socket), access.room);
        Self { url, token: access.owner_token.clone() }
    }

    pub async fn list(&self) -> Result<Vec<StreamKey>, Failure> {
        read(self.ask("GET", "", None).await?).await
    }

    pub async fn make(&self, name: String) -> Result<NewStreamKey, Failure> {
        let body = serde_json::to_string(&NameStreamKey { name });
        let body = body.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        read(self.ask("POST", "", Some(&body)).await?).await
    }

    /// Replaces the key by one with another text; whoever publishes with the old one is cut off.
    pub async fn rotate(&self, key: KeyId) -> Result<NewStreamKey, Failure> {
        read(self.ask("POST", &format!("/{}/rotate", key.0), None).await?).await
    }

    pub async fn revoke(&self, key: KeyId) -> Result<(), Failure> {
        self.ask("DELETE", &format!("/{}", key.0), None).await.map(drop)
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Result<Response, Failure> {
        let unreachable = |_: JsValue| Failure::new(Code::Unreachable, "The relay does not answer");
        let headers = Headers::new().map_err(unreachable)?;
        headers.set("authorization", &format!("Bearer {}", self.token)).map_err(unreachable)?;
        let init = RequestInit::new();
        init.set_method(method);
        if let Some(body) = body {
            headers.set("content-type", "application/json").map_err(unreachable)?;
            init.set_body(&body.into());
        }
        init.set_headers(&headers);
        let answer =
            browser::fetch(&format!("{}{path}", self.url), &init, ANSWER).await.map_err(unreachable)?;
        if answer.ok() {
            return Ok(answer);
        }
        let failure = text(&answer).await.and_then(|text| serde_json::from_str(&text).ok());
        let status = answer.status();
        Err(failure.unwrap_or_else(|| Failure::new(Code::Internal, format!("The relay answered {status}"))))
    }
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Failure> {
    let parsed = text(&answer).await.and_then(|text| serde_json::from_str(&text).ok());
    parsed.ok_or_else(|| Failure::new(Code::Version, "The relay's answer is not understood"))
}

async fn text(answer: &Response) -> Option<String> {
    JsFuture::from(answer.text().ok()?).await.ok()?.as_string()
}

/// `http://HOST:PORT` of the relay whose WebSocket is at `socket`.
fn origin(socket: &str) -> String {
    let http = socket.replacen("ws", "http", 1);
    let host_at = http.find("://").map_or(0, |at| at + 3);
    let end = http[host_at..].find('/').map_or(http.len(), |at| host_at + at);
    http[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_is_where_the_socket_is() {
        for (socket, api) in [
            ("ws://127.0.0.1:7000/ws/main", "http://127.0.0.1:7000"),
            ("wss://live.example/ws/main", "https://live.example"),
            ("ws://[::1]:9", "http://[::1]:9"),
        ] {
            assert_eq!(origin(socket), api);
        }
    }
}
