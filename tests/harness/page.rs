//! A page of a browser as a publisher by WHIP, as `fixtures/whip.js` tells it.

use serde_json::Value;

use crate::browser::{Browser, Setup};
use crate::clip;
use crate::output::Output;
use crate::stage::Stage;

/// Publishes what the page draws, with the numbers of a clip and the instant that it is drawn at.
pub async fn publish(stage: &Stage, output: &Output) -> Browser {
    let setup = Setup { sound_unasked: true, ..Setup::default() };
    let browser = Browser::start("publisher", setup, output).await;
    // Any page of the relay will do; this one has no script and no policy of its own.
    browser.page.goto(&stage.url("/healthz")).await;
    let script = format!(
        "(async (url, key, fps, frames) => {{ {} }})({:?}, {:?}, {}, {})",
        include_str!("../fixtures/whip.js"),
        stage.url("/whip/main"),
        stage.relay.ready.key(),
        clip::FPS,
        clip::FRAMES
    );
    let trickled = browser.page.run_async(&script).await.expect("the page publishes");
    assert_eq!(trickled, Value::from(204), "its candidates are taken");
    browser
}
