//! The creator's desk: the studio's snapshot behind a signal and the commands that the window gives.
//!
//! A command changes nothing here; what it did arrives as an event.

use std::collections::HashMap;
use std::future::Future;

use footlight_protocol::mixer::{ChannelId, Levels};
use footlight_protocol::record;
use footlight_protocol::studio::{Device, Level, Preferences, RoomAccess, Snapshot, StudioEvent};
use footlight_protocol::{DestinationId, Failure};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::bridge;
use crate::browser;
use crate::store::health::Doctor;
use crate::store::meter::Meter;

/// Cheap to copy; everything inside lives as long as the window.
#[derive(Clone, Copy)]
pub struct Desk {
    snapshot: RwSignal<Snapshot>,
    doctor: RwSignal<Doctor>,
    meter: RwSignal<Meter>,
    /// In the order of [`ChannelId::ALL`].
    meters: [RwSignal<Meter>; ChannelId::ALL.len()],
    access: RwSignal<Option<RoomAccess>>,
    preferences: RwSignal<Preferences>,
    failure: RwSignal<Option<Failure>>,
    /// Names of devices that were there once: a lost one is called by its name.
    names: RwSignal<HashMap<String, String>>,
    /// A command is under way whose end shows in no event: switching the relay.
    switching: RwSignal<bool>,
    safe: RwSignal<bool>,
}

impl Desk {
    /// The desk, given to the components below.
    pub fn provide() -> Self {
        let desk = Self {
            snapshot: RwSignal::new(Snapshot::default()),
            doctor: RwSignal::default(),
            meter: RwSignal::default(),
            meters: ChannelId::ALL.map(|_| RwSignal::default()),
            access: RwSignal::new(None),
            preferences: RwSignal::default(),
            failure: RwSignal::new(None),
            names: RwSignal::default(),
            switching: RwSignal::new(false),
            safe: RwSignal::new(false),
        };
        provide_context(desk);
        desk
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// Starts to follow the studio.
    pub fn follow(self) {
        self.give(async move {
            // Listen first: an event between the snapshot and the listening would be lost for good.
            bridge::listen(move |event| self.apply(event)).await?;
            let snapshot = bridge::snapshot().await?;
            self.measure(snapshot.level, &snapshot.levels);
            self.remember(&snapshot.cameras);
            self.remember(&snapshot.microphones);
            self.snapshot.set(snapshot);
            self.access.set(Some(bridge::room_access().await?));
            Ok(())
        });
        self.give(async move {
            self.preferences.set(bridge::preferences().await?);
            self.safe.set(bridge::safe_mode().await?);
            Ok(())
        });
    }

    /// Whether the studio runs without what may have brought it down.
    pub fn safe(self) -> ReadSignal<bool> {
        self.safe.read_only()
    }

    /// Has it closed and started as usual.
    pub fn start_normally(self) {
        self.give(bridge::start_normally());
    }

    pub fn snapshot(self) -> ReadSignal<Snapshot> {
        self.snapshot.read_only()
    }

    pub fn doctor(self) -> ReadSignal<Doctor> {
        self.doctor.read_only()
    }

    /// Of all that viewers hear.
    pub fn meter(self) -> ReadSignal<Meter> {
        self.meter.read_only()
    }

    pub fn meter_of(self, id: ChannelId) -> ReadSignal<Meter> {
        let at = ChannelId::ALL.iter().position(|one| *one == id).unwrap_or_default();
        self.meters[at].read_only()
    }

    pub fn access(self) -> ReadSignal<Option<RoomAccess>> {
        self.access.read_only()
    }

    pub fn preferences(self) -> ReadSignal<Preferences> {
        self.preferences.read_only()
    }

    /// The last thing that went wrong, until it is dismissed.
    pub fn failure(self) -> ReadSignal<Option<Failure>> {
        self.failure.read_only()
    }

    pub fn switching(self) -> ReadSignal<bool> {
        self.switching.read_only()
    }

    /// Shows what went wrong with something that was asked of the studio.
    pub fn fail(self, failure: Failure) {
        self.failure.set(Some(failure));
    }

    pub fn dismiss_failure(self) {
        self.failure.set(None);
    }

    pub fn go_live(self) {
        self.failure.set(None);
        self.give(bridge::go_live());
    }

    pub fn end_broadcast(self) {
        self.give(bridge::end_broadcast());
    }

    /// Begins to record on this computer, or stops.
    pub fn toggle_recording(self) {
        if self.snapshot.with_untracked(|snapshot| snapshot.recorder.is_recording()) {
            self.give(bridge::stop_recording());
        } else {
            self.give(bridge::start_recording());
        }
    }

    pub fn save_replay(self) {
        self.give(bridge::save_replay());
    }

    pub fn set_record_settings(self, settings: record::Settings) {
        self.give(async move { bridge::set_record_settings(&settings).await });
    }

    /// Has the person choose the folder of recordings.
    pub fn choose_record_folder(self, settings: record::Settings) {
        self.give(async move {
            match bridge::choose_folder().await? {
                Some(folder) => bridge::set_record_settings(&record::Settings { folder, ..settings }).await,
                None => Ok(()),
            }
        });
    }

    pub fn show_recordings(self) {
        self.give(bridge::show_recordings());
    }

    pub fn pick_camera(self, id: String) {
        self.give(async move { bridge::pick_camera(&id).await });
    }

    pub fn pick_microphone(self, id: String) {
        self.give(async move { bridge::pick_microphone(&id).await });
    }

    pub fn set_talking(self, talking: bool) {
        self.give(bridge::set_talking(talking));
    }

    pub fn enable_destination(self, id: DestinationId, enabled: bool) {
        self.give(async move { bridge::enable_destination(&id, enabled).await });
    }

    pub fn remove_destination(self, id: DestinationId) {
        self.give(async move { bridge::remove_destination(&id).await });
    }

    pub fn retry_destination(self, id: DestinationId) {
        self.give(async move { bridge::retry_destination(&id).await });
    }

    pub fn set_sharing(self, shared: bool) {
        self.switch(bridge::set_sharing(shared));
    }

    pub fn set_internet(self, internet: bool) {
        self.switch(bridge::set_internet(internet));
    }

    /// Waits for the relay to run with what was asked.
    fn switch(self, command: impl Future<Output = Result<RoomAccess, Failure>> + 'static) {
        self.switching.set(true);
        self.give(async move {
            let access = command.await;
            self.switching.set(false);
            // Also after a refusal: the switch shows what is, not what was asked.
            match access {
                Ok(access) => self.access.set(Some(access)),
                Err(failure) => {
                    self.access.notify();
                    return Err(failure);
                }
            }
            Ok(())
        });
    }

    pub fn prefer(self, preferences: Preferences) {
        self.preferences.set(preferences.clone());
        self.give(async move { bridge::set_preferences(&preferences).await });
    }

    /// What a device is called, also after it is gone.
    pub fn device_name(self, id: &str) -> Option<String> {
        self.names.with(|names| names.get(id).cloned())
    }

    fn remember(self, devices: &[Device]) {
        let new =
            |names: &HashMap<String, String>| devices.iter().any(|device| !names.contains_key(&device.id));
        if self.names.with_untracked(new) {
            self.names.update(|names| {
                names.extend(devices.iter().map(|device| (device.id.clone(), device.name.clone())));
            });
        }
    }

    fn apply(self, event: StudioEvent) {
        match &event {
            // Ten times a second: it must not make everything else look at the snapshot again.
            StudioEvent::Level { level, levels } => return self.measure(*level, levels),
            StudioEvent::Health { health } => self.doctor.update(|doctor| doctor.apply(*health)),
            StudioEvent::Devices { cameras, microphones } => {
                self.remember(cameras);
                self.remember(microphones);
            }
            StudioEvent::Failed { failure } => self.failure.set(Some(failure.clone())),
            _ => {}
        }
        self.snapshot.update(|snapshot| snapshot.apply(&event));
    }

    fn measure(self, level: Level, levels: &Levels) {
        let now = browser::now_ms();
        self.meter.update(|meter| meter.apply(level, now));
        for (id, meter) in ChannelId::ALL.iter().zip(self.meters) {
            meter.update(|meter| meter.apply(levels.channel(*id), now));
        }
    }

    fn give(self, command: impl Future<Output = Result<(), Failure>> + 'static) {
        spawn_local(async move {
            if let Err(failure) = command.await {
                self.fail(failure);
            }
        });
    }
}
