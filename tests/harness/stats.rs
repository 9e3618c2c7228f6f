//! What a page's connection says of itself: `getStats()` (W3C webrtc-stats), reduced to what is asked here.

use serde_json::Value;

/// One look at the newest connection's statistics.
#[derive(Debug, Clone)]
pub struct Stats(pub Value);

impl Stats {
    /// How many connections the page has made since it was loaded.
    pub fn connections_made(&self) -> u64 {
        self.0["made"].as_u64().unwrap_or(0)
    }

    pub fn state(&self) -> &str {
        self.0["state"].as_str().unwrap_or("none")
    }

    /// The page's clock at the look, in milliseconds since the Unix epoch.
    pub fn at_ms(&self) -> f64 {
        self.0["at"].as_f64().unwrap_or(0.0)
    }

    pub fn frames_decoded(&self) -> f64 {
        self.video("framesDecoded")
    }

    /// A counter of the video stream; zero where there is none yet.
    pub fn video(&self, name: &str) -> f64 {
        self.0["video"][name].as_f64().unwrap_or(0.0)
    }

    pub fn audio(&self, name: &str) -> f64 {
        self.0["audio"][name].as_f64().unwrap_or(0.0)
    }

    /// The path in use: `currentRoundTripTime` and the like.
    pub fn pair(&self, name: &str) -> f64 {
        self.0["pair"][name].as_f64().unwrap_or(0.0)
    }

    /// A growing sum by a growing count, between two looks, in milliseconds: the mean of one thing's time.
    pub fn mean_ms(&self, earlier: &Stats, seconds: &str, count: &str) -> f64 {
        let grown = |name| self.video(name) - earlier.video(name);
        1000.0 * grown(seconds) / grown(count).max(1.0)
    }
}
