//! What composing a scene costs: the processor time of the studio's thread that does it, with the camera alone, with two
//! texts and a picture over it, with a colour taken out of it, with overlays that have nothing to show, and with overlays
//! in a storm of gifts; there also that of the thread that paints. Not on air, so that nothing else is done there.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use footlight_protocol::Language;
use footlight_protocol::room::{ClientMessage, ServerMessage};
use footlight_protocol::scene::effects::{Effects, Grade, Key};
use footlight_protocol::scene::{Colour, Layer, Overlay, Part, Place, Scenes, Source};
use footlight_tests::chat::Chat;
use footlight_tests::process::Process;
use footlight_tests::wait::seconds;
use footlight_tests::{Output, bins};

use crate::table::{self, median};

const SIZE: &str = "1280x720";
const FPS: &str = "30";
/// Fonts are read and everything is painted by then.
const WARM_UP: Duration = seconds(4);
const MEASURED: Duration = seconds(10);
const ROUNDS: usize = 3;
/// Of a core.
const AIM: f64 = 0.10;

pub(crate) fn run() -> Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let output = Output::new("bench-scene");
    println!("scene: {SIZE} at {FPS} pictures a second, {ROUNDS} rounds of {} s each", MEASURED.as_secs());
    let kinds = [
        ("the camera alone", Scenes::default(), false),
        ("camera, two texts, a picture", full(), false),
        ("camera, keyed and graded, over a picture", keyed(), false),
        ("camera, overlays at rest", overlays(), false),
        ("camera, overlays, 20 gifts a second", overlays(), true),
    ];
    let mut spent = vec![(Vec::new(), Vec::new()); kinds.len()];
    for round in 0..ROUNDS {
        for (kind, ((_, scenes, storm), (stage, painter))) in kinds.iter().zip(&mut spent).enumerate() {
            let folder = output.file(&format!("{kind}-{round}"));
            keep(scenes, &folder)?;
            let (on_stage, painting) = runtime.block_on(cores(&folder, *storm, &output))?;
            stage.push(on_stage);
            painter.push(painting);
        }
    }
    let mut rows = vec![["", "cores composing", "cores painting"].map(str::to_owned).to_vec()];
    for ((name, ..), (stage, painter)) in kinds.iter().zip(&spent) {
        let share = |shares: &[f64]| format!("{:.3}", median(shares));
        rows.push(vec![(*name).to_owned(), share(stage), share(painter)]);
    }
    table::print("composing", &rows);
    println!("  aim at most {AIM:.2}");
    Ok(())
}

/// The camera, two texts and a picture.
pub(crate) fn full() -> Scenes {
    let mut scenes = Scenes::default();
    let text = |text: &str, ground| Source::Text { text: text.to_owned(), colour: Colour([255; 3]), ground };
    let place = |x, y, width, height| Place { x, y, width, height };
    scenes.scenes[0].layers.extend([
        Layer::new(text("Tonight: building a telescope", None), place(0.05, 0.8, 0.6, 0.12)),
        Layer::new(text("欢迎来到直播间", Some(Colour([20, 30, 60]))), place(0.05, 0.1, 0.4, 0.1)),
        Layer::new(Source::Image { picture: PICTURE.to_owned() }, place(0.72, 0.05, 0.23, 0.23)),
    ]);
    scenes
}

fn keyed() -> Scenes {
    let mut scenes = Scenes::default();
    let grade = Grade { contrast: 1.1, ..Grade::default() };
    scenes.scenes[0].layers[0].effects = Effects { key: Some(Key::default()), grade, ..Effects::default() };
    let picture = Source::Image { picture: PICTURE.to_owned() };
    scenes.scenes[0].layers.insert(0, Layer::new(picture, Place::WHOLE));
    scenes
}

/// Gifts, chat, goal and board.
fn overlays() -> Scenes {
    let mut scenes = Scenes::default();
    for (shows, x, y, width, height) in [
        (Part::Alerts { least: 0 }, 0.03, 0.28, 0.44, 0.48),
        (Part::Chat { lines: 5 }, 0.67, 0.38, 0.3, 0.54),
        (Part::Goal {}, 0.03, 0.04, 0.36, 0.13),
        (Part::Leaders { many: 5 }, 0.75, 0.05, 0.22, 0.3),
    ] {
        let overlay = Overlay::new(shows, Language::English);
        let place = Place { x, y, width, height };
        scenes.scenes[0].layers.push(Layer::new(Source::Overlay { overlay }, place));
    }
    scenes
}

const PICTURE: &str = "0123456789abcdef.png";

/// As the studio keeps them.
pub(crate) fn keep(scenes: &Scenes, data: &Path) -> Result<()> {
    let folder = data.join("scenes");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("scenes.json"), serde_json::to_vec(scenes)?)?;
    std::fs::copy(bins::workspace().join("icons/icon.png"), folder.join(PICTURE))?;
    Ok(())
}

/// What the studio's stage and its painter take, in cores.
async fn cores(data: &Path, storm: bool, output: &Output) -> Result<(f64, f64)> {
    let mut command = bins::command(bins::footlight());
    command.args(["--headless", "--json", "--camera", "pattern", "--microphone", "none"]);
    command.args(["--size", SIZE, "--fps", FPS, "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let mut studio = Process::start("studio", &mut command, output);
    let ready = studio.event("ready", seconds(30)).await;
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    let (http, token) = (text("http"), text("owner_token"));
    let sending = storm.then(|| tokio::spawn(async move { gifts(&http, &token).await }));
    tokio::time::sleep(WARM_UP).await;
    let spent = || ["stage", "painter"].map(|thread| studio.thread_cpu_seconds(thread));
    let before = spent();
    tokio::time::sleep(MEASURED).await;
    let after = spent();
    if let Some(sending) = sending {
        sending.abort();
    }
    studio.terminate();
    studio.exit(seconds(10)).await;
    let [stage, painter] = [0, 1].map(|at| (after[at] - before[at]) / MEASURED.as_secs_f64());
    Ok((stage, painter))
}

/// Twenty gifts a second by five people who take turns, with something said in between, until it is aborted.
async fn gifts(http: &str, token: &str) -> Result<()> {
    let (mut owner, _) = Chat::join(http, "main", Some(token)).await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        let (mut person, welcome) = Chat::join(http, "main", None).await;
        let ServerMessage::Welcome { you, .. } = welcome else { anyhow::bail!("{welcome:?} is no welcome") };
        person.name(&format!("Person {n}")).await;
        let nonce = format!("grant{n}").parse()?;
        owner.done(ClientMessage::Grant { nonce, user: you.id, coins: 1_000_000 }).await;
        people.push(person);
    }
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    for n in 0_usize.. {
        pace.tick().await;
        let gift = ["rose", "coffee", "cake"][n / PEOPLE % 3].parse()?;
        let send = ClientMessage::SendGift { nonce: format!("g{n}").parse()?, gift, count: 1 };
        people[n % PEOPLE].done(send).await;
        if n % 20 == 0 {
            people[n / 20 % PEOPLE].say(&format!("number {n} 你好")).await;
        }
    }
    Ok(())
}

/// Who send gifts.
const PEOPLE: usize = 5;
