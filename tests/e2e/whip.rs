//! A page that publishes by WHIP changes its network while nobody who watches has to do anything.

use footlight_tests::browser::Setup;
use footlight_tests::stage::Stage;
use footlight_tests::wait::{self, seconds};
use footlight_tests::watch::Viewer;
use footlight_tests::{Output, clip, page, turn};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_publishes_by_whip_and_restarts_its_ice_while_others_watch() {
    let _turn = turn().await;
    let output = Output::new("whip-chromium");
    let stage = Stage::set(&output).await;
    let publisher = page::publish(&stage, &output).await;
    let viewer = Viewer::open("restart-viewer", &stage.url("/main"), Setup::default(), &output).await;
    viewer.playing(seconds(30)).await;
    viewer.record().await;
    let restarted = publisher.page.run_async("publisher.restart()").await.expect("ICE begins anew");
    assert_eq!(restarted["status"], Value::from(200));
    assert!(restarted["etag"].as_str().is_some_and(|tag| tag.starts_with('"')), "{restarted}");
    let connected = "return publisher.connection.iceConnectionState";
    wait::until("the new path stands", seconds(20), async || {
        matches!(publisher.page.run(connected).await.as_str(), Some("connected" | "completed")).then_some(())
    })
    .await;
    // Two seconds of pictures from after the restart.
    let before = viewer.shown(0).await.len();
    let shown = wait::until("pictures after the restart", seconds(30), async || {
        Some(viewer.shown(before).await).filter(|shown| shown.len() >= 2 * clip::FPS as usize)
    })
    .await;
    let gap = viewer.shown(0).await.windows(2).map(|pair| pair[1].at - pair[0].at).fold(0.0, f64::max);
    println!("longest gap between two pictures over the restart: {gap:.0} ms");
    assert!(
        shown.iter().filter(|frame| frame.counter.is_some()).count() >= shown.len() * 19 / 20,
        "the numbers go on"
    );
    assert!(gap < 1_000.0, "{gap:.0} ms without a picture");
    assert_eq!(viewer.stats().await.connections_made(), 1, "no viewer renegotiates");
}
