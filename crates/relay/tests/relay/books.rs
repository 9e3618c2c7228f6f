//! The books of a relay that is killed again and again while 32 sessions of one person spend the same coins: nothing that
//! was acknowledged is lost, nothing is paid twice, and what the room was shown is what was paid.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footlight_protocol::gift::{Receipt, ReceiptKey};
use footlight_protocol::room::{ClientMessage, EventKind, ServerMessage};
use footlight_protocol::{Code, Nonce, VERSION};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, Stream, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::gifts::{hash, unhex};
use crate::process::program;
use crate::stage::{Folder, PATIENCE};

const SESSIONS: usize = 32;
/// Gifts that are sent, counting each once.
const GIFTS: usize = 200_000;
/// Every tenth is sent twice.
const TWICE: usize = 10;
/// Coins for nine tenths of the gifts: in the end all run for the last ones.
const COINS: u64 = GIFTS as u64 / 10 * 9;

/// With `FOOTLIGHT_LONG=1` in the environment the long form.
fn kills(usual: usize, long: usize) -> usize {
    if std::env::var_os("FOOTLIGHT_LONG").is_some() { long } else { usual }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_loses_no_coin_on_sqlite() {
    let folder = Folder::new();
    killed_again_and_again(folder, None, GIFTS, kills(200, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_loses_no_coin_on_postgresql() {
    let folder = Folder::new();
    let database = crate::postgres::database();
    killed_again_and_again(folder, Some(database), GIFTS / 10, kills(20, 100)).await;
}

/// What became of the gifts, by their nonces.
#[derive(Default)]
struct Fates {
    /// The seq of each that was acknowledged.
    paid: HashMap<String, u64>,
    refused: HashSet<String>,
}

struct Relay {
    child: Child,
    http: String,
    owner: Option<String>,
}

impl Relay {
    fn start(folder: &Folder, database: Option<&str>) -> Self {
        let mut command = program();
        command.args(["--listen", "127.0.0.1:0", "--json", "--data"]).arg(&folder.0);
        command.arg("--config").arg(folder.0.join("relay.toml")).env("RUST_LOG", "warn");
        if let Some(database) = database {
            command.env("FOOTLIGHT_DATABASE", database);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("the ready line");
        Self {
            child,
            http: ready["http"].as_str().unwrap().to_owned(),
            owner: ready["owner_token"].as_str().map(str::to_owned),
        }
    }

    /// Without a goodbye.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Kills the relay as soon as so many gifts were answered: counted rather than timed, so that it happens amid them on a
/// slow machine and on a fast one.
struct Doom {
    answers_left: AtomicUsize,
    relay: Mutex<Relay>,
}

impl Doom {
    fn answered(&self) {
        if self.answers_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.relay.lock().unwrap().kill();
        }
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn join(http: &str, token: Option<String>, owner: Option<String>) -> Option<(Socket, String, String)> {
    let url = format!("{}/ws/main", http.replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.ok()?;
    say(
        &mut socket,
        &ClientMessage::Hello { version: VERSION, token, owner, since: None, batches: false, packed: false },
    )
    .await;
    match next(&mut socket).await? {
        ServerMessage::Welcome { you, token, .. } => Some((socket, token, you.id.to_string())),
        other => panic!("{other:?}"),
    }
}

fn text(message: &ClientMessage) -> Message {
    Message::text(serde_json::to_string(message).unwrap())
}

async fn say(socket: &mut Socket, message: &ClientMessage) {
    let _ = socket.send(text(message)).await;
}

async fn next<S>(socket: &mut S) -> Option<ServerMessage>
where
    S: Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("something in time") {
            Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            Some(Ok(_)) => {}
        }
    }
}

async fn until(socket: &mut Socket, fits: impl Fn(&ServerMessage) -> bool) {
    while !fits(&next(socket).await.expect("the relay answers")) {}
}

/// Sends these gifts, and notes what comes back until all are decided or the relay is gone.
async fn spend(
    mut sink: SplitSink<Socket, Message>,
    mut stream: SplitStream<Socket>,
    gifts: Vec<String>,
    fates: Arc<Mutex<Fates>>,
    doom: Arc<Doom>,
) {
    let sent = gifts.clone();
    let sending = async {
        for (n, nonce) in sent.iter().enumerate() {
            let gift = ClientMessage::SendGift {
                nonce: nonce.parse::<Nonce>().unwrap(),
                gift: "rose".parse().unwrap(),
                count: 1,
            };
            for _ in 0..if n % TWICE == 0 { 2 } else { 1 } {
                if sink.send(text(&gift)).await.is_err() {
                    return;
                }
            }
        }
    };
    let mut open: HashSet<String> = gifts.into_iter().collect();
    let hearing = async {
        while !open.is_empty() {
            match next(&mut stream).await {
                Some(ServerMessage::Done { nonce, seq }) => {
                    let before = fates.lock().unwrap().paid.insert(nonce.to_string(), seq.0);
                    assert!(before.is_none_or(|before| before == seq.0), "{nonce} is two gifts");
                    if open.remove(nonce.as_str()) {
                        doom.answered();
                    }
                }
                Some(ServerMessage::Refused { nonce: Some(nonce), failure, .. }) => {
                    // A room that is busy says so, and the gift is sent again in the next round.
                    if failure.code == Code::TooFewCoins {
                        fates.lock().unwrap().refused.insert(nonce.to_string());
                    } else {
                        assert_eq!(failure.code, Code::TooFast, "{failure}");
                    }
                    if open.remove(nonce.as_str()) {
                        doom.answered();
                    }
                }
                Some(_) => {}
                None => return,
            }
        }
    };
    tokio::join!(sending, hearing);
}

async fn killed_again_and_again(folder: Folder, database: Option<String>, gifts: usize, kills: usize) {
    std::fs::write(folder.0.join("relay.toml"), "[limits]\ngifts_per_second = 1000000\n").unwrap();
    let coins = COINS * gifts as u64 / GIFTS as u64;
    let mut first = Relay::start(&folder, database.as_deref());
    let owner = first.owner.clone().expect("the first start shows it");
    let (mut person, token, id) = join(&first.http, None, None).await.unwrap();
    say(&mut person, &ClientMessage::Name { name: "Ada".to_owned() }).await;
    until(&mut person, |message| matches!(message, ServerMessage::You { .. })).await;
    let (mut creator, ..) = join(&first.http, None, Some(owner.clone())).await.unwrap();
    let grant = ClientMessage::Grant { nonce: "grant".parse().unwrap(), user: id.parse().unwrap(), coins };
    say(&mut creator, &grant).await;
    until(&mut creator, |message| matches!(message, ServerMessage::Done { .. })).await;
    first.kill();

    let mut random = Random(7);
    let mut waiting: Vec<String> = (0..gifts).map(|n| format!("gift-{n}")).collect();
    let fates = Arc::new(Mutex::new(Fates::default()));
    let each_round = gifts / kills + 1;
    let (mut rounds, mut amid) = (0, 0);
    loop {
        let relay = Relay::start(&folder, database.as_deref());
        let last = rounds >= kills;
        // What was not answered goes first, mixed with what is new and by any session.
        let mut now: Vec<String> = waiting.drain(..waiting.len().min(each_round * 3 / 2)).collect();
        random.shuffle(&mut now);
        let (sent, mut spending) = (now.len(), Vec::new());
        // Some rounds end before the first gift is on disk, most amid them, some after all.
        let answers = if last { usize::MAX } else { random.below(sent as u64 + sent as u64 / 10) as usize };
        let http = relay.http.clone();
        let doom = Arc::new(Doom { answers_left: AtomicUsize::new(answers), relay: Mutex::new(relay) });
        for share in now.chunks(now.len().div_ceil(SESSIONS).max(1)) {
            let Some((socket, ..)) = join(&http, Some(token.clone()), None).await else { continue };
            let (sink, stream) = socket.split();
            spending.push(tokio::spawn(spend(sink, stream, share.to_vec(), fates.clone(), doom.clone())));
        }
        if answers == 0 {
            doom.relay.lock().unwrap().kill();
        }
        for one in spending {
            one.await.unwrap();
        }
        doom.relay.lock().unwrap().kill();
        let settled = fates.lock().unwrap();
        now.retain(|nonce| !settled.paid.contains_key(nonce) && !settled.refused.contains(nonce));
        // Some were answered, others were not.
        amid += usize::from(!last && !now.is_empty() && now.len() < sent);
        now.append(&mut waiting);
        waiting = now;
        rounds += 1;
        if last && waiting.is_empty() {
            break;
        }
    }
    let mut relay = Relay::start(&folder, database.as_deref());
    let receipts = receipts(&relay.http, &owner).await;
    let key: ReceiptKey = get(&relay.http, "/key", &owner).await;
    relay.kill();
    let fates = std::mem::take(&mut *fates.lock().unwrap());
    println!(
        "{rounds} relays, {amid} killed amid gifts: {} paid, {} refused",
        fates.paid.len(),
        fates.refused.len()
    );
    assert!(amid >= kills / 2, "{amid} of {kills} relays were killed amid gifts");
    balanced(&receipts, &key);
    paid_once(&receipts, &fates, gifts, coins);
    let shown = if database.is_none() { Some(shown(&folder)) } else { None };
    let Some(shown) = shown else { return };
    let booked: BTreeMap<u64, u64> =
        receipts.iter().filter_map(|receipt| receipt.seq.map(|seq| (seq.0, receipt.number))).collect();
    assert_eq!(shown, booked, "every gift that was shown has its row, and every row was shown");
}

/// The chain holds, every receipt is signed, and nobody but the treasury ever owes.
fn balanced(receipts: &[Receipt], key: &ReceiptKey) {
    let key = UnparsedPublicKey::new(&ED25519, URL_SAFE_NO_PAD.decode(&key.public_key).unwrap());
    let mut previous = "0".repeat(64);
    let mut balances: HashMap<&str, i64> = HashMap::new();
    for (n, receipt) in receipts.iter().enumerate() {
        assert_eq!((receipt.number, &receipt.previous), (n as u64 + 1, &previous));
        assert_eq!(receipt.hash, hash(receipt));
        let signature = URL_SAFE_NO_PAD.decode(&receipt.signature).unwrap();
        key.verify(&unhex(&receipt.hash), &signature).expect("the receipt is signed");
        previous.clone_from(&receipt.hash);
        let amount = receipt.amount as i64;
        let payer = balances.entry(&receipt.payer).or_default();
        *payer -= amount;
        assert!(*payer >= 0 || receipt.payer == "treasury", "{receipt:?}");
        *balances.entry(&receipt.payee).or_default() += amount;
    }
    assert_eq!(balances.values().sum::<i64>(), 0);
}

fn paid_once(receipts: &[Receipt], fates: &Fates, gifts: usize, coins: u64) {
    let mut rows: HashMap<&str, &Receipt> = HashMap::new();
    for receipt in receipts.iter().filter(|receipt| receipt.kind == "gift") {
        assert!(rows.insert(receipt.nonce.as_str(), receipt).is_none(), "paid twice: {receipt:?}");
    }
    for (nonce, seq) in &fates.paid {
        let row = rows.get(nonce.as_str()).unwrap_or_else(|| panic!("acknowledged and lost: {nonce}"));
        assert_eq!(row.seq.map(|seq| seq.0), Some(*seq));
    }
    assert!(fates.refused.iter().all(|nonce| !rows.contains_key(nonce.as_str())), "refused and paid");
    assert_eq!(rows.len(), fates.paid.len(), "everything that was paid was acknowledged in the end");
    assert_eq!(fates.paid.len() + fates.refused.len(), gifts);
    assert_eq!(rows.len() as u64, coins, "all coins were spent, and no more");
}

/// Seq and row of every gift that the room was shown, as the database has them.
fn shown(folder: &Folder) -> BTreeMap<u64, u64> {
    let database = rusqlite::Connection::open(folder.0.join("footlight.db")).unwrap();
    let mut events = database.prepare("SELECT seq, body FROM event").unwrap();
    let rows = events.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(Result::unwrap)
        .filter_map(|(seq, body)| match serde_json::from_str(&body).unwrap() {
            EventKind::Gifted { entry, .. } => Some((seq as u64, entry)),
            _ => None,
        })
        .collect()
}

async fn receipts(http: &str, owner: &str) -> Vec<Receipt> {
    let mut all: Vec<Receipt> = Vec::new();
    loop {
        let after = all.last().map_or(0, |receipt| receipt.number);
        let page: Vec<Receipt> = get(http, &format!("?after={after}"), owner).await;
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

async fn get<T: serde::de::DeserializeOwned>(http: &str, path: &str, owner: &str) -> T {
    let path = format!("/api/v1/rooms/main/receipts{path}");
    let bearer = format!("Bearer {owner}");
    let headers = [("authorization", bearer.as_str())];
    let answer = crate::stage::ask(http, axum::http::Method::GET, &path, &headers, "").await;
    assert!(answer.status.is_success(), "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Numbers that are the same in every run (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn shuffle(&mut self, items: &mut [String]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}
