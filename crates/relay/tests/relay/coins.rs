//! Coins that are paid outside of Footlight: asked for, approved or declined, and told to the one who paid, now or later.

use axum::http::{Method, StatusCode, header};
use footlight_protocol::coin::{CoinAsk, CoinNews, MAX_PICTURE, MAX_REFERENCE, MAX_WAITING, Offer, Outcome};
use footlight_protocol::coin::{Pack, Shop, TopUp, Watch};
use footlight_protocol::room::{ClientMessage, ServerMessage};
use footlight_protocol::{Code, TopUpId};

use crate::member::Chat;
use crate::peer::{Peer, picture as picture_of_a_broadcast};
use crate::span::{Ground, on_both_grounds};
use crate::stage::{Folder, Stage, live};

on_both_grounds! {
    who_says_to_have_paid_gets_coins_or_a_reason,
    requests_are_bounded_and_the_creators_to_decide,
}

fn pack(coins: u64, amount: u64) -> Pack {
    Pack { coins, amount, currency: "cny".parse().unwrap() }
}

fn offer() -> Offer {
    Offer {
        packs: vec![pack(60, 600), pack(300, 2_800)],
        text: "微信扫码\n备注昵称".to_owned(),
        ..Offer::default()
    }
}

impl Chat {
    pub(crate) async fn ask(&mut self, nonce: &str, ask: CoinAsk) -> Result<(), Code> {
        self.send(&ClientMessage::Coins { nonce: nonce.parse().unwrap(), ask }).await;
        self.answer(nonce).await.map(drop).map_err(|(code, _)| code)
    }

    async fn pay(&mut self, nonce: &str, pack: Pack, reference: &str) -> Result<(), Code> {
        self.ask(nonce, CoinAsk::TopUp { pack, reference: reference.to_owned() }).await
    }

    async fn news(&mut self) -> CoinNews {
        self.until(|message| match message {
            ServerMessage::Coins { news } => Some(news),
            _ => None,
        })
        .await
    }

    pub(crate) async fn top_up(&mut self) -> TopUp {
        match self.news().await {
            CoinNews::TopUp { top_up } => top_up,
            other => panic!("{other:?}"),
        }
    }

    async fn top_ups(&mut self) -> Vec<TopUp> {
        match self.news().await {
            CoinNews::TopUps { list } => list,
            other => panic!("{other:?}"),
        }
    }

    async fn shop(&mut self) -> Shop {
        match self.news().await {
            CoinNews::Shop { shop } => shop,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn wallet(&mut self) -> u64 {
        self.until(|message| match message {
            ServerMessage::Wallet { coins } => Some(coins),
            _ => None,
        })
        .await
    }
}

fn approve(id: &TopUpId) -> CoinAsk {
    CoinAsk::Approve { top_up: id.clone() }
}

fn decline(id: &TopUpId, reason: &str) -> CoinAsk {
    CoinAsk::Decline { top_up: id.clone(), reason: reason.to_owned() }
}

async fn who_says_to_have_paid_gets_coins_or_a_reason(ground: Ground) {
    let folder = Folder::new();
    let stage = ground.stage_in(&folder).await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    owner.ask("offer", CoinAsk::SetOffer { offer: offer() }).await.unwrap();
    assert_eq!(ada.shop().await.offer, offer());
    ada.pay("p1", pack(60, 600), "  1234 ").await.unwrap();
    // A page that lost its connection asks again.
    ada.pay("p1", pack(60, 600), "1234").await.unwrap();
    ada.pay("p2", pack(300, 2_800), "").await.unwrap();
    let (first, second) = (owner.top_up().await, owner.top_up().await);
    assert_eq!(
        (first.by.name.as_str(), first.reference.as_str(), first.pack),
        ("Ada", "1234", pack(60, 600))
    );
    owner.ask("a1", approve(&first.id)).await.unwrap();
    assert_eq!(owner.ask("a2", approve(&first.id)).await, Err(Code::WrongPhase));
    assert_eq!(owner.ask("d1", decline(&first.id, "no")).await, Err(Code::WrongPhase));
    assert_eq!(ada.top_up().await.outcome, Outcome::Approved);
    // What she had when she came may be told only now.
    while ada.wallet().await != 60 {}

    // The rest is decided while Ada is away, after a restart.
    let (token, owner_token) = (ada.token.clone(), stage.owner());
    drop((owner, ada));
    stage.stop().await;
    let stage = ground.stage_in(&folder).await;
    let mut owner = Chat::hello(&stage, None, Some(owner_token), None).await.unwrap();
    let waiting = owner.top_ups().await;
    assert_eq!((waiting.len(), &waiting[0].id, waiting[0].by.name.as_str()), (1, &second.id, "Ada"));
    assert_eq!(owner.ask("a3", approve(&first.id)).await, Err(Code::WrongPhase));
    owner.ask("d2", decline(&second.id, " 没有收到这笔付款 ")).await.unwrap();
    let mut ada = Chat::hello(&stage, Some(token.clone()), None, None).await.unwrap();
    assert_eq!(ada.wallet().await, 60);
    let told = ada.top_ups().await;
    let reason = "没有收到这笔付款".to_owned();
    let outcomes: Vec<_> = told.iter().map(|one| (&one.id, one.outcome.clone())).collect();
    assert_eq!(outcomes, [(&first.id, Outcome::Approved), (&second.id, Outcome::Declined { reason })]);
    ada.ask("r1", CoinAsk::Read { top_up: first.id.clone() }).await.unwrap();
    drop(ada);
    let mut ada = Chat::hello(&stage, Some(token.clone()), None, None).await.unwrap();
    let told = ada.top_ups().await;
    assert_eq!((told.len(), &told[0].id), (1, &second.id));

    // It stands in the books as what it is.
    let bearer = format!("Bearer {token}");
    let books =
        stage.ask(Method::GET, "/api/v1/rooms/main/receipts", &[("authorization", &bearer)], "").await.json();
    let rows: Vec<_> = books.as_array().unwrap().iter().map(|row| (&row["kind"], &row["amount"])).collect();
    assert_eq!(rows.len(), 1, "{books}");
    assert_eq!((rows[0].0.as_str(), rows[0].1.as_u64()), (Some("top_up"), Some(60)));
}

async fn requests_are_bounded_and_the_creators_to_decide(ground: Ground) {
    let stage = ground.stage().await;
    let (mut owner, mut ada) = (Chat::owner(&stage).await, Chat::named(&stage, "Ada").await);
    assert_eq!(ada.pay("early", pack(60, 600), "").await, Err(Code::WrongPhase), "nothing is offered");
    assert_eq!(ada.ask("o1", CoinAsk::SetOffer { offer: offer() }).await, Err(Code::Forbidden));
    let twice = Offer { packs: vec![pack(1, 1), pack(1, 1)], ..Offer::default() };
    assert_eq!(owner.ask("o2", CoinAsk::SetOffer { offer: twice }).await, Err(Code::BadSetting));
    owner.ask("o3", CoinAsk::SetOffer { offer: offer() }).await.unwrap();
    let mut guest = Chat::join(&stage).await;
    assert_eq!(guest.pay("g", pack(60, 600), "").await, Err(Code::NameNeeded));
    assert_eq!(ada.pay("p0", pack(6_000, 600), "").await, Err(Code::WrongPhase), "no such pack");
    assert_eq!(ada.pay("long", pack(60, 600), &"x".repeat(MAX_REFERENCE + 1)).await, Err(Code::TooLong));
    for n in 0..MAX_WAITING {
        ada.pay(&format!("w{n}"), pack(60, 600), "").await.unwrap();
    }
    assert_eq!(ada.pay("more", pack(60, 600), "").await, Err(Code::TooFast));
    ada.pay("w0", pack(60, 600), "").await.expect_err("six within a minute are enough");
    let (first, second) = (owner.top_up().await, owner.top_up().await);
    assert_eq!(ada.ask("a", approve(&first.id)).await, Err(Code::Forbidden));
    assert_eq!(ada.ask("d", decline(&first.id, "")).await, Err(Code::Forbidden));
    assert_eq!(owner.ask("d1", approve(&"nothing".parse().unwrap())).await, Err(Code::WrongPhase));
    assert_eq!(owner.ask("d2", decline(&first.id, &"x".repeat(141))).await, Err(Code::TooLong));
    owner.ask("d3", decline(&first.id, "")).await.unwrap();

    // What somebody who is erased asked for does not wait any more.
    let path = format!("/api/v1/rooms/main/people/{}", ada.me.id);
    let bearer = format!("Bearer {}", ada.token);
    let erased = stage.ask(Method::DELETE, &path, &[("authorization", &bearer)], "").await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT);
    assert_eq!(owner.ask("a2", approve(&second.id)).await, Err(Code::WrongPhase));
}

/// Who is about to have watched for a minute gets coins for it once, however many pages they have open and whether they
/// were there before a restart.
#[tokio::test(flavor = "multi_thread")]
async fn watching_gives_coins_while_somebody_is_on_air() {
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let mut owner = Chat::owner(&stage).await;
    let watch = Some(Watch { coins: 5, minutes: 1, most_a_day: 5 });
    owner.ask("offer", CoinAsk::SetOffer { offer: Offer { watch, ..Offer::default() } }).await.unwrap();
    let (ada, bob) = (Chat::join(&stage).await, Chat::join(&stage).await);
    let (user, tokens, key) = (ada.me.id.clone(), [ada.token.clone(), bob.token.clone()], stage.key());
    drop((owner, ada, bob));
    stage.stop().await;

    // As if Ada had watched almost a minute before the relay was started anew.
    let day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let database = rusqlite::Connection::open(folder.0.join("footlight.db")).unwrap();
    let insert =
        "INSERT INTO watched (room, person, day, count, coins, millis) VALUES ('main', ?1, ?2, 0, 0, 59990)";
    database.execute(insert, rusqlite::params![user.as_str(), day as i64]).unwrap();
    database.close().unwrap();

    let stage = Stage::in_folder(&folder).await;
    let [ada_token, bob_token] = tokens;
    let mut ada = Chat::hello(&stage, Some(ada_token.clone()), None, None).await.unwrap();
    let mut second = Chat::hello(&stage, Some(ada_token), None, None).await.unwrap();
    let mut bob = Chat::hello(&stage, Some(bob_token), None, None).await.unwrap();
    assert_eq!((ada.wallet().await, bob.wallet().await), (0, 0));
    let playing = ClientMessage::Playing { latency_ms: None };
    let mut publisher = Peer::publish(&stage.ready.http, &key).await;
    publisher.connected().await;
    publisher.send(picture_of_a_broadcast(0, true, 100));
    stage.until("somebody is on air", live).await;
    for _ in 0..4 {
        for page in [&mut ada, &mut second, &mut bob] {
            page.send(&playing).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // Each page hears of the purse when another one comes, too.
    for page in [&mut ada, &mut second] {
        while page.wallet().await != 5 {}
    }
    let bearer = format!("Bearer {}", ada.token);
    let rows =
        stage.ask(Method::GET, "/api/v1/rooms/main/receipts", &[("authorization", &bearer)], "").await.json();
    let rows: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (row["kind"].clone(), row["amount"].clone())).collect();
    assert_eq!(rows, [("watch".into(), 5.into())]);
    stage.stop().await;
    let database = rusqlite::Connection::open(folder.0.join("footlight.db")).unwrap();
    let kept = "SELECT count, coins FROM watched WHERE person = ?1";
    let kept: (i64, i64) =
        database.query_row(kept, [user.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(kept, (1, 5));
}

/// A PNG of one black pixel, with a comment that nobody shall see.
fn picture() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_luma8(3, 2).write_to(&mut file, image::ImageFormat::Png).unwrap();
    let mut file = file.into_inner();
    file.extend_from_slice(b"<script>hidden</script>");
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_picture_is_made_anew_and_the_owners_to_set() {
    const PATH: &str = "/api/v1/rooms/main/payment";
    let folder = Folder::new();
    let stage = Stage::in_folder(&folder).await;
    let mut ada = Chat::join(&stage).await;
    let bearer = format!("Bearer {}", stage.owner());
    let owner = [("authorization", bearer.as_str())];
    assert_eq!(stage.get(PATH).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.ask(Method::PUT, PATH, &[], picture()).await.code(), "unauthorized");
    assert_eq!(stage.ask(Method::DELETE, PATH, &[], "").await.code(), "unauthorized");
    assert_eq!(stage.ask(Method::PUT, PATH, &owner, "GIF89a").await.code(), "file_unreadable");
    assert_eq!(stage.ask(Method::PUT, PATH, &owner, vec![0; MAX_PICTURE + 1]).await.code(), "too_long");
    assert_eq!(stage.ask(Method::PUT, PATH, &owner, picture()).await.status, StatusCode::NO_CONTENT);
    let name = ada.shop().await.picture.expect("it is told");
    let served = stage.get(PATH).await;
    assert_eq!(served.header(header::CONTENT_TYPE), "image/png");
    assert_eq!(served.header(header::ETAG), format!("\"{name}\""));
    assert_eq!(served.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert!(!served.body.contains("hidden"));
    let tag = format!("\"{name}\"");
    let known = stage.ask(Method::GET, PATH, &[("if-none-match", &tag)], "").await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    drop(ada);
    stage.stop().await;
    let stage = Stage::in_folder(&folder).await;
    assert_eq!(stage.get(PATH).await.header(header::ETAG), tag);
    let mut ada = Chat::join(&stage).await;
    assert_eq!(stage.ask(Method::DELETE, PATH, &owner, "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.shop().await.picture, None);
    assert_eq!(stage.get(PATH).await.status, StatusCode::NOT_FOUND);
}
