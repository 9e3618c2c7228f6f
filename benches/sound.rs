//! What mixing sound costs: the processor time of the studio's sound thread for a microphone that is passed through, and
//! with all of its filters beside what the computer plays. Not on air, so that nothing is encoded there.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use footlight_protocol::mixer::Mixer;
use footlight_tests::microphone::{self, Microphone};
use footlight_tests::process::Process;
use footlight_tests::wait::seconds;
use footlight_tests::{Output, bins};

use crate::table::{self, median};

const WARM_UP: Duration = seconds(3);
const MEASURED: Duration = seconds(10);
const ROUNDS: usize = 3;
/// Of a core.
const AIM: f64 = 0.03;

pub(crate) fn run() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let output = Output::new("bench-sound");
    println!("sound: 48 kHz stereo, {ROUNDS} rounds of {} s each", MEASURED.as_secs());
    let cases =
        [("a microphone, passed through", Mixer::default()), ("all filters, and the computer", full())];
    let mut shares = cases.each_ref().map(|_| Vec::new());
    runtime.block_on(async {
        let mut device = Microphone::start(&output).await;
        let _tone = device.speakers_play(1_500.0, 0.1);
        for round in 0..ROUNDS {
            for ((name, mixer), into) in cases.iter().zip(&mut shares) {
                let folder = output.file(&format!("{}-{round}", name.len()));
                std::fs::create_dir_all(&folder)?;
                std::fs::write(folder.join("mixer.json"), serde_json::to_vec(mixer)?)?;
                into.push(cores(&device, &folder, &output).await?);
            }
        }
        anyhow::Ok(())
    })?;
    let mut rows = vec![vec!["".to_owned(), "cores".to_owned()]];
    rows.extend(
        cases
            .iter()
            .zip(&shares)
            .map(|((name, _), shares)| vec![(*name).to_owned(), format!("{:.4}", median(shares))]),
    );
    table::print("mixing", &rows);
    println!("  aim at most {AIM:.2}");
    Ok(())
}

fn full() -> Mixer {
    let mut mixer = Mixer { duck_db: 12.0, ..Mixer::default() };
    mixer.desktop.on = true;
    mixer.microphone.denoise = true;
    mixer.microphone.gate.on = true;
    mixer.microphone.delay_ms = 100;
    for channel in [&mut mixer.microphone, &mut mixer.desktop] {
        channel.compressor.on = true;
        channel.fader_db = -3.0;
    }
    mixer
}

/// What the studio's sound thread takes, in cores.
async fn cores(device: &Microphone, data: &Path, output: &Output) -> Result<f64> {
    let mut command = bins::command(bins::footlight());
    command
        .args(["--headless", "--json", "--camera", "none", "--microphone", microphone::ID])
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .envs(device.environment());
    let mut studio = Process::start("studio", &mut command, output);
    studio.event("ready", seconds(30)).await;
    tokio::time::sleep(WARM_UP).await;
    let before = studio.thread_cpu_seconds("sound");
    tokio::time::sleep(MEASURED).await;
    let spent = studio.thread_cpu_seconds("sound") - before;
    studio.terminate();
    studio.exit(seconds(10)).await;
    Ok(spent / MEASURED.as_secs_f64())
}
