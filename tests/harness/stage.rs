//! A relay that takes RTMP, RTMPS and WHIP from the encoders of others, and a clip for them to publish.

use std::path::{Path, PathBuf};

use crate::clip;
use crate::output::Output;
use crate::relay::{Relay, free_port};
use crate::scratch::Scratch;
use crate::wait::{self, seconds};

#[derive(Debug)]
pub struct Stage {
    pub relay: Relay,
    pub clip: PathBuf,
    pub scratch: Scratch,
    /// `rtmps://…/live`.
    tls: String,
}

impl Stage {
    pub async fn set(output: &Output) -> Self {
        let scratch = Scratch::new("stage");
        let (certificate, key) = (scratch.path().join("chain.pem"), scratch.path().join("key.pem"));
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&certificate, made.cert.pem()).expect("write the certificate");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("write its key");
        let rtmps = format!("127.0.0.1:{}", free_port());
        let tls = format!("rtmps://{rtmps}/live");
        let environment = [
            ("FOOTLIGHT_RTMP", "127.0.0.1:0"),
            ("FOOTLIGHT_RTMPS", &*rtmps),
            ("FOOTLIGHT_TLS_CERTIFICATE", path(&certificate)),
            ("FOOTLIGHT_TLS_KEY", path(&key)),
        ];
        let data = scratch.folder("data");
        let relay = Relay::start_with("relay", "127.0.0.1:0", &data, &environment, output).await;
        let clip = clip::make(scratch.path());
        Self { relay, clip, scratch, tls }
    }

    /// `rtmp://…/live`, which an encoder takes as its server.
    pub fn server(&self) -> &str {
        self.relay.ready.rtmp.as_deref().expect("RTMP was asked for")
    }

    /// Where an encoder publishes that takes one address with the key in it.
    pub fn rtmp(&self) -> String {
        format!("{}/{}", self.server(), self.relay.ready.key())
    }

    /// The same through TLS.
    pub fn rtmps(&self) -> String {
        format!("{}/{}", self.tls, self.relay.ready.key())
    }

    /// Where a player plays.
    pub fn rtmp_play(&self) -> String {
        format!("{}/main", self.server())
    }

    /// The certificate is nobody's that a browser would trust; this machine itself may do without.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.relay.ready.http.replacen("https://", "http://", 1))
    }

    pub async fn is_live(&self) {
        let room = self.url("/api/v1/rooms/main");
        wait::until("the room is live", seconds(20), async || {
            let text = reqwest::get(&room).await.ok()?.text().await.ok()?;
            text.contains(r#""state":"live""#).then_some(())
        })
        .await;
    }

    /// The file that the broadcast is recorded to. Beside it lies its poster, of the same name and one word more.
    pub fn recording(&self) -> PathBuf {
        let folder = self.scratch.path().join("data/recordings/main");
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_it = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().matches('.').count() == 1)
                && path.extension().is_some_and(|kind| kind == "mp4")
        };
        let found: Vec<PathBuf> = files.filter(is_it).collect();
        assert_eq!(found.len(), 1, "one broadcast is one file in {}: {found:?}", folder.display());
        found.into_iter().next().expect("there is one")
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the tests' folders are in UTF-8")
}
