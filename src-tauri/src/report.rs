//! What a terminal or a script reads: events as JSON lines, or a few words for a person.

use std::io::Write;

use footlight_protocol::destination::{DestinationState, DestinationStatus};
use footlight_protocol::record::{Recorder, State};
use footlight_protocol::room::Presence;
use footlight_protocol::studio::{Device, Layers, Phase, Snapshot, SourceState, StudioEvent};
use footlight_protocol::{DestinationId, Failure};
use serde_json::{Value, json};

use crate::desk::{Desk, Ready};

/// Prints events on standard output. A reader that went away ends nothing.
#[derive(Clone, Copy)]
pub(crate) struct Report {
    json: bool,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn ready(self, ready: &Ready) {
        self.print(
            || {
                json!({
                    "event": "ready", "http": ready.http, "watch": ready.watch, "rtmp": ready.rtmp, "udp": ready.port,
                    "room": ready.room, "stream_key": ready.stream_key.reveal(),
                    "owner_token": ready.owner_token.reveal(),
                })
            },
            || format!("watch at {}", ready.watch),
        );
    }

    /// Tells what a script or a terminal wants to know of an event.
    pub(crate) async fn event(self, desk: &Desk, event: StudioEvent) {
        match event {
            StudioEvent::Phase { phase } => match phase {
                Phase::Live { since } => self.live(since),
                Phase::Reconnecting { attempt, .. } => self.reconnecting(attempt),
                Phase::Idle => self.ended(),
                Phase::Starting | Phase::Ending => {}
            },
            StudioEvent::Camera { state, .. } => self.source("camera", &state),
            StudioEvent::Microphone { state, .. } => self.source("microphone", &state),
            StudioEvent::Desktop { state } => self.source("desktop", &state),
            StudioEvent::Health { .. } => self.stats(&desk.studio.snapshot(), desk.presence().await),
            StudioEvent::Failed { failure } => self.error(&failure),
            StudioEvent::Devices { .. }
            | StudioEvent::Muted { .. }
            | StudioEvent::Level { .. }
            | StudioEvent::Mixer { .. }
            | StudioEvent::Talking { .. }
            | StudioEvent::Scenes { .. }
            | StudioEvent::Destinations { .. }
            | StudioEvent::Rates { .. }
            // Titles of windows are private.
            | StudioEvent::Live { .. } => {}
            StudioEvent::Destination { id, state } => self.destination(&id, &state),
            StudioEvent::Layers { layers } => self.layers(&layers),
            StudioEvent::Recorder { recorder } => self.recorder(&recorder),
        }
    }

    /// Scripts hear how a source does whenever that changes.
    fn source(self, kind: &str, state: &SourceState) {
        if self.json {
            self.print(|| json!({"event": kind, "state": state}), String::new);
        }
        self.loss(state);
    }

    /// A source that is lost is an error; it may come back.
    pub(crate) fn loss(self, state: &SourceState) {
        if let SourceState::Lost { failure } = state {
            self.error(failure);
        }
    }

    fn live(self, since: u64) {
        self.print(|| json!({"event": "live", "since": since}), || "live".into());
    }

    /// In which qualities the picture goes out, and why in no more.
    fn layers(self, layers: &Layers) {
        let line = || {
            let sent = layers.sent.iter().map(|layer| format!("{}x{}", layer.width, layer.height));
            let sent = sent.collect::<Vec<_>>().join(", ");
            let rate = layers.eased.map(|eased| format!(" at {} frames a second", eased.fps));
            let sent = sent + &rate.unwrap_or_default();
            layers.held.map_or_else(|| format!("layers: {sent}"), |held| format!("layers: {sent} ({held:?})"))
        };
        if self.json || !layers.sent.is_empty() {
            self.print(|| json!({"event": "layers", "sent": layers.sent, "held": layers.held, "eased": layers.eased}), line);
        }
    }

    /// How one of the places does where the broadcast goes.
    fn destination(self, id: &DestinationId, state: &DestinationState) {
        let line = || {
            let mut line = json!({"event": "destination", "id": id});
            if let (Value::Object(line), Ok(Value::Object(state))) = (&mut line, serde_json::to_value(state))
            {
                line.extend(state);
            }
            line
        };
        let first = !matches!(state, DestinationState::Waiting { attempt: 2.., .. });
        // A terminal is told of its own page by the phase.
        if self.json || (first && !id.as_str().starts_with("home")) {
            self.print(line, || match state {
                DestinationState::Waiting { failure, .. } | DestinationState::Refused { failure, .. } => {
                    format!("{id}: {}", failure.message)
                }
                _ => format!("{id}: {}", state.name()),
            });
        }
    }

    /// What is kept on this computer; a terminal is told of what changes, and not of every second.
    fn recorder(self, recorder: &Recorder) {
        let line = || {
            let Recorder { state, held_s, disk, saved, .. } = recorder;
            let mut line = json!({"event": "recorder", "held_s": held_s, "disk": disk, "saved": saved});
            if let (Value::Object(line), Ok(Value::Object(state))) = (&mut line, serde_json::to_value(state))
            {
                line.extend(state);
            }
            line
        };
        match &recorder.state {
            _ if self.json => self.print(line, String::new),
            State::Failed { failure } => self.error(failure),
            State::Off | State::Recording { .. } => {}
        }
    }

    fn reconnecting(self, attempt: u32) {
        self.print(
            || json!({"event": "reconnecting", "attempt": attempt}),
            || format!("connection lost; attempt {attempt} to reconnect"),
        );
    }

    pub(crate) fn ended(self) {
        self.print(|| json!({"event": "ended"}), || "ended".into());
    }

    pub(crate) fn error(self, failure: &Failure) {
        self.print(
            || json!({"event": "error", "code": failure.code, "message": failure.message}),
            || format!("problem: {}", failure.message),
        );
    }

    /// Once a second; only for scripts.
    fn stats(self, shown: &Snapshot, presence: Presence) {
        let health = &shown.health;
        let destinations = || -> Vec<Value> {
            let place = |known: &DestinationStatus| json!({"id": known.destination.id, "state": known.state.name(), "kbps": known.kbps});
            shown.destinations.iter().map(place).collect()
        };
        if self.json {
            self.print(
                || {
                    json!({
                        "event": "stats", "live": matches!(shown.phase, Phase::Live { .. }), "fps": health.fps,
                        "encoded": health.encoded_frames, "skipped": health.skipped_frames,
                        "dropped": health.dropped_frames, "bitrate_kbps": health.bitrate_kbps,
                        "target_kbps": health.target_kbps, "encoder_load": health.encoder_load,
                        "encode_ms": health.encode_ms, "rtt_ms": health.rtt_ms,
                        "camera": shown.camera_state, "microphone": shown.microphone_state,
                        "destinations": destinations(),
                        "viewers": presence.viewers, "members": presence.members,
                        "latency_p50_ms": presence.latency_p50_ms, "latency_p95_ms": presence.latency_p95_ms,
                    })
                },
                String::new,
            );
        }
    }

    fn print(self, json: impl FnOnce() -> Value, words: impl FnOnce() -> String) {
        let line = if self.json { json().to_string() } else { words() };
        // Nobody reads any more: a broadcast does not end for that.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// `--list-devices`.
pub(crate) fn devices(json: bool) {
    let (cameras, microphones) = footlight_studio::devices();
    if json {
        println!("{}", json!({"event": "devices", "cameras": cameras, "microphones": microphones}));
        return;
    }
    for (title, devices) in [("Cameras", cameras), ("Microphones", microphones)] {
        println!("{title}:");
        if devices.is_empty() {
            println!("  none found");
        }
        for Device { id, name } in devices {
            println!("  {id}  {name}");
        }
    }
}
