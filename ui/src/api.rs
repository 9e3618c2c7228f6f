//! The relay's JSON API: what everybody may read of a room, and the owner's side of it, which the studio window asks
//! with the owner token as bearer.

use std::time::Duration;

use footlight_protocol::account::{
    Account, Credentials, NewPasskey, NewPassword, Passkey, PasskeyChallenge, PasskeyOffer, PasskeyProof,
    PasskeyWish, SignedIn,
};
use footlight_protocol::coin::{Checkout, CheckoutPage};
use footlight_protocol::emote::Emote;
use footlight_protocol::invite::{Invite, InviteRequest, NewInvite, Offer, Shown};
use footlight_protocol::key::{NameStreamKey, NewStreamKey, StreamKey};
use footlight_protocol::reach::Forecast;
use footlight_protocol::replay::{Clip, ClipRequest, Edit, Events, Line, Progress, Replay};
use footlight_protocol::room::RoomState;
use footlight_protocol::studio::RoomAccess;
use footlight_protocol::{Code, Failure, KeyId, ReplayId, RoomId, Seq, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, Headers, RequestInit, Response, Url};

use crate::browser;

/// An answer is made in milliseconds; a key is kept on disk first.
const ANSWER: Duration = Duration::from_secs(5);
/// A clip waits for its last second, and a look around asks routers and servers far away.
const LONG_ANSWER: Duration = Duration::from_secs(30);

const ACCOUNT: &str = "/api/v1/account";

/// One room of a relay.
#[derive(Debug, Clone)]
pub struct Relay {
    /// `http://HOST:PORT`; empty for the relay that the page is from.
    origin: String,
    room: RoomId,
    token: Option<String>,
}

impl Relay {
    /// The room on the relay that the page is from, as everybody sees it.
    pub fn here(room: RoomId) -> Self {
        Self { origin: String::new(), room, token: None }
    }

    pub fn owned(access: &RoomAccess) -> Self {
        let (origin, room) = (origin(&access.socket), access.room.clone());
        Self { origin, room, token: Some(access.owner_token.clone()) }
    }

    /// As somebody: with their device token.
    pub fn by(self, token: String) -> Self {
        Self { token: Some(token), ..self }
    }

    pub fn room(&self) -> &RoomId {
        &self.room
    }

    pub async fn state(&self) -> Result<RoomState, Failure> {
        self.read("").await
    }

    /// Finished broadcasts, newest first; to the owner also those that are not listed.
    pub async fn replays(&self) -> Result<Vec<Line>, Failure> {
        self.read("/replays").await
    }

    pub async fn replay(&self, id: &ReplayId) -> Result<Replay, Failure> {
        self.read(&format!("/replays/{id}")).await
    }

    pub async fn events(&self, id: &ReplayId, after: Seq) -> Result<Events, Failure> {
        self.read(&format!("/replays/{id}/events?after={}", after.0)).await
    }

    pub async fn edit(&self, id: &ReplayId, edit: &Edit) -> Result<Line, Failure> {
        let body = body(edit)?;
        read(self.ask("PATCH", &self.of_room(&format!("/replays/{id}")), Some(&body), ANSWER).await?).await
    }

    pub async fn delete(&self, id: &ReplayId) -> Result<(), Failure> {
        self.ask("DELETE", &self.of_room(&format!("/replays/{id}")), None, ANSWER).await.map(drop)
    }

    /// How the recording of what is live goes; none where nothing is being recorded.
    pub async fn recording(&self) -> Result<Option<Progress>, Failure> {
        match self.read("/recording").await {
            Err(failure) if failure.code == Code::NotFound => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Keeps the last seconds of what is live as a file of its own.
    pub async fn clip(&self, seconds: u32) -> Result<Clip, Failure> {
        let body = body(&ClipRequest::Live { seconds })?;
        read(self.ask("POST", &self.of_room("/clips"), Some(&body), LONG_ANSWER).await?).await
    }

    pub async fn keys(&self) -> Result<Vec<StreamKey>, Failure> {
        self.read("/keys").await
    }

    pub async fn make_key(&self, name: String) -> Result<NewStreamKey, Failure> {
        let body = body(&NameStreamKey { name })?;
        read(self.ask("POST", &self.of_room("/keys"), Some(&body), ANSWER).await?).await
    }

    /// Replaces the key by one with another text; whoever publishes with the old one is cut off.
    pub async fn rotate_key(&self, key: KeyId) -> Result<NewStreamKey, Failure> {
        let path = self.of_room(&format!("/keys/{}/rotate", key.0));
        read(self.ask("POST", &path, None, ANSWER).await?).await
    }

    pub async fn revoke_key(&self, key: KeyId) -> Result<(), Failure> {
        self.ask("DELETE", &self.of_room(&format!("/keys/{}", key.0)), None, ANSWER).await.map(drop)
    }

    /// The account of the one who asks, where they have one.
    pub async fn account(&self) -> Result<Option<Account>, Failure> {
        match self.ask("GET", ACCOUNT, None, ANSWER).await {
            Err(failure) if failure.code == Code::NotFound => Ok(None),
            answer => read(answer?).await.map(Some),
        }
    }

    /// Makes one; gives the token that is theirs from then on.
    pub async fn make_account(&self, credentials: &Credentials) -> Result<String, Failure> {
        self.for_token("", credentials).await
    }

    pub async fn sign_in(&self, credentials: &Credentials) -> Result<String, Failure> {
        self.for_token("/session", credentials).await
    }

    pub async fn change_password(&self, passwords: &NewPassword) -> Result<String, Failure> {
        self.for_token("/password", passwords).await
    }

    pub async fn sign_out_everywhere(&self) -> Result<(), Failure> {
        self.ask("DELETE", &format!("{ACCOUNT}/sessions"), None, ANSWER).await.map(drop)
    }

    pub async fn passkeys(&self) -> Result<Vec<Passkey>, Failure> {
        read(self.ask("GET", &format!("{ACCOUNT}/passkeys"), None, ANSWER).await?).await
    }

    pub async fn passkey_offer(&self, wish: &PasskeyWish) -> Result<PasskeyOffer, Failure> {
        let path = format!("{ACCOUNT}/passkeys/offer");
        read(self.ask("POST", &path, Some(&body(wish)?), ANSWER).await?).await
    }

    /// Keeps it; where it makes an account, gives the token that is theirs from then on.
    pub async fn add_passkey(&self, made: &NewPasskey) -> Result<Option<String>, Failure> {
        let answer =
            self.ask("POST", &format!("{ACCOUNT}/passkeys"), Some(&body(made)?), LONG_ANSWER).await?;
        if answer.status() == 204 {
            return Ok(None);
        }
        read::<SignedIn>(answer).await.map(|signed_in| Some(signed_in.token))
    }

    pub async fn remove_passkey(&self, id: &str) -> Result<(), Failure> {
        self.ask("DELETE", &format!("{ACCOUNT}/passkeys/{id}"), None, ANSWER).await.map(drop)
    }

    pub async fn passkey_challenge(&self) -> Result<PasskeyChallenge, Failure> {
        read(self.ask("POST", &format!("{ACCOUNT}/passkeys/challenge"), None, ANSWER).await?).await
    }

    pub async fn sign_in_by_passkey(&self, proof: &PasskeyProof) -> Result<String, Failure> {
        self.for_token("/passkeys/session", proof).await
    }

    async fn for_token(&self, path: &str, of: &impl Serialize) -> Result<String, Failure> {
        let answer = self.ask("POST", &format!("{ACCOUNT}{path}"), Some(&body(of)?), LONG_ANSWER).await?;
        read::<SignedIn>(answer).await.map(|signed_in| signed_in.token)
    }

    /// All that the relay knows of a person, as a file's text.
    pub async fn export(&self, user: &UserId) -> Result<String, Failure> {
        let answer = self.ask("GET", &self.of_room(&format!("/people/{user}")), None, LONG_ANSWER).await?;
        let unread = || Failure::new(Code::Unreachable, "The relay's answer broke off");
        text(&answer).await.ok_or_else(unread)
    }

    /// Ends it.
    pub async fn erase(&self, user: &UserId) -> Result<(), Failure> {
        self.ask("DELETE", &self.of_room(&format!("/people/{user}")), None, LONG_ANSWER).await.map(drop)
    }

    /// Links by which people become moderators, oldest first.
    pub async fn invites(&self) -> Result<Vec<Invite>, Failure> {
        self.read("/invites").await
    }

    pub async fn make_invite(&self, request: &InviteRequest) -> Result<NewInvite, Failure> {
        self.post("/invites", request).await
    }

    pub async fn revoke_invite(&self, id: u64) -> Result<(), Failure> {
        self.ask("DELETE", &self.of_room(&format!("/invites/{id}")), None, ANSWER).await.map(drop)
    }

    /// What a link offers.
    pub async fn look_at_invite(&self, secret: String) -> Result<Offer, Failure> {
        self.post("/invites/look", &Shown { secret }).await
    }

    /// Becomes what it offers.
    pub async fn accept_invite(&self, secret: String) -> Result<Offer, Failure> {
        self.post("/invites/accept", &Shown { secret }).await
    }

    /// The record of moderation as a table, in the language of that tag.
    pub async fn record(&self, language: &str) -> Result<String, Failure> {
        let path = self.of_room(&format!("/audit?format=csv&lang={language}"));
        let answer = self.ask("GET", &path, None, LONG_ANSWER).await?;
        text(&answer).await.ok_or_else(|| Failure::new(Code::Internal, "The record broke off"))
    }

    /// Sets the picture that a payer scans.
    pub async fn set_payment_picture(&self, file: &Blob) -> Result<(), Failure> {
        self.ask_with(
            "PUT",
            &self.of_room("/payment"),
            Some(("application/octet-stream", file.into())),
            LONG_ANSWER,
        )
        .await
        .map(drop)
    }

    pub async fn remove_payment_picture(&self) -> Result<(), Failure> {
        self.ask("DELETE", &self.of_room("/payment"), None, ANSWER).await.map(drop)
    }

    /// The room's own emotes.
    pub async fn emotes(&self) -> Result<Vec<Emote>, Failure> {
        read(self.ask("GET", &self.of_room("/emotes"), None, ANSWER).await?).await
    }

    /// Sets the emote of that name.
    pub async fn set_emote(&self, name: &str, file: &Blob) -> Result<(), Failure> {
        let body = Some(("application/octet-stream", file.into()));
        self.ask_with("PUT", &self.of_emote(name), body, LONG_ANSWER).await.map(drop)
    }

    pub async fn remove_emote(&self, name: &str) -> Result<(), Failure> {
        self.ask("DELETE", &self.of_emote(name), None, ANSWER).await.map(drop)
    }

    fn of_emote(&self, name: &str) -> String {
        self.of_room(&format!("/emotes/{}", js_sys::encode_uri_component(name)))
    }

    /// Sets the picture that this person shows of themselves.
    pub async fn set_avatar(&self, user: &UserId, file: &Blob) -> Result<(), Failure> {
        let body = Some(("application/octet-stream", file.into()));
        self.ask_with("PUT", &self.of_room(&format!("/people/{user}/avatar")), body, LONG_ANSWER)
            .await
            .map(drop)
    }

    pub async fn remove_avatar(&self, user: &UserId) -> Result<(), Failure> {
        self.ask("DELETE", &self.of_room(&format!("/people/{user}/avatar")), None, ANSWER).await.map(drop)
    }

    /// The page on which a pack is paid by card, for the person of that device token.
    pub async fn checkout(&self, token: String, order: &Checkout) -> Result<CheckoutPage, Failure> {
        let theirs = Self { token: Some(token), ..self.clone() };
        let body = body(order)?;
        read(theirs.ask("POST", &self.of_room("/checkout"), Some(&body), LONG_ANSWER).await?).await
    }

    /// The picture, under an address of this page's own: the window shows nothing of others.
    pub async fn payment_picture(&self) -> Result<String, Failure> {
        let odd = |_: JsValue| Failure::new(Code::Unreachable, "The relay does not answer");
        let answer = self.ask("GET", &self.of_room("/payment"), None, ANSWER).await?;
        let blob = JsFuture::from(answer.blob().map_err(odd)?).await.map_err(odd)?;
        Url::create_object_url_with_blob(&blob.unchecked_into()).map_err(odd)
    }

    /// Who will get in, for a broadcast of this bitrate.
    pub async fn reach(&self, stream_kbit: Option<u32>) -> Result<Forecast, Failure> {
        read(self.ask("GET", &reach(stream_kbit), None, LONG_ANSWER).await?).await
    }

    /// The same, after looking again, which takes some seconds.
    pub async fn look_again(&self, stream_kbit: Option<u32>) -> Result<Forecast, Failure> {
        read(self.ask("POST", &reach(stream_kbit), None, LONG_ANSWER).await?).await
    }

    /// The address of a path such as a recording's, for people elsewhere.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The address of a path below the room's, for this page.
    pub fn path(&self, path: &str) -> String {
        self.link(&self.of_room(path))
    }

    fn of_room(&self, path: &str) -> String {
        format!("/api/v1/rooms/{}{path}", self.room)
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, of: &impl Serialize) -> Result<T, Failure> {
        read(self.ask("POST", &self.of_room(path), Some(&body(of)?), ANSWER).await?).await
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(self.ask("GET", &self.of_room(path), None, ANSWER).await?).await
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        limit: Duration,
    ) -> Result<Response, Failure> {
        self.ask_with(method, path, body.map(|body| ("application/json", body.into())), limit).await
    }

    /// `body` with its content type.
    async fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, JsValue)>,
        limit: Duration,
    ) -> Result<Response, Failure> {
        let unreachable = |_: JsValue| Failure::new(Code::Unreachable, "The relay does not answer");
        let headers = Headers::new().map_err(unreachable)?;
        if let Some(token) = &self.token {
            headers.set("authorization", &format!("Bearer {token}")).map_err(unreachable)?;
        }
        let init = RequestInit::new();
        init.set_method(method);
        if let Some((kind, body)) = body {
            headers.set("content-type", kind).map_err(unreachable)?;
            init.set_body(&body);
        }
        init.set_headers(&headers);
        let url = format!("{}{path}", self.origin);
        let answer = browser::fetch(&url, &init, limit).await.map_err(unreachable)?;
        if answer.ok() {
            return Ok(answer);
        }
        let failure = text(&answer).await.and_then(|text| serde_json::from_str(&text).ok());
        let status = answer.status();
        Err(failure.unwrap_or_else(|| Failure::new(Code::Internal, format!("The relay answered {status}"))))
    }
}

fn reach(stream_kbit: Option<u32>) -> String {
    let wish = stream_kbit.map(|kbit| format!("?stream_kbit={kbit}")).unwrap_or_default();
    format!("/api/v1/reach{wish}")
}

fn body(of: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(of).map_err(|error| Failure::new(Code::Internal, error.to_string()))
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, Failure> {
    let parsed = text(&answer).await.and_then(|text| serde_json::from_str(&text).ok());
    parsed.ok_or_else(|| Failure::new(Code::Version, "The relay's answer is not understood"))
}

async fn text(answer: &Response) -> Option<String> {
    JsFuture::from(answer.text().ok()?).await.ok()?.as_string()
}

/// `http://HOST:PORT` of the relay whose WebSocket is at `socket`.
pub fn origin(socket: &str) -> String {
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
