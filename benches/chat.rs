//! A room full of people: what it costs the relay to tell all of them, beside a program that only sends.
//!
//! The floor is the same kind of work without a relay: one `send()` of a ready-made frame of the same size to each of as
//! many sockets, with the same readers. The readers share the cores with both.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use footlight_protocol::VERSION;
use footlight_tests::Output;
use footlight_tests::process::family_cpu_seconds;
use footlight_tests::relay::Relay;

use crate::crowd::{Crowd, now_us};
use crate::table::{self, median, ms, percentile};

/// The argument with which this program is the floor's sender.
pub(crate) const SENDER: &str = "chat-sender";

const MANY: usize = 10_000;
const BATCHED: usize = 5_000;
/// Letters of a message.
const TEXT: usize = 200;
/// Members who talk; the relay lets each of them do so five times in five seconds.
const TALKERS: usize = 2_000;
const ROUND: Duration = Duration::from_secs(8);
/// Those of a room who read nothing, and rounds with and without them.
const DEAF: usize = BATCHED / 10;
const PAIRS: usize = 9;
const PAIRED: Duration = Duration::from_secs(5);

pub(crate) fn run() -> Result<()> {
    let output = Output::new("bench-chat");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let folder = output.file("data");
    std::fs::create_dir_all(&folder)?;
    let settings = folder.join("relay.toml");
    std::fs::write(&settings, "[limits]\nmembers = 20000\nconnections = 20000\n")?;
    let settings = settings.to_string_lossy().into_owned();
    let environment =
        [("FOOTLIGHT_CONFIG", settings.as_str()), ("FOOTLIGHT_RTMP", "off"), ("RUST_LOG", "warn")];
    let start_in = |folder: &Path| {
        runtime.block_on(Relay::start_with("relay", "127.0.0.1:0", folder, &environment, &output))
    };
    let start = || start_in(&folder);

    let floor = floor(MANY)?;
    // Memory first, of a relay that has done nothing yet.
    let relay = start();
    let empty = pss_kb(relay.process.pid())?;
    let mut crowd = Crowd::new()?;
    join(&mut crowd, &relay, MANY, true)?;
    let full = pss_kb(relay.process.pid())?;
    let each = (full - empty) / MANY as f64;
    println!(
        "chat: {MANY} idle members take {:.1} MB, {each:.1} KB each; aim at most 10",
        (full - empty) / 1024.0
    );

    let mut rows =
        vec![vec!["".to_owned(), "deliveries per CPU second".to_owned(), "of the floor".to_owned()]];
    rows.push(vec![format!("floor: send() to {MANY} sockets"), format!("{floor:.0}"), String::new()]);
    // Quickly enough that the relay does nothing else, slowly enough that nobody is too slow for it.
    let (mut saturation, mut rate) = (0.0_f64, 10.0);
    let mut best = None;
    while rate < 1_000.0 {
        let round = talk(&mut crowd, &relay, rate, ROUND)?;
        rows.push(vec![
            format!("relay: {rate:.0} messages/s, {:.1} in a frame", round.messages_a_frame),
            format!("{:.0}", round.per_cpu_second),
            format!("{:.2}", round.per_cpu_second / floor),
        ]);
        saturation = saturation.max(round.rate);
        if best.as_ref().is_none_or(|best: &Round| round.per_cpu_second > best.per_cpu_second) {
            best = Some(round.clone());
        }
        // It does not keep up any more.
        if round.rate < rate * 0.95 || round.p99_ms > 1_000.0 || round.slow > 0 {
            break;
        }
        rate *= 2.0;
    }
    table::print("telling a room of 10 000 (messages of 200 letters; aim at least 0.6 of the floor)", &rows);
    println!("  the floor's own way around all sockets takes {:.0} ms", 1e3 * MANY as f64 / floor);
    let half = talk(&mut crowd, &relay, (saturation / 2.0).max(1.0), ROUND)?;
    println!(
        "  saturated at {saturation:.0} messages/s; at half of it p50 {} ms, p99 {} ms; aim p99 at most 50. \
         lost or turned around: {} members, {} messages",
        ms(half.p50_ms),
        ms(half.p99_ms),
        half.differing,
        half.out_of_order
    );
    drop(crowd);
    runtime.block_on(ended(relay));

    let relay = start();
    let mut crowd = Crowd::new()?;
    join(&mut crowd, &relay, BATCHED, true)?;
    let busy = talk(&mut crowd, &relay, 1_000.0, ROUND)?;
    println!(
        "{:.0} messages/s to {BATCHED} members: {:.2} of a core; aim at most 1. p99 {} ms, {:.1} messages a frame, \
         {} members told something else, {} too slow",
        busy.rate,
        busy.cores,
        ms(busy.p99_ms),
        busy.messages_a_frame,
        busy.differing,
        busy.slow
    );
    drop(crowd);
    runtime.block_on(ended(relay));

    // Two rooms of as many, in turns: what the machine does besides is the same for both.
    let (all, some) = (start(), start_in(&output.file("data-deaf")));
    let (mut crowd, mut partly) = (Crowd::new()?, Crowd::new()?);
    join(&mut crowd, &all, BATCHED, true)?;
    join(&mut partly, &some, BATCHED - DEAF, true)?;
    let rate = (saturation / 2.0).clamp(10.0, 200.0);
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let before = talk(&mut crowd, &all, rate, PAIRED)?.p99_ms;
        // The relay gives up who reads nothing, so others come for each round.
        join(&mut partly, &some, DEAF, true)?;
        partly.stop_reading(|n| n >= BATCHED - DEAF)?;
        pairs.push((before, talk(&mut partly, &some, rate, PAIRED)?.p99_ms));
        partly.keep(BATCHED - DEAF);
    }
    let of = |pick: fn(&(f64, f64)) -> f64| pairs.iter().map(pick).collect::<Vec<_>>();
    let more = of(|pair| 100.0 * (pair.1 / pair.0 - 1.0));
    println!(
        "{rate:.0} messages/s to {BATCHED} members, one in ten of whom reads nothing: p99 of the others {} ms, of a room \
         where all read {} ms, in the median of {PAIRS} pairs {:+.0} % ({}); aim at most 5",
        ms(median(&of(|pair| pair.1))),
        ms(median(&of(|pair| pair.0))),
        median(&more),
        more.iter().map(|more| format!("{more:+.0}")).collect::<Vec<_>>().join(", "),
    );
    drop((crowd, partly));
    runtime.block_on(ended(all));
    runtime.block_on(ended(some));
    Ok(())
}

async fn ended(mut relay: Relay) {
    relay.process.terminate();
    relay.process.exit(Duration::from_secs(10)).await;
}

fn join(crowd: &mut Crowd, relay: &Relay, members: usize, batches: bool) -> Result<()> {
    let hello = format!(r#"{{"type":"hello","version":{VERSION},"batches":{batches},"packed":{batches}}}"#);
    let address = relay.ready.http.trim_start_matches("http://").to_owned();
    for n in 0..members {
        crowd.join(&address, &hello)?;
        if crowd.members.len() <= TALKERS {
            crowd.say(n, &format!(r#"{{"type":"name","name":"member {n}"}}"#));
        }
        if n % 100 == 0 {
            crowd.run(Instant::now() + Duration::from_millis(1), |_, _| Ok(None))?;
        }
    }
    // Until nobody is told any more who has come.
    crowd.settle(Duration::from_secs(2), Duration::from_secs(30))
}

#[derive(Clone)]
struct Round {
    /// Messages a second that everybody got.
    rate: f64,
    per_cpu_second: f64,
    /// Of the relay.
    cores: f64,
    messages_a_frame: f64,
    p50_ms: f64,
    p99_ms: f64,
    differing: usize,
    out_of_order: usize,
    /// Members that the relay gave up as too slow.
    slow: usize,
}

fn talk(crowd: &mut Crowd, relay: &Relay, rate: f64, time: Duration) -> Result<Round> {
    crowd.forget();
    let (open, cpu, begun) = (crowd.open(), relay.process.cpu_seconds(), Instant::now());
    let (mut said, mut random) = (0_u64, 1_u64);
    // Talkers hear answers of their own, so those behind them are held against each other.
    crowd.run(begun + time, |crowd, now| {
        let due = (now.duration_since(begun).as_secs_f64() * rate) as u64;
        while said < due {
            let text = text(&mut random);
            let say = format!(
                r#"{{"type":"say","nonce":"{}-{said}","text":"sent {} {text}"}}"#,
                now_us(),
                now_us()
            );
            crowd.say(said as usize % TALKERS, &say);
            said += 1;
        }
        Ok(Some(begun + Duration::from_secs_f64((said + 1) as f64 / rate)))
    })?;
    let sending = begun.elapsed().as_secs_f64();
    crowd.settle(Duration::from_millis(500), Duration::from_secs(10))?;
    let cpu = relay.process.cpu_seconds() - cpu;
    let sampled = crowd.sampled().max(1) as f64;
    let told = crowd.messages as f64 / sampled;
    Ok(Round {
        rate: told / sending,
        per_cpu_second: told * crowd.open() as f64 / cpu,
        cores: cpu / sending,
        messages_a_frame: crowd.messages as f64 / crowd.frames.max(1) as f64,
        p50_ms: percentile(&crowd.ages, 0.5),
        p99_ms: percentile(&crowd.ages, 0.99),
        differing: crowd.differing(TALKERS),
        out_of_order: crowd.out_of_order,
        slow: open - crowd.open(),
    })
}

/// Letters that no other message has, in words.
fn text(random: &mut u64) -> String {
    let mut text = String::with_capacity(TEXT);
    while text.len() < TEXT - 22 {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letter = (*random >> 33) % 31;
        text.push(if letter < 26 { char::from(b'a' + letter as u8) } else { ' ' });
    }
    text
}

fn pss_kb(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).context("a Pss")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// What a program that does nothing but send gets done in a second of CPU.
fn floor(sockets: usize) -> Result<f64> {
    let sender = Command::new(std::env::current_exe()?)
        .args([SENDER, &sockets.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut sender = Ends(sender);
    let mut lines = BufReader::new(sender.0.stdout.take().context("its output")?).lines();
    let address = lines.next().context("an address")??;
    let mut crowd = Crowd::new()?;
    for _ in 0..sockets {
        crowd.connect(&address)?;
    }
    let mut input = sender.0.stdin.take().context("its input")?;
    writeln!(input, "go")?;
    let reading = std::thread::spawn(move || lines.next());
    while !reading.is_finished() {
        crowd.run(Instant::now() + Duration::from_millis(50), |_, _| Ok(None))?;
    }
    let line = reading.join().ok().flatten().context("a figure")??;
    Ok(line.parse()?)
}

/// Ends with whoever started it, also where that fails.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The floor's sender: a process of its own, as the relay is.
pub(crate) fn sender(sockets: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let mut all = Vec::with_capacity(sockets);
    while all.len() < sockets {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        all.push(socket);
    }
    std::io::stdin().read_line(&mut String::new())?;
    // As large as the relay's frame of such a message.
    let frame = vec![b'x'; TEXT + 180];
    let cpu = || family_cpu_seconds(std::process::id() as i32);
    let (begun, before, mut sent) = (Instant::now(), cpu(), 0_u64);
    while begun.elapsed() < ROUND {
        for socket in &mut all {
            ensure!(std::io::Write::write(socket, &frame)? == frame.len(), "the readers keep up");
            sent += 1;
        }
    }
    println!("{:.0}", sent as f64 / (cpu() - before));
    Ok(())
}
