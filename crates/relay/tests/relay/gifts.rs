//! Coins and gifts over the room's WebSocket, and receipts checked as `docs/receipts.md` says, with code that is not the relay's.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::gift::{Gift, Links, MAX_COUNT, Receipt, ReceiptKey, Show};
use footlight_protocol::overlay::Control;
use footlight_protocol::room::{ClientMessage, EventKind, ServerMessage};
use footlight_protocol::{Code, GiftId, Nonce, Seq, UserId};
use sha2::{Digest as _, Sha256};

use crate::member::Chat;
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage};

on_both_grounds! {
    a_gift_is_paid_once_and_seen_by_all,
    what_a_room_offers_is_its_owners_to_say,
    a_receipt_can_be_checked_by_whoever_has_it,
}

fn nonce(text: &str) -> Nonce {
    text.parse().unwrap()
}

fn rose() -> GiftId {
    "rose".parse().unwrap()
}

impl Chat {
    async fn send_gift(&mut self, name: &str, gift: &str, count: u32) -> Result<Seq, (Code, Option<u32>)> {
        let gift = gift.parse().unwrap();
        self.send(&ClientMessage::SendGift { nonce: nonce(name), gift, count }).await;
        self.answer(name).await
    }

    async fn grant(&mut self, name: &str, user: &UserId, coins: u64) -> Result<Seq, (Code, Option<u32>)> {
        self.send(&ClientMessage::Grant { nonce: nonce(name), user: user.clone(), coins }).await;
        self.answer(name).await
    }

    async fn refund(&mut self, name: &str, entry: u64) -> Result<Seq, (Code, Option<u32>)> {
        self.send(&ClientMessage::Refund { nonce: nonce(name), entry }).await;
        self.answer(name).await
    }

    async fn coins(&mut self) -> u64 {
        self.until(|message| match message {
            ServerMessage::Wallet { coins } => Some(coins),
            _ => None,
        })
        .await
    }
}

async fn a_gift_is_paid_once_and_seen_by_all(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    assert_eq!(ada.send_gift("g0", "rose", 1).await.map_err(|(code, _)| code), Err(Code::TooFewCoins));
    owner.grant("grant-1", &ada.me.id, 100).await.unwrap();
    // Asked for twice: a page that lost its connection cannot know.
    owner.grant("grant-1", &ada.me.id, 100).await.unwrap();
    let first = ada.send_gift("g1", "rose", 7).await.unwrap();
    assert_eq!(ada.send_gift("g1", "rose", 7).await, Ok(first));
    let event = owner.event().await;
    let EventKind::Gifted { by, gift, count, coins, entry, .. } = event.kind else { panic!("{event:?}") };
    assert_eq!((event.seq, by.name.as_str(), gift.id, count, coins, entry), (first, "Ada", rose(), 7, 7, 2));

    // The same after a restart: the store knows what the room has forgotten.
    let token = ada.token.clone();
    drop((owner, ada));
    let owner_token = stage.owner();
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    let mut ada = Chat::hello(&stage, Some(token), None, None).await.unwrap();
    assert_eq!(ada.coins().await, 93);
    assert_eq!(ada.send_gift("g1", "rose", 7).await, Ok(first));
    let back = owner.refund("back", entry).await.unwrap();
    assert_eq!(owner.refund("back", entry).await, Ok(back));
    assert_eq!(owner.refund("again", entry).await.map_err(|(code, _)| code), Err(Code::WrongPhase));
    let refunded = ada
        .until(|message| match message {
            ServerMessage::Event { event } => match event.kind {
                EventKind::Refunded { gift, to, coins, .. } => Some((gift, to.id, coins)),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(refunded, (first, ada.me.id.clone(), 7));
    assert_eq!(ada.coins().await, 100);
}

async fn what_a_room_offers_is_its_owners_to_say(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let tea = Gift {
        id: "tea".parse().unwrap(),
        name: "茶".to_owned(),
        icon: "🍵".to_owned(),
        price: 10,
        show: Show::Medium,
        per_hour: Some(3),
    };
    for (as_owner, gifts, expected) in [
        (false, vec![tea.clone()], Err(Code::Forbidden)),
        (true, vec![tea.clone(), tea.clone()], Err(Code::BadSetting)),
        (true, vec![tea.clone()], Ok(())),
    ] {
        let who = if as_owner { &mut owner } else { &mut ada };
        let name = format!("set-{expected:?}").replace(['(', ')', '_'], "-").trim_end_matches('-').to_owned();
        who.send(&ClientMessage::SetGifts { nonce: nonce(&name), gifts }).await;
        assert_eq!(who.answer(&name).await.map(drop).map_err(|(code, _)| code), expected);
    }
    let offered = ada
        .until(|message| match message {
            ServerMessage::Gifts { gifts } => Some(gifts),
            _ => None,
        })
        .await;
    assert_eq!(offered, [tea]);
    owner.grant("grant", &ada.me.id, 1_000).await.unwrap();
    let mut code = async |name: &str, gift: &str, count| {
        ada.send_gift(name, gift, count).await.map(drop).map_err(|(code, _)| code)
    };
    assert_eq!(code("a", "rose", 1).await, Err(Code::NotFound), "it is not offered any more");
    assert_eq!(code("b", "tea", 0).await, Err(Code::Malformed));
    assert_eq!(code("c", "tea", MAX_COUNT + 1).await, Err(Code::Malformed));
    assert_eq!(code("d", "tea", 2).await, Ok(()));
    assert_eq!(code("e", "tea", 2).await, Err(Code::GiftCap));
    assert_eq!(code("f", "tea", 1).await, Ok(()));
    let mut guest = Chat::join(&stage).await;
    assert_eq!(guest.send_gift("g", "tea", 1).await.map_err(|(code, _)| code), Err(Code::NameNeeded));
    assert_eq!(guest.grant("h", &owner.me.id, 5).await.map_err(|(code, _)| code), Err(Code::Forbidden));
    assert_eq!(guest.refund("i", 1).await.map_err(|(code, _)| code), Err(Code::Forbidden));
    guest.send(&ClientMessage::Overlay { nonce: nonce("o"), control: Control::Skip }).await;
    assert_eq!(guest.answer("o").await.map_err(|(code, _)| code), Err(Code::Forbidden));
    owner.send(&ClientMessage::Overlay { nonce: nonce("o"), control: Control::Skip }).await;
    assert!(owner.answer("o").await.is_ok());
    assert_eq!(
        owner.refund("j", 1).await.map_err(|(code, _)| code),
        Err(Code::NotFound),
        "a grant is no gift"
    );
    assert_eq!(owner.grant("k", &guest.me.id, 0).await.map_err(|(code, _)| code), Err(Code::Malformed));
}

async fn get<T: serde::de::DeserializeOwned>(
    stage: &Stage,
    path: &str,
    token: Option<&str>,
) -> Result<T, u16> {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let path = format!("/api/v1/rooms/main/receipts{path}");
    let answer = stage.ask(Method::GET, &path, &headers, "").await;
    if answer.status.is_success() {
        Ok(serde_json::from_str(&answer.body).unwrap())
    } else {
        Err(answer.status.as_u16())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn link(previous: &str, digest: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"footlight link 1\0");
    hasher.update(unhex(previous));
    hasher.update(digest);
    hex(&hasher.finalize())
}

/// Steps 1 and 2.
pub(crate) fn hash(receipt: &Receipt) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"footlight entry 1\0");
    let (reverses, seq) = (receipt.reverses.unwrap_or(0), receipt.seq.map_or(0, |seq| seq.0));
    for number in [receipt.number, receipt.at, receipt.amount, receipt.count.into(), reverses, seq] {
        hasher.update(number.to_be_bytes());
    }
    let item = receipt.item.as_deref().unwrap_or_default();
    for text in [&receipt.kind, &receipt.payer, &receipt.payee, item, &receipt.by, receipt.nonce.as_str()] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    link(&receipt.previous, &hasher.finalize())
}

/// Step 3.
fn signed(key: &ReceiptKey, hash: &str, signature: &str) -> bool {
    let key = URL_SAFE_NO_PAD.decode(&key.public_key).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ED25519, key).verify(&unhex(hash), &signature).is_ok()
}

async fn a_receipt_can_be_checked_by_whoever_has_it(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    let mut bob = Chat::named(&stage, "Bob").await;
    for (n, who) in [&ada.me.id, &bob.me.id].into_iter().enumerate() {
        owner.grant(&format!("grant-{n}"), who, 50).await.unwrap();
    }
    ada.send_gift("a1", "rose", 3).await.unwrap();
    bob.send_gift("b1", "coffee", 1).await.unwrap();
    ada.send_gift("a2", "applause", 2).await.unwrap();
    owner.refund("back", 4).await.unwrap();

    let key: ReceiptKey = get(&stage, "/key", None).await.unwrap();
    assert_eq!(key.algorithm, "Ed25519");
    let all: Vec<Receipt> = get(&stage, "", Some(&stage.owner())).await.unwrap();
    let mut previous = "0".repeat(64);
    for (n, receipt) in all.iter().enumerate() {
        assert_eq!((receipt.number, &receipt.previous), (n as u64 + 1, &previous));
        assert_eq!(receipt.hash, hash(receipt), "{receipt:?}");
        assert!(signed(&key, &receipt.hash, &receipt.signature), "{receipt:?}");
        previous.clone_from(&receipt.hash);
    }
    let kinds: Vec<&str> = all.iter().map(|receipt| receipt.kind.as_str()).collect();
    assert_eq!(kinds, ["grant", "grant", "gift", "gift", "gift", "reversal"]);
    let mut forged = all[2].clone();
    forged.amount -= 1;
    assert_ne!(hash(&forged), forged.hash);
    assert!(!signed(&key, &all[3].hash, &all[2].signature));

    // Step 4: from an old receipt to the end, without seeing anybody else's rows.
    let mut reached = all[2].hash.clone();
    let links: Links = get(&stage, "/links?after=3", None).await.unwrap();
    for digest in &links.digests {
        reached = link(&reached, &unhex(digest));
    }
    assert_eq!((links.digests.len(), links.hash.as_ref()), (3, Some(&reached)));
    assert!(signed(&key, &reached, &links.signature.unwrap()));
    let end: Links = get(&stage, "/links?after=6", None).await.unwrap();
    assert!(end.digests.is_empty() && end.hash.is_none());

    // Each sees their own.
    let numbers = async |token: &str| {
        let own: Vec<Receipt> = get(&stage, "", Some(token)).await.unwrap();
        own.iter().map(|receipt| receipt.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&ada.token).await, [1, 3, 5]);
    assert_eq!(numbers(&bob.token).await, [2, 4, 6]);
    assert_eq!(get::<Receipt>(&stage, "/3", Some(&ada.token)).await.unwrap(), all[2]);
    for (path, token, status) in [
        ("/3", Some(bob.token.as_str()), 404),
        ("/99", Some(bob.token.as_str()), 404),
        ("/0", Some(bob.token.as_str()), 404),
        ("/x", Some(bob.token.as_str()), 404),
        ("/3", None, 401),
        ("", Some("nonsense"), 401),
        ("?after=x", Some(ada.token.as_str()), 400),
        ("/links?after=-1", None, 400),
    ] {
        assert_eq!(get::<serde_json::Value>(&stage, path, token).await, Err(status), "{path}");
    }
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains(ada.me.id.as_str()) && !text.contains("Ada"), "the books know no names");
}
