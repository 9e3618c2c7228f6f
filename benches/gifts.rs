//! Gifts that are paid and on disk, over real sockets, beside the least that the same database can do: rows of the same
//! kind and number written in batches by a loop that decides nothing and answers nobody.
//!
//! A gift is one row in the books and one event of the room. Both sides write both, flush as many at once, and use the
//! schema that the relay makes. The two alternate, on files of their own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use footlight_protocol::VERSION;
use footlight_protocol::room::{ClientMessage, EventKind, ServerMessage};
use footlight_tests::Output;
use footlight_tests::relay::Relay;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::crowd::{find_all, frame, frame_head, joined, number};
use crate::table::{self, median, ms, percentile};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(4);
/// People who send. Each of them hears every gift, too.
const PEOPLE: usize = 4;
/// Gifts of one person that wait for an answer.
const WINDOW: usize = 160;
/// As many jobs as the relay's store puts into one transaction.
const BATCH: usize = 256;
const AIM_RATIO: f64 = 0.7;
const AIM_P99_MS: f64 = 25.0;

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

pub(crate) fn run() -> Result<()> {
    let output = Output::new("bench-gifts");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    println!(
        "gifts: {PEOPLE} people, {WINDOW} gifts of each on their way, {ROUNDS} rounds of {} s",
        ROUND.as_secs()
    );
    let (mut ours, mut raw, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let folder = output.file(&format!("round-{round}"));
        std::fs::create_dir_all(&folder)?;
        let (rate, waits) = runtime.block_on(round_of_ours(&folder, &output))?;
        ours.push(rate);
        answers.extend(waits);
        raw.push(round_of_raw(&folder)?);
        std::fs::remove_dir_all(&folder)?;
    }
    let rows = [
        vec!["".to_owned(), "gifts/s".to_owned()],
        vec!["paid, kept, announced, acknowledged".to_owned(), format!("{:.0}", median(&ours))],
        vec![format!("floor: the same rows in batches of {BATCH}"), format!("{:.0}", median(&raw))],
    ];
    table::print("durable gifts (SQLite, one flush a transaction)", &rows);
    let ratios: Vec<f64> = ours.iter().zip(&raw).map(|(ours, raw)| ours / raw).collect();
    println!(
        "  {:.2} of the floor; aim at least {AIM_RATIO}. sent to acknowledged: p50 {} ms, p99 {} ms; aim p99 at most {AIM_P99_MS:.0}",
        median(&ratios),
        ms(percentile(&answers, 0.5)),
        ms(percentile(&answers, 0.99)),
    );
    Ok(())
}

async fn round_of_ours(folder: &Path, output: &Output) -> Result<(f64, Vec<f64>)> {
    let settings = folder.join("relay.toml");
    std::fs::write(&settings, "[limits]\ngifts_per_second = 1000000\n")?;
    let settings = settings.to_string_lossy().into_owned();
    let environment =
        [("FOOTLIGHT_CONFIG", settings.as_str()), ("FOOTLIGHT_RTMP", "off"), ("RUST_LOG", "warn")];
    let mut relay = Relay::start_with("relay", "127.0.0.1:0", folder, &environment, output).await;
    let mut creator = creator(&relay).await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        let (person, id) = person(&relay, n)?;
        let coins = 1_000_000_000;
        let user = id.parse()?;
        let grant = ClientMessage::Grant { nonce: format!("grant-{n}").parse()?, user, coins };
        say(&mut creator, &grant).await;
        people.push(person);
    }
    until(&mut creator, |message| {
        matches!(message, ServerMessage::Done { nonce, .. } if nonce.as_str() == format!("grant-{}", PEOPLE - 1))
    })
    .await;
    drop(creator);
    let sending = people.into_iter().map(|person| std::thread::spawn(move || send(person)));
    let sending: Vec<_> = sending.collect();
    let mut waits = Vec::new();
    for one in sending {
        waits.append(&mut one.join().map_err(|_| anyhow!("a sender panicked"))??);
    }
    let acknowledged = waits.len();
    relay.process.terminate();
    relay.process.exit(Duration::from_secs(10)).await;
    Ok((acknowledged as f64 / ROUND.as_secs_f64(), waits))
}

/// Keeps as many gifts on their way as the window holds; gives after how many milliseconds each was acknowledged that was
/// so in time. What comes is read by hand, and as little of it as can be: the clients share the cores with the relay.
fn send(mut socket: TcpStream) -> Result<Vec<f64>> {
    const DONE: &[u8] = br#"{"type":"done","nonce":"g"#;
    let begun = Instant::now();
    let (mut sent, mut waits) = (Vec::new(), Vec::new());
    let (mut buffer, mut kept) = (vec![0; 256 << 10], 0);
    while begun.elapsed() < ROUND {
        let mut gifts = Vec::new();
        while sent.len() - waits.len() < WINDOW {
            let text = format!(r#"{{"type":"send_gift","nonce":"g{}","gift":"rose","count":1}}"#, sent.len());
            gifts.extend(frame(text.as_bytes()));
            sent.push(Instant::now());
        }
        socket.write_all(&gifts)?;
        // What was kept may be the beginning of a `done`.
        let read = socket.read(&mut buffer[kept..])?;
        ensure!(read > 0, "the relay keeps the connection");
        let there = &buffer[..kept + read];
        let mut end = 0;
        for at in find_all(there, DONE) {
            let digits = &there[at + DONE.len()..];
            let Some(length) = digits.iter().position(|byte| *byte == b'"') else { break };
            let n = number(digits) as usize;
            waits.push(sent.get(n).context("what was sent is acknowledged")?.elapsed().as_secs_f64() * 1e3);
            end = at + DONE.len() + length;
        }
        let all = there.len();
        let keep = end.max(all.saturating_sub(DONE.len() + 20));
        kept = all - keep;
        buffer.copy_within(keep..all, 0);
    }
    Ok(waits)
}

async fn creator(relay: &Relay) -> Socket {
    let url = format!("{}/ws/main", relay.ready.http.replacen("http", "ws", 1));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("the relay takes it");
    let owner = Some(relay.ready.token().to_owned());
    let hello = ClientMessage::Hello {
        version: VERSION,
        token: None,
        owner,
        since: None,
        batches: false,
        packed: false,
    };
    say(&mut socket, &hello).await;
    until(&mut socket, |message| matches!(message, ServerMessage::Welcome { .. })).await;
    socket
}

/// Somebody with a name, and their id.
fn person(relay: &Relay, n: usize) -> Result<(TcpStream, String)> {
    let hello = format!(r#"{{"type":"hello","version":{VERSION},"batches":true}}"#);
    let mut socket = joined(relay.ready.http.trim_start_matches("http://"), &hello)?;
    let (mut came, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    let welcome = loop {
        let read = socket.read(&mut buffer)?;
        ensure!(read > 0, "the relay keeps the connection");
        came.extend_from_slice(&buffer[..read]);
        if let Some((head, length)) = frame_head(&came)
            && let Some(text) = came.get(head..head + length)
        {
            break serde_json::from_slice(text)?;
        }
    };
    let ServerMessage::Welcome { you, .. } = welcome else { bail!("{welcome:?} is no welcome") };
    socket.write_all(&frame(format!(r#"{{"type":"name","name":"Person {n}"}}"#).as_bytes()))?;
    Ok((socket, you.id.to_string()))
}

async fn say(socket: &mut Socket, message: &ClientMessage) {
    let text = serde_json::to_string(message).expect("plain data");
    socket.send(Message::text(text)).await.expect("the relay takes it");
}

async fn until(socket: &mut Socket, fits: impl Fn(&ServerMessage) -> bool) -> ServerMessage {
    loop {
        if let Message::Text(text) = socket.next().await.expect("the relay answers").expect("a message") {
            let message = serde_json::from_str(&text).expect("a message of the room");
            if fits(&message) {
                return message;
            }
        }
    }
}

/// The rows that the relay has just written, written again by a loop, into a copy of its database.
fn round_of_raw(folder: &Path) -> Result<f64> {
    let database = folder.join("footlight.db");
    let kept = rusqlite::Connection::open(&database)?;
    kept.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    let body: String =
        kept.query_row("SELECT body FROM event ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))?;
    let kind: EventKind = serde_json::from_str(&body)?;
    anyhow::ensure!(matches!(kind, EventKind::Gifted { .. }), "the last event is a gift");
    let (number, seq): (i64, i64) =
        kept.query_row("SELECT max(number), max(seq) FROM entry", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    drop(kept);
    let mut raw = rusqlite::Connection::open(&database)?;
    raw.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    raw.pragma_update(None, "journal_mode", "WAL")?;
    raw.pragma_update(None, "synchronous", "FULL")?;
    let hash = [7_u8; 32];
    let begun = Instant::now();
    let mut written = 0;
    while begun.elapsed() < ROUND {
        let transaction = raw.transaction()?;
        {
            let mut entry = transaction.prepare_cached(
                "INSERT INTO entry (room, number, at, kind, payer, payee, amount, item, count, by, nonce, reverses, seq, previous, hash)
                 VALUES ('main', ?1, 1795375970000, 'gift', 'person:abcdefghijkmnopqrstuvwxyz', 'creator', 1, 'rose', 1,
                         'abcdefghijkmnopqrstuvwxyz', ?2, NULL, ?3, ?4, ?4)",
            )?;
            let mut event = transaction.prepare_cached(
                "INSERT INTO event (room, seq, at, body, by, nonce) VALUES ('main', ?1, 1795375970000, ?2, 'abcdefghijkmnop', ?3)",
            )?;
            for _ in 0..BATCH {
                written += 1;
                let nonce = format!("r{written}");
                entry.execute((number + written, &nonce, seq + written, &hash))?;
                event.execute((seq + written, &body, &nonce))?;
            }
        }
        transaction.commit()?;
    }
    Ok(written as f64 / begun.elapsed().as_secs_f64())
}
