//! `bench [NAME…]`: benchmarks that print figures beside a floor or a peer measured in the same run.
//!
//! Nothing is asserted here: a figure is worth what the machine was doing at the time, so the machine's load
//! is printed with it.

mod chat;
mod crowd;
mod danmaku;
mod encode;
mod endurance;
mod gifts;
mod join;
mod latency;
mod scene;
mod sink;
mod sound;
mod studio;
mod table;

use anyhow::{Context as _, Result, bail};

const NAMES: [&str; 10] =
    ["chat", "danmaku", "encode", "endurance", "gifts", "join", "latency", "scene", "sound", "studio"];
/// How long the benchmark of endurance lasts, in place of what it has to: `--minutes 3`.
const MINUTES: &str = "--minutes";

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    // The benchmark of the encoder starts this program again as the process that it measures.
    if let [command, clip, bitrate] = arguments.as_slice()
        && command == encode::MEASURED
    {
        return encode::measured(clip.as_ref(), bitrate.parse()?);
    }
    // So does the benchmark of the chat, for its floor.
    if let [command, sockets] = arguments.as_slice()
        && command == chat::SENDER
    {
        return chat::sender(sockets.parse()?);
    }
    let mut minutes = endurance::MINUTES;
    if let Some(at) = arguments.iter().position(|argument| argument == MINUTES) {
        let flag: Vec<String> = arguments.drain(at..(at + 2).min(arguments.len())).collect();
        minutes = flag.get(1).and_then(|minutes| minutes.parse().ok()).context("--minutes takes a number")?;
    }
    let chosen = if arguments.is_empty() { NAMES.map(str::to_owned).into() } else { arguments };
    println!("load average {}, {} cores", load(), std::thread::available_parallelism()?);
    for name in chosen {
        match name.as_str() {
            "chat" => chat::run()?,
            "danmaku" => danmaku::run()?,
            "encode" => encode::run()?,
            "endurance" => endurance::run(minutes)?,
            "gifts" => gifts::run()?,
            "join" => join::run()?,
            "latency" => latency::run()?,
            "scene" => scene::run()?,
            "sound" => sound::run()?,
            "studio" => studio::run()?,
            other => bail!("no benchmark {other}; there are {}", NAMES.join(", ")),
        }
    }
    Ok(())
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
