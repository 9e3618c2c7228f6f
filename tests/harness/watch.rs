//! A viewer: the watch page in a real browser, and what can be measured of it.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::browser::{Browser, Setup};
use crate::faces::viewer;
use crate::net::Space;
use crate::output::Output;
use crate::stats::Stats;
use crate::wait;

/// What the picture says of itself, read from the page's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Burned {
    pub counter: u32,
    /// Capture instant in units of 100 µs since the Unix epoch, low 32 bits.
    pub stamp: u32,
    /// Capture to this look, on the one clock that the publisher and the browser share here.
    pub age_ms: f64,
    pub width: u32,
    pub height: u32,
}

/// One frame that the browser showed. Times in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Shown {
    /// When the page could read its pixels.
    pub at: f64,
    /// When the browser expects it on the screen.
    pub shown: f64,
    /// When its last packet arrived.
    pub received: Option<f64>,
    pub counter: Option<u32>,
    /// Capture instant in units of 100 µs since the Unix epoch, low 32 bits.
    pub stamp: Option<u32>,
    /// Capture to `at`.
    pub age_ms: Option<f64>,
    pub width: u32,
    pub height: u32,
}

#[derive(Debug)]
pub struct Viewer {
    pub browser: Browser,
}

impl Viewer {
    /// Opens the link and starts the recorder. Does not wait for the picture.
    pub async fn open(name: &str, link: &str, setup: Setup, output: &Output) -> Self {
        Self::open_in(None, name, link, setup, output).await
    }

    /// On the machine of a test's network, or on this one.
    pub async fn open_in(
        space: Option<&Space>,
        name: &str,
        link: &str,
        setup: Setup,
        output: &Output,
    ) -> Self {
        let browser = Browser::start_in(space, name, setup, output).await;
        browser.page.goto(link).await;
        browser.page.find(viewer::PLAYER).await;
        Self { browser }
    }

    /// Waits for the page to say that it plays and for a number in its picture.
    pub async fn playing(&self, limit: Duration) -> Burned {
        self.in_state("playing", limit).await;
        self.number(limit, |_| true).await
    }

    pub async fn in_state(&self, state: &str, limit: Duration) {
        self.browser.page.wait_for_attribute(viewer::PLAYER, viewer::STATE, state, limit).await;
    }

    pub async fn state(&self) -> Option<String> {
        self.browser.page.attribute(viewer::PLAYER, viewer::STATE).await
    }

    /// The number in the picture right now, if there is one.
    pub async fn burned(&self) -> Option<Burned> {
        let value = self.browser.page.try_run("return window.instruments?.burned() ?? null").await.ok()?;
        serde_json::from_value(value).ok()?
    }

    /// Waits for a number that fits.
    pub async fn number(&self, limit: Duration, fits: impl Fn(&Burned) -> bool) -> Burned {
        let mut last = None;
        let found = wait::within(limit, async || {
            last = self.burned().await;
            last.filter(|number| fits(number))
        })
        .await;
        found.unwrap_or_else(|| {
            panic!("no fitting number in the picture within {limit:?}; the last was {last:?}")
        })
    }

    /// Starts to note every frame that is shown.
    pub async fn record(&self) {
        wait::until("a video element to record", wait::seconds(10), async || {
            let recording = self.browser.page.run("return instruments.record()").await;
            (recording == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// The noted frames from the one with this index.
    pub async fn shown(&self, from: usize) -> Vec<Shown> {
        let frames = self.browser.page.run(&format!("return instruments.frames({from})")).await;
        serde_json::from_value(frames).expect("instruments.js writes these fields")
    }

    pub async fn stats(&self) -> Stats {
        let stats = self.browser.page.run("return instruments.stats()").await;
        Stats(stats)
    }

    /// Of the picture that is decoded, in pixels.
    pub async fn width(&self) -> f64 {
        self.stats().await.video("frameWidth")
    }

    /// Waits for a picture of that width; says how long it took.
    pub async fn until_width(&self, wanted: f64, limit: Duration) -> Duration {
        let begun = Instant::now();
        wait::until("a picture of the other size", limit, async || {
            (self.width().await == wanted).then_some(())
        })
        .await;
        begun.elapsed()
    }

    /// Loudness of what is received, as a share of full scale, each 20 ms.
    pub async fn loudness(&self, duration: Duration) -> Vec<f64> {
        let script = format!("return instruments.loudness({}, 20)", duration.as_millis());
        let levels = self.browser.page.run(&script).await;
        serde_json::from_value(levels).expect("the page receives sound")
    }

    /// How loud each of these tones became in what is received, in dB of full scale at their peaks.
    pub async fn tones(&self, duration: Duration, hertz: &[f64]) -> Vec<f64> {
        let script = format!("return instruments.tones({}, {hertz:?})", duration.as_millis());
        let amplitudes: Vec<f64> =
            serde_json::from_value(self.browser.page.run(&script).await).expect("the page receives sound");
        amplitudes.iter().map(|amplitude| 20.0 * amplitude.max(1e-6).log10()).collect()
    }

    /// Starts to note when beeps are heard.
    pub async fn listen(&self) {
        wait::until("sound to listen to", wait::seconds(10), async || {
            let listening = self.browser.page.run("return instruments.listen()").await;
            (listening == Value::Bool(true)).then_some(())
        })
        .await;
    }

    /// When each noted beep began, in milliseconds since the Unix epoch, plus a constant of this browser's sound path.
    pub async fn beeps(&self) -> Vec<f64> {
        let beeps = self.browser.page.run("return instruments.beeps(0)").await;
        serde_json::from_value(beeps).expect("instruments.js writes numbers")
    }

    /// What the page shows as its latency, in milliseconds.
    pub async fn shown_latency_ms(&self) -> Option<f64> {
        self.browser.page.attribute(viewer::PLAYER, viewer::LATENCY).await?.parse().ok()
    }

    pub async fn muted(&self) -> bool {
        self.browser.page.run("return document.querySelector('video').muted").await == Value::Bool(true)
    }

    /// Marks this very document, to know later that it was never loaded again.
    pub async fn mark(&self) {
        self.browser.page.run("window.footlightMark = true").await;
    }

    pub async fn is_marked(&self) -> bool {
        self.browser.page.run("return window.footlightMark === true").await == Value::Bool(true)
    }

    /// Says something in the chat, and waits until it is there.
    pub async fn say(&self, nickname: &str, text: &str) {
        self.write(nickname, text).await;
        self.browser.page.find_text(viewer::MESSAGE, text, wait::seconds(10)).await;
    }

    /// Sends a message, giving a nickname first where the page asks for one.
    pub async fn write(&self, nickname: &str, text: &str) {
        let page = &self.browser.page;
        page.type_into(viewer::CHAT_INPUT, &format!("{text}\u{e007}")).await;
        let asked =
            wait::within(wait::seconds(2), async || (page.count(viewer::NAME_INPUT).await > 0).then_some(()))
                .await;
        if asked.is_some() {
            page.type_into(viewer::NAME_INPUT, &format!("{nickname}\u{e007}")).await;
        }
    }
}
