//! A publisher that is killed again and again, and viewers who notice no more than a pause.

use std::time::{Duration, Instant};

use footlight_tests::browser::Setup;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::seconds;
use footlight_tests::watch::{Shown, Viewer};
use footlight_tests::{Output, turn};

const KILLS: usize = 50;
const BROWSERS: usize = 5;
/// Long enough between two kills that a beep of the new publisher is heard: there is one each second.
const BETWEEN: Duration = Duration::from_millis(2600);
/// What a viewer may wait beyond the time in which nothing was captured.
const MOST_BEYOND_MS: f64 = 300.0;
/// How far sound and picture may move against each other over a restart.
const MOST_STEP_MS: f64 = 20.0;
/// Of the kills, during how many gaps somebody joins; each takes a page load.
const JOIN_EVERY: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_crashes_of_the_publisher_are_fifty_pauses_and_nothing_else() {
    let _turn = turn().await;
    let output = Output::new("continuity");
    let data = Scratch::new("relay");
    let relay = Relay::start("relay", "127.0.0.1:0", data.path(), &output).await;
    let mut studio = publisher(&relay, &output).await;
    studio.live(seconds(20)).await;
    let mut viewers = Vec::new();
    for n in 0..BROWSERS {
        // The first one's sound is measured.
        let setup = Setup { sound_unasked: n == 0, ..Setup::default() };
        let viewer = Viewer::open(&format!("viewer-{n}"), &relay.ready.watch, setup, &output).await;
        viewer.playing(seconds(30)).await;
        viewer.mark().await;
        viewer.record().await;
        viewers.push(viewer);
    }
    viewers[0].listen().await;
    tokio::time::sleep(BETWEEN).await;

    let mut late = None;
    let mut joined = 0;
    for kill in 0..KILLS {
        studio.process.kill();
        if kill % JOIN_EVERY == 0 {
            // Somebody comes while nobody publishes, and stays until the next one does.
            drop(late.take());
            let viewer = Viewer::open("late", &relay.ready.watch, Setup::default(), &output).await;
            viewer.number(seconds(10), |_| true).await;
            late = Some(viewer);
        }
        let again = Instant::now();
        studio = publisher(&relay, &output).await;
        studio.live(seconds(20)).await;
        if kill % JOIN_EVERY == 0
            && let Some(late) = &late
        {
            late.number(seconds(5), |number| number.age_ms < again.elapsed().as_secs_f64() * 1000.0).await;
            joined += 1;
        }
        tokio::time::sleep(BETWEEN).await;
    }

    let mut figures = String::new();
    let mut beyond = Vec::new();
    for (n, viewer) in viewers.iter().enumerate() {
        assert_eq!(viewer.stats().await.connections_made(), 1, "viewer {n} connected again");
        assert!(viewer.is_marked().await, "viewer {n} was loaded again");
        let shown = viewer.shown(0).await;
        let pauses = pauses(&shown);
        assert!(pauses.len() >= KILLS, "viewer {n} saw {} of {KILLS} restarts", pauses.len());
        figures += &format!("viewer {n}: ms beyond the publisher's own gap {pauses:.0?}\n");
        beyond.extend(pauses);
    }
    let steps = steps(&viewers[0].shown(0).await, &viewers[0].beeps().await);
    figures += &format!("sound against picture, ms, over each restart {steps:.1?}\n");
    output.write("figures.txt", &figures);
    viewers[0].browser.screenshot_and_console(&output).await;

    assert_eq!(joined, KILLS.div_ceil(JOIN_EVERY));
    let most = beyond.iter().copied().fold(f64::MIN, f64::max);
    assert!(most <= MOST_BEYOND_MS, "a pause was {most:.0} ms longer than nothing was captured\n{figures}");
    assert!(steps.len() * 10 >= KILLS * 9, "{} of {KILLS} steps could be measured\n{figures}", steps.len());
    let most = steps.iter().copied().fold(0.0, |most: f64, step| most.max(step.abs()));
    assert!(most <= MOST_STEP_MS, "sound and picture moved {most:.1} ms against each other\n{figures}");
}

async fn publisher(relay: &Relay, output: &Output) -> Studio {
    let target = format!("{}/whip/main", relay.ready.http.replacen("http", "whip+http", 1));
    Headless::default().size(320, 180).fps(15).to(&target, relay.ready.key()).start("publisher", output).await
}

/// Where one publisher's pictures end and the next one's begin.
fn restarts(shown: &[Shown]) -> Vec<(Shown, Shown)> {
    /// Nothing was captured for this long, in units of 100 µs: a start takes longer, a frame is shorter.
    const NOTHING: u32 = 2_500;
    let numbered: Vec<&Shown> = shown.iter().filter(|frame| frame.stamp.is_some()).collect();
    let restart = |pair: &&[&Shown]| {
        let captured =
            pair[1].stamp.zip(pair[0].stamp).map_or(0, |(after, before)| after.wrapping_sub(before));
        captured > NOTHING
    };
    numbered.windows(2).filter(restart).map(|pair| (*pair[0], *pair[1])).collect()
}

/// For each restart, how much longer the page stood still than nothing was captured, in milliseconds.
fn pauses(shown: &[Shown]) -> Vec<f64> {
    let pause = |(before, after): (Shown, Shown)| {
        let captured = after.stamp?.wrapping_sub(before.stamp?);
        Some(after.at - before.at - f64::from(captured) / 10.0)
    };
    restarts(shown).into_iter().filter_map(pause).collect()
}

/// For each restart, how far sound moved against the picture, in milliseconds: the beep starts with each whole second
/// of the capture clock, and the picture carries its instant.
fn steps(shown: &[Shown], beeps: &[f64]) -> Vec<f64> {
    /// A page's clock and the publisher's are one, so a beep is late by this at most.
    const LATEST_MS: f64 = 700.0;
    /// Frames around a beep whose ages say how late the picture is.
    const AROUND_MS: f64 = 400.0;
    let offset = |beep: f64| {
        let late = beep.rem_euclid(1000.0);
        let mut ages: Vec<f64> = shown
            .iter()
            .filter(|frame| (frame.at - beep).abs() < AROUND_MS)
            .filter_map(|frame| frame.age_ms)
            .collect();
        ages.sort_by(f64::total_cmp);
        (late < LATEST_MS).then(|| late - ages.get(ages.len() / 2).copied().unwrap_or(f64::NAN))
    };
    let heard: Vec<(f64, f64)> = beeps
        .iter()
        .filter_map(|beep| Some((*beep, offset(*beep)?)))
        .filter(|(_, offset)| offset.is_finite())
        .collect();
    restarts(shown)
        .into_iter()
        .filter_map(|(before, after)| {
            let last = heard.iter().rfind(|(beep, _)| *beep < before.at)?;
            let first = heard.iter().find(|(beep, _)| *beep > after.at)?;
            Some(first.1 - last.1)
        })
        .collect()
}
