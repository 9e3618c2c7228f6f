//! One viewer's replay: the store decides, the video element does, and the page reads what came of it.

use std::sync::Arc;
use std::time::Duration;

use footlight_protocol::emote::Emote;
use footlight_protocol::replay::Line;
use footlight_protocol::room::StreamState;
use footlight_protocol::{Code, Failure, ReplayId, RoomId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlVideoElement;

use crate::api::Relay;
use crate::browser;
use crate::emotes::Emotes;
use crate::store::place;
use crate::store::replay::{Do, Said, Show, ShowEvent, Spot, Status, Talk, Timeline};

/// How often the video is asked where it is: a comment's place in the chat is right to a tenth of a second.
const LOOK: Duration = Duration::from_millis(100);
/// How often the room is looked at, which may be live again.
const ROOM: Duration = Duration::from_secs(20);

/// Cheap to copy; everything inside lives as long as the page.
#[derive(Clone, Copy)]
pub struct Replaying {
    show: RwSignal<Show>,
    status: Memo<Status>,
    at_ms: Memo<u64>,
    duration_ms: Memo<u64>,
    line: Memo<Option<Line>>,
    /// How many messages are known, and how many of them had been said.
    known: Memo<usize>,
    said: Memo<usize>,
    /// Up to which media time the browser has the bytes.
    loaded_ms: RwSignal<u64>,
    live: RwSignal<bool>,
    sound: RwSignal<(bool, f64)>,
    /// The file on the screen and where in it to begin.
    begin: StoredValue<Spot>,
    video: StoredValue<Option<HtmlVideoElement>, LocalStorage>,
    relay: StoredValue<Relay>,
    id: StoredValue<Option<ReplayId>>,
    /// The room's own, as they are today.
    emotes: RwSignal<Arc<Vec<Emote>>>,
}

impl Replaying {
    /// A replay that has no screen yet, given to the components below.
    pub fn provide(room: RoomId, id: Option<ReplayId>) -> Self {
        let hash = window().location().hash().unwrap_or_default();
        let show = RwSignal::new(Show::new(place::start_ms(&hash)));
        let at_ms = Memo::new(move |_| show.with(|show| show.at_ms));
        let replaying = Self {
            show,
            status: Memo::new(move |_| show.with(Show::status)),
            at_ms,
            duration_ms: Memo::new(move |_| show.with(|show| show.timeline.duration_ms())),
            line: Memo::new(move |_| show.with(|show| show.line.clone())),
            known: Memo::new(move |_| show.with(|show| show.talk.all().len())),
            said: Memo::new(move |_| show.with(|show| show.talk.until(show.at_ms))),
            loaded_ms: RwSignal::new(0),
            live: RwSignal::new(false),
            sound: RwSignal::new((false, 1.0)),
            begin: StoredValue::new(Spot { part: 0, at_s: 0.0 }),
            video: StoredValue::new_local(None),
            relay: StoredValue::new(Relay::here(room)),
            id: StoredValue::new(id),
            emotes: RwSignal::new(Arc::default()),
        };
        Emotes::provide(replaying.emotes.into());
        provide_context(replaying);
        replaying
    }

    pub fn get() -> Self {
        expect_context()
    }

    pub fn room(self) -> RoomId {
        self.relay.with_value(|relay| relay.room().clone())
    }

    pub fn status(self) -> Memo<Status> {
        self.status
    }

    /// Media time of what is on the screen.
    pub fn at_ms(self) -> Memo<u64> {
        self.at_ms
    }

    pub fn duration_ms(self) -> Memo<u64> {
        self.duration_ms
    }

    pub fn line(self) -> Memo<Option<Line>> {
        self.line
    }

    pub fn known(self) -> Memo<usize> {
        self.known
    }

    pub fn said(self) -> Memo<usize> {
        self.said
    }

    pub fn loaded_ms(self) -> ReadSignal<u64> {
        self.loaded_ms.read_only()
    }

    /// Whether the room is live now.
    pub fn live(self) -> ReadSignal<bool> {
        self.live.read_only()
    }

    /// Whether it is muted, and the volume from 0 to 1.
    pub fn sound(self) -> ReadSignal<(bool, f64)> {
        self.sound.read_only()
    }

    /// What is shown of the talk after `said` messages.
    pub fn lines(self, said: usize) -> Vec<Arc<Said>> {
        self.show.with_untracked(|show| show.talk.window(said).to_vec())
    }

    pub fn with_talk<T>(self, read: impl FnOnce(&Talk) -> T) -> T {
        self.show.with_untracked(|show| read(&show.talk))
    }

    pub fn with_timeline<T>(self, read: impl FnOnce(&Timeline) -> T) -> T {
        self.show.with_untracked(|show| read(&show.timeline))
    }

    /// Where the video is right now, to the picture.
    pub fn exact_ms(self) -> f64 {
        let at = self.video.with_value(|video| video.as_ref().map(|video| video.current_time()));
        let part = self.begin.get_value().part;
        match at {
            // A place that is sought is shown before the video is there.
            Some(at_s) if self.status.get_untracked() == Status::Playing => {
                let begins = self.with_timeline(|timeline| timeline.ms(Spot { part, at_s: 0.0 }));
                begins as f64 + at_s * 1_000.0
            }
            _ => self.at_ms.get_untracked() as f64,
        }
    }

    pub fn toggle(self) {
        self.step(ShowEvent::Toggle);
    }

    pub fn seek(self, ms: u64) {
        self.step(ShowEvent::Seek(ms));
    }

    pub fn step_by(self, ms: i64) {
        self.step(ShowEvent::Step(ms));
    }

    pub fn set_sound(self, muted: bool, volume: f64) {
        self.sound.set((muted, volume));
        self.with_video(|video| {
            video.set_volume(volume);
            video.set_muted(muted);
        });
    }

    /// Plays on this element from now on.
    pub fn attach(self, video: HtmlVideoElement) {
        self.video.set_value(Some(video));
        self.carry_out(Do::Fetch);
        set_interval(move || self.look(), LOOK);
        set_interval(move || self.look_at_room(), ROOM);
    }

    /// The file's length is known: it can be gone to the place where it is to begin.
    pub fn measured(self) {
        let Spot { at_s, .. } = self.begin.get_value();
        if at_s > 0.0 {
            self.with_video(|video| video.set_current_time(at_s));
        }
    }

    pub fn landed(self) {
        self.step(ShowEvent::Landed);
        self.look();
    }

    /// The video says that it stopped.
    pub fn stopped(self) {
        let over = self.video.with_value(|video| video.as_ref().is_none_or(|video| video.ended()));
        if !over {
            self.step(ShowEvent::Stopped);
        }
    }

    pub fn hear(self, event: ShowEvent) {
        self.step(event);
    }

    fn look_at_room(self) {
        let relay = self.relay.get_value();
        spawn_local(async move {
            if let Ok(state) = relay.state().await {
                self.live.try_set(matches!(state.stream, StreamState::Live { .. }));
            }
        });
    }

    fn look(self) {
        let Some(video) = self.video.with_value(Clone::clone) else { return };
        let Spot { part, .. } = self.begin.get_value();
        let at_s = video.current_time();
        let moved =
            self.at_ms.get_untracked() != self.with_timeline(|timeline| timeline.ms(Spot { part, at_s }));
        if moved {
            self.step(ShowEvent::At(Spot { part, at_s }));
        }
        let buffered = video.buffered();
        let ranges = (0..buffered.length()).filter_map(|n| buffered.start(n).ok().zip(buffered.end(n).ok()));
        let here = ranges.filter(|(from, to)| (*from..=*to).contains(&at_s)).map(|(_, to)| to).next();
        let loaded = self.with_timeline(|timeline| timeline.ms(Spot { part, at_s: here.unwrap_or(at_s) }));
        if self.loaded_ms.get_untracked() != loaded {
            self.loaded_ms.set(loaded);
        }
    }

    fn step(self, event: ShowEvent) {
        let todo = self.show.try_update(|show| show.apply(event)).unwrap_or_default();
        todo.into_iter().for_each(|one| self.carry_out(one));
    }

    fn carry_out(self, todo: Do) {
        match todo {
            Do::Fetch => {
                let (relay, id) = (self.relay.get_value(), self.id.get_value());
                spawn_local(async move {
                    // Before there is a text in which they stand.
                    if let Ok(emotes) = relay.emotes().await {
                        self.emotes.try_set(Arc::new(emotes));
                    }
                    let found = match &id {
                        Some(id) => relay.replay(id).await,
                        None => Err(Failure::new(Code::NotFound, "There is no such replay")),
                    };
                    self.step(match found {
                        Ok(replay) => ShowEvent::Loaded(Box::new(replay)),
                        Err(failure) => ShowEvent::Refused(failure),
                    });
                    self.look_at_room();
                });
            }
            Do::FetchEvents(after) => {
                let (relay, id) = (self.relay.get_value(), self.id.get_value());
                spawn_local(async move {
                    let Some(id) = id else { return };
                    self.step(match relay.events(&id, after).await {
                        Ok(events) => ShowEvent::More(events),
                        Err(failure) => ShowEvent::Refused(failure),
                    });
                });
            }
            Do::Load { spot, play } => {
                self.begin.set_value(spot);
                let media = self.with_timeline(|timeline| timeline.media(spot.part).map(str::to_owned));
                self.with_video(|video| video.set_src(&media.unwrap_or_default()));
                if play {
                    self.play();
                }
            }
            Do::Seek(spot) => self.with_video(|video| video.set_current_time(spot.at_s)),
            Do::Play => self.play(),
            Do::Pause => self.with_video(|video| {
                let _ = video.pause();
            }),
            Do::Wait(ms) => set_timeout(move || self.step(ShowEvent::Again), Duration::from_millis(ms)),
        }
    }

    fn play(self) {
        let playing = self.video.with_value(|video| video.as_ref().and_then(|video| video.play().ok()));
        let Some(playing) = playing else { return };
        spawn_local(async move {
            // Any other error is a newer file that took this one's place.
            if let Err(error) = JsFuture::from(playing).await
                && browser::error_name(&error).as_deref() == Some("NotAllowedError")
            {
                self.step(ShowEvent::Denied);
            }
        });
    }

    fn with_video(self, act: impl FnOnce(&HtmlVideoElement)) {
        // Cloned out: what the video does at once may report back into here.
        if let Some(video) = self.video.with_value(Clone::clone) {
            act(&video);
        }
    }
}
