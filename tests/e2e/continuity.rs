//! A publisher that is killed again and again, and viewers who notice no more than a pause.

use std::time::{Duration, Instant};

use footlight_tests::aiortc::{Lips, Placed};
use footlight_tests::browser::Setup;
use footlight_tests::relay::Relay;
use footlight_tests::scratch::Scratch;
use footlight_tests::studio::{Headless, Studio};
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::{Burned, Shown, Viewer};
use footlight_tests::{Output, turn};
use futures_util::future::join_all;

const KILLS: usize = 50;
const BROWSERS: usize = 5;
/// Long enough between two kills that a beep of the new publisher is heard: there is one each second.
const BETWEEN: Duration = Duration::from_millis(1700);
/// What a viewer may wait beyond the time in which nothing was captured.
const BEYOND_MS: f64 = 300.0;
/// One in so many waits may be longer: five browsers share the cores, and one of them is kept from drawing now and then.
/// What the restart itself took longer would be in each.
const STRAY: usize = 50;
/// None is as long as this.
const MOST_BEYOND_MS: f64 = 1_000.0;
/// How far sound and picture may move against each other over a restart.
const MOST_STEP_MS: f64 = 20.0;
/// Nothing was captured for this long, in units of 100 µs: a start takes longer, a frame is shorter.
const NOTHING: u32 = 2_500;
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
        let name = format!("viewer-{n}");
        let viewer = Viewer::open(&name, &relay.ready.watch, Setup::default(), &output).await;
        viewer.playing(seconds(30)).await;
        viewer.mark().await;
        viewer.record().await;
        viewers.push(viewer);
    }
    let lips = Lips::follow(&format!("{}/whep/main", relay.ready.http), &output);
    wait::until("a beep on the sender's clock", seconds(30), async || {
        lips.placed().iter().any(|placed| placed.stamp.is_none()).then_some(())
    })
    .await;

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
        let came = viewers.iter().map(async |viewer| {
            let new = |number: &Burned| number.age_ms < again.elapsed().as_secs_f64() * 1000.0;
            viewer.number(seconds(10), new).await;
        });
        // A busy machine may be late with the picture: then it is the pause that is too long, and not one kill for two.
        tokio::join!(tokio::time::sleep(BETWEEN), join_all(came));
    }

    let mut figures = String::new();
    let mut beyond = Vec::new();
    for (n, viewer) in viewers.iter().enumerate() {
        assert_eq!(viewer.stats().await.connections_made(), 1, "viewer {n} connected again");
        assert!(viewer.is_marked().await, "viewer {n} was loaded again");
        let shown = viewer.shown(0).await;
        let pauses = pauses(&shown);
        assert!(pauses.len() >= KILLS, "viewer {n} saw {} of {KILLS} restarts: {pauses:.0?}", pauses.len());
        figures += &format!("viewer {n}: ms beyond the publisher's own gap {pauses:.0?}\n");
        beyond.extend(pauses);
    }
    let offsets = offsets(&lips.placed());
    let steps: Vec<f64> = offsets.windows(2).map(|pair| pair[1] - pair[0]).collect();
    figures += &format!("sound behind the picture, ms, of each publisher {offsets:.1?}\n");
    output.write("figures.txt", &figures);
    viewers[0].browser.screenshot_and_console(&output).await;

    assert_eq!(joined, KILLS.div_ceil(JOIN_EVERY));
    let longer = beyond.iter().filter(|beyond| **beyond > BEYOND_MS).count();
    assert!(longer * STRAY <= beyond.len(), "{longer} of {} pauses were too long\n{figures}", beyond.len());
    let most = beyond.iter().copied().fold(f64::MIN, f64::max);
    assert!(most <= MOST_BEYOND_MS, "a pause was {most:.0} ms longer than nothing was captured\n{figures}");
    assert!(steps.len() * 10 >= KILLS * 9, "{} of {KILLS} steps could be measured\n{figures}", steps.len());
    let most = steps.iter().copied().fold(0.0, |most: f64, step| most.max(step.abs()));
    assert!(most <= MOST_STEP_MS, "sound and picture moved {most:.1} ms against each other\n{figures}");
}

async fn publisher(relay: &Relay, output: &Output) -> Studio {
    let target = relay.whip();
    Headless::default().size(320, 180).fps(15).to(&target, relay.ready.key()).start("publisher", output).await
}

/// How much longer the page stood still than nothing was captured, in milliseconds, for each restart.
fn pauses(shown: &[Shown]) -> Vec<f64> {
    let numbered: Vec<(f64, u32)> = shown.iter().filter_map(|frame| Some((frame.at, frame.stamp?))).collect();
    let pause = |pair: &[(f64, u32)]| {
        let ((before, left), (after, came)) = (pair[0], pair[1]);
        let captured = came.wrapping_sub(left);
        (captured > NOTHING).then(|| after - before - f64::from(captured) / 10.0)
    };
    numbered.windows(2).filter_map(pause).collect()
}

/// How far the sound was behind the picture, in milliseconds, in the life of each publisher: the picture carries its
/// instant, and a beep starts with each whole second.
fn offsets(placed: &[Placed]) -> Vec<f64> {
    /// A publisher that starts within a beep has its first one cut. Milliseconds.
    const CUT: f64 = 500.0;
    /// From 1900 to 1970, milliseconds.
    const TO_UNIX: f64 = 2_208_988_800_000.0;
    let mut lives: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    let (mut last, mut began) = (None, 0.0);
    for placed in placed {
        match placed.stamp {
            Some(stamp) => {
                if last.is_none_or(|last| stamp.wrapping_sub(last) > NOTHING) {
                    lives.push((Vec::new(), Vec::new()));
                    began = placed.at;
                }
                last = Some(stamp);
                let at = ((placed.at - TO_UNIX) * 10.0) as u64 as u32;
                let late = f64::from(at.wrapping_sub(stamp).cast_signed()) / 10.0;
                lives.last_mut().expect("one began").0.push(late);
            }
            None if placed.at > began + CUT => {
                if let Some(life) = lives.last_mut() {
                    life.1.push((placed.at + 500.0).rem_euclid(1000.0) - 500.0);
                }
            }
            None => {}
        }
    }
    // The lower one of two: a beep is heard late where its first packet came late, and never early.
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len().saturating_sub(1) / 2).copied()
    };
    // The first one was joined on its way, and what is caught up on is told as captured just now.
    let whole = lives.into_iter().skip(1);
    whole.filter_map(|(pictures, beeps)| Some(median(beeps)? - median(pictures)?)).collect()
}
