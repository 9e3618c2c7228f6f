//! The whole running application, with or without a window: studio, bundled relay, settings.
//!
//! Intents come in as method calls; what happens comes out as the studio's events. Nothing here knows whether a
//! window or a terminal is watching.

use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow};
use footlight_protocol::record;
use footlight_protocol::room::Presence;
use footlight_protocol::studio::{Preferences, RoomAccess, StudioEvent};
use footlight_protocol::{Code, Failure};
use footlight_relay::Secret;
use footlight_studio::{Outlet, Studio, Target};
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::broadcast;

use crate::diagnostics::{self, Facts};
use crate::flags::TargetUrl;
use crate::local_relay::LocalRelay;
use crate::room_ear::RoomEar;
use crate::secrets::Secrets;
use crate::settings::{File, Settings};

/// Lets every machine in: the address of "share on my network".
const EVERYWHERE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
const THIS_MACHINE: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

pub(crate) struct Desk {
    pub(crate) studio: Studio,
    /// `None` only while it is being restarted, or after a restart failed.
    relay: AsyncMutex<Option<LocalRelay>>,
    /// Hears for the overlays what happens in its room.
    ear: RoomEar,
    pub(crate) settings: Mutex<Settings>,
    pub(crate) secrets: Mutex<Secrets>,
    targets: Vec<TargetUrl>,
}

/// What `ready` tells.
pub(crate) struct Ready {
    pub(crate) http: String,
    pub(crate) watch: String,
    pub(crate) rtmp: Option<String>,
    pub(crate) port: u16,
    pub(crate) room: String,
    pub(crate) stream_key: Secret,
    pub(crate) owner_token: Secret,
}

impl Desk {
    /// Starts the relay, then the studio's sources and preview.
    pub(crate) async fn open(settings: Settings, targets: Vec<TargetUrl>) -> Result<Self> {
        let secrets = Secrets::load(&settings.data)?;
        let file = &settings.now;
        let mut relay = LocalRelay::start(file, settings.rtmp, settings.data.clone(), &secrets).await?;
        let secrets = Mutex::new(secrets);
        renew(&mut relay, &secrets, &settings.data).await?;
        let config = footlight_studio::Config {
            camera: file.camera.clone(),
            microphone: file.microphone.clone(),
            width: file.width,
            height: file.height,
            fps: file.fps,
            bitrate_kbps: file.bitrate,
            layers: file.layers,
            fixed: file.fixed,
            // What a safe run changes holds for that run: the creator's own is there again after it.
            scenes: (!settings.safe).then(|| settings.data.join("scenes")),
            mixer: (!settings.safe).then(|| settings.data.join("mixer.json")),
            recordings: settings.recordings.clone(),
            record: file.recorder.clone(),
            ..footlight_studio::Config::default()
        };
        let studio = Studio::start(config, tokio::runtime::Handle::current()).context("start the studio")?;
        let ear = RoomEar::start(studio.room(), &relay);
        let desk = Self {
            studio,
            ear,
            relay: AsyncMutex::new(Some(relay)),
            settings: Mutex::new(settings),
            secrets,
            targets,
        };
        desk.studio.set_outlets(desk.outlets().await);
        Ok(desk)
    }

    pub(crate) async fn ready(&self) -> Option<Ready> {
        let relay = self.relay.lock().await;
        let relay = relay.as_ref()?;
        let secrets = known(&self.secrets);
        Some(Ready {
            http: relay.http(),
            watch: relay.watch(),
            rtmp: relay.rtmp.clone(),
            port: relay.address.port(),
            room: relay.room.to_string(),
            stream_key: secrets.stream_key,
            owner_token: secrets.owner_token,
        })
    }

    pub(crate) fn events(&self) -> broadcast::Receiver<StudioEvent> {
        self.studio.events()
    }

    /// Goes on air: to the targets of the command line, else to the bundled relay; and to the destinations that are
    /// switched on.
    pub(crate) async fn go_live(&self) -> Result<(), Failure> {
        if self.targets.is_empty() {
            let mut relay = self.relay.lock().await;
            let relay = relay.as_mut().ok_or_else(no_relay)?;
            let data = self.settings.lock().map(|settings| settings.data.clone()).unwrap_or_default();
            renew(relay, &self.secrets, &data).await.map_err(|error| {
                tracing::error!("{error:#}");
                Failure::new(Code::Internal, "The relay has no stream key for this studio")
            })?;
        }
        self.studio.go_live(self.outlets().await)
    }

    /// The creator's own page, or what the command line says in its stead.
    pub(crate) async fn home(&self) -> Vec<Outlet> {
        let key = || footlight_studio::Secret::new(known(&self.secrets).stream_key.reveal().to_owned());
        if self.targets.is_empty() {
            let url = self.relay.lock().await.as_ref().map(LocalRelay::whip);
            let home = url.map(|url| Outlet::home(0, "Footlight", Target::Whip { url, key: key() }));
            return home.into_iter().collect();
        }
        let home = |(n, target): (usize, &TargetUrl)| Outlet::home(n, &target.url, target.with(key()));
        self.targets.iter().enumerate().map(home).collect()
    }

    pub(crate) fn pick_camera(&self, id: String) -> Result<(), Failure> {
        self.studio.pick_camera(id.clone())?;
        self.remember(|file| file.camera.clone_from(&id));
        Ok(())
    }

    pub(crate) fn pick_microphone(&self, id: String) -> Result<(), Failure> {
        self.studio.pick_microphone(id.clone())?;
        self.remember(|file| file.microphone.clone_from(&id));
        Ok(())
    }

    pub(crate) fn preferences(&self) -> Preferences {
        self.settings.lock().map(|settings| settings.now.preferences.clone()).unwrap_or_default()
    }

    pub(crate) fn set_preferences(&self, preferences: &Preferences) {
        let preferences = preferences.clone().bounded();
        self.remember(|file| file.preferences = preferences.clone());
    }

    /// Whether this run is a safe one.
    pub(crate) fn is_safe(&self) -> bool {
        self.settings.lock().is_ok_and(|settings| settings.safe)
    }

    /// Writes what helps to find out what is wrong, without secrets, and says where.
    pub(crate) fn export_diagnostics(&self, log: &[String], webview: Option<String>) -> Result<PathBuf> {
        let settings = self.settings.lock().map_err(|_| anyhow!("the settings cannot be read"))?.clone();
        let snapshot = self.studio.snapshot();
        // On air it would cost viewers pictures, and its load is in the health.
        let encoder = self.studio.measure_speed().ok().map(|speed| speed.load);
        let facts = Facts {
            settings: &settings.now,
            snapshot: &snapshot,
            encoder,
            safe: settings.safe,
            log,
            webview,
        };
        let text = diagnostics::text(&facts, &known(&self.secrets), &settings.data);
        diagnostics::write(&settings.data, &text)
    }

    pub(crate) async fn set_record_settings(&self, settings: record::Settings) {
        let settings = settings.bounded();
        self.studio.set_record_settings(settings.clone()).await;
        self.remember(|file| file.recorder.clone_from(&settings));
    }

    pub(crate) async fn room_access(&self) -> Result<RoomAccess, Failure> {
        self.relay.lock().await.as_ref().map(LocalRelay::access).ok_or_else(no_relay)
    }

    /// Who watches and chats now.
    pub(crate) async fn presence(&self) -> Presence {
        let relay = self.relay.lock().await;
        relay.as_ref().map(|relay| relay.handle.stats().presence).unwrap_or_default()
    }

    /// Whether the relay has ended by itself, which nobody asked for.
    pub(crate) async fn relay_is_lost(&self) -> bool {
        self.relay.lock().await.as_ref().is_none_or(LocalRelay::is_finished)
    }

    /// Lets other machines in, or keeps them out.
    pub(crate) async fn set_sharing(&self, shared: bool) -> Result<RoomAccess, Failure> {
        let ip = if shared { EVERYWHERE } else { THIS_MACHINE };
        self.restart_relay(|file| file.listen.set_ip(ip)).await
    }

    /// Asks the router to let the internet in, or no longer.
    pub(crate) async fn set_internet(&self, internet: bool) -> Result<RoomAccess, Failure> {
        self.restart_relay(|file| file.internet = internet).await
    }

    /// Restarts the relay with changed settings, on the port that it had; where that fails, with the old ones. Not
    /// while on air.
    async fn restart_relay(&self, change: impl Fn(&mut File)) -> Result<RoomAccess, Failure> {
        if self.studio.snapshot().phase.on_air() {
            return Err(Failure::new(
                Code::WrongPhase,
                "End the broadcast first: sharing restarts the relay",
            ));
        }
        let mut slot = self.relay.lock().await;
        let old = slot.take().ok_or_else(no_relay)?;
        let settings = self.settings.lock().map(|settings| settings.clone()).map_err(|_| no_relay())?;
        let mut before = settings.now;
        before.listen = old.address;
        let mut wanted = before.clone();
        change(&mut wanted);
        if wanted == before {
            return Ok(slot.insert(old).access());
        }
        if let Err(error) = old.stop().await {
            tracing::warn!("the relay did not stop cleanly: {error:#}");
        }
        let secrets = known(&self.secrets);
        let start =
            async |file: &File| LocalRelay::start(file, settings.rtmp, settings.data.clone(), &secrets).await;
        let access = match start(&wanted).await {
            Ok(relay) => {
                self.ear.go_to(&relay);
                slot.insert(relay).access()
            }
            Err(error) => {
                tracing::error!("cannot listen on {}: {error:#}", wanted.listen);
                *slot = start(&before).await.ok();
                let message = format!("The relay cannot listen on {}", wanted.listen);
                return Err(Failure::new(Code::Internal, message));
            }
        };
        drop(slot);
        self.remember(change);
        Ok(access)
    }

    /// Changes the settings file; a failure to write is logged, the change holds for this run.
    pub(crate) fn remember(&self, change: impl Fn(&mut File)) {
        if let Ok(mut settings) = self.settings.lock()
            && let Err(error) = settings.change(change)
        {
            tracing::warn!("the change holds only until the studio closes: {error:#}");
        }
    }

    /// Ends the broadcast and the recording, then the relay. The devices stay open until the desk is dropped or [taken
    /// down](Self::take_down).
    pub(crate) async fn close(&self) {
        self.studio.end().await;
        self.studio.stop_recording().await;
        self.ear.stop().await;
        if let Some(relay) = self.relay.lock().await.take()
            && let Err(error) = relay.stop().await
        {
            tracing::warn!("{error:#}");
        }
    }

    /// Closes, and joins every thread of the studio.
    pub(crate) async fn take_down(self) {
        self.close().await;
        self.studio.shutdown().await;
    }
}

pub(crate) fn known(secrets: &Mutex<Secrets>) -> Secrets {
    // Nothing that panics runs under the lock.
    secrets.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

/// Sees to it that the key which is remembered is good: its owner may have replaced it over the relay's API.
async fn renew(relay: &mut LocalRelay, secrets: &Mutex<Secrets>, data: &std::path::Path) -> Result<()> {
    let mut now = known(secrets);
    let key = relay.stream_key(&now).await?;
    if key != now.stream_key {
        now.renew(data, key)?;
        *secrets.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
    }
    Ok(())
}

fn no_relay() -> Failure {
    Failure::new(Code::Unreachable, "The relay is not running")
}
