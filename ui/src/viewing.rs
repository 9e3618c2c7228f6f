//! One viewer's show: the playback store decides, the player does, and the page reads what came of it.
//! What the viewer chose is kept for the next visit.

use std::time::Duration;

use footlight_protocol::room::{ServerMessage, StreamState};
use footlight_protocol::{CloseCode, Code, Failure, LayerId};
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::HtmlElement;

use crate::browser;
use crate::player::{Captured, Player, Report, Routes};
use crate::seat::Seat;
use crate::store::clock::{self, Latency};
use crate::store::playback::{Choice, Do, Playback, PlaybackEvent, Rung, Status, Why};
use crate::store::room::{Link, RoomEvent};
use crate::store::sky::Pace;

/// How often the attempts are looked at: a seventh of what a viewer calls a pause.
const LOOK: Duration = Duration::from_millis(150);
/// How often the latency on the page changes, in looks.
const LATENCY_LOOKS: u32 = 4;
/// Where the viewer's choice of a way is kept.
const CHOICE: &str = "footlight.way";
/// How often the room hears of it, in milliseconds.
const REPORT_MS: f64 = 5_000.0;
/// How soon after a report without a measurement the first one may follow: the room takes no more.
const FIRST_REPORT_MS: f64 = 2_000.0;

/// Cheap to copy; everything inside lives as long as the page.
#[derive(Clone, Copy)]
pub struct Viewing {
    status: RwSignal<Status>,
    latency_ms: RwSignal<Option<u32>>,
    needs_touch: RwSignal<bool>,
    retry_at: RwSignal<f64>,
    path: RwSignal<Option<(Rung, bool)>>,
    choice: RwSignal<Choice>,
    layer: RwSignal<Option<LayerId>>,
    /// Muted, and the volume from 0 to 1.
    sound: RwSignal<(bool, f64)>,
    /// The sound was taken away by the browser and not by the viewer.
    silenced: RwSignal<bool>,
    frames: StoredValue<u64>,
    playback: StoredValue<Playback>,
    latency: StoredValue<Latency>,
    pace: StoredValue<Pace>,
    player: StoredValue<Option<Player>, LocalStorage>,
    seat: Seat,
}

impl Viewing {
    /// A show that has no screen yet, given to the components below.
    pub fn provide(seat: Seat) -> Self {
        let choice = Choice::of(&browser::stored(CHOICE).unwrap_or_default());
        let viewing = Self {
            status: RwSignal::new(Status::Connecting),
            latency_ms: RwSignal::new(None),
            needs_touch: RwSignal::new(false),
            retry_at: RwSignal::new(0.0),
            path: RwSignal::new(None),
            choice: RwSignal::new(choice),
            layer: RwSignal::new(None),
            sound: RwSignal::new((true, 1.0)),
            // Nobody has had the chance to touch anything yet.
            silenced: RwSignal::new(true),
            frames: StoredValue::new(0),
            playback: StoredValue::new(Playback::new(choice, browser::now_ms())),
            latency: StoredValue::new(Latency::default()),
            pace: StoredValue::new(Pace::default()),
            player: StoredValue::new_local(None),
            seat,
        };
        provide_context(viewing);
        viewing
    }

    pub fn get() -> Self {
        expect_context()
    }

    /// What the player root says.
    pub fn status(self) -> ReadSignal<Status> {
        self.status.read_only()
    }

    /// Capture to screen, in milliseconds, where it can be measured.
    pub fn latency_ms(self) -> ReadSignal<Option<u32>> {
        self.latency_ms.read_only()
    }

    /// The capture time of what is on the screen, in milliseconds on the relay's clock, flowing evenly; none where it
    /// cannot be measured.
    pub fn media_ms(self) -> Option<f64> {
        self.pace.try_update_value(|pace| pace.at(browser::now_ms())).flatten()
    }

    /// Whether the browser plays nothing before a touch.
    pub fn needs_touch(self) -> ReadSignal<bool> {
        self.needs_touch.read_only()
    }

    /// When it is tried again, in milliseconds since the epoch.
    pub fn retry_at(self) -> ReadSignal<f64> {
        self.retry_at.read_only()
    }

    /// On which rung of the ladder it plays, and whether with a picture.
    pub fn path(self) -> ReadSignal<Option<(Rung, bool)>> {
        self.path.read_only()
    }

    pub fn choice(self) -> ReadSignal<Choice> {
        self.choice.read_only()
    }

    /// Plays in another way from now on, and on the next visit.
    pub fn choose(self, choice: Choice) {
        browser::store(CHOICE, choice.name());
        self.choice.set(choice);
        self.step(PlaybackEvent::Chosen(choice));
    }

    /// The quality of the picture that the viewer wants; none is what the link carries.
    pub fn layer(self) -> ReadSignal<Option<LayerId>> {
        self.layer.read_only()
    }

    /// Wants another quality, for as long as the page is open.
    pub fn choose_layer(self, layer: Option<LayerId>) {
        self.layer.set(layer.clone());
        self.with_player(|player| player.choose_layer(layer));
    }

    /// Whether it is muted, and the volume from 0 to 1.
    pub fn sound(self) -> ReadSignal<(bool, f64)> {
        self.sound.read_only()
    }

    /// Whether the viewer would have sound if the browser allowed it without a touch.
    pub fn silenced(self) -> ReadSignal<bool> {
        self.silenced.read_only()
    }

    pub fn set_sound(self, muted: bool, volume: f64) {
        self.sound.set((muted, volume));
        self.with_player(|player| player.set_sound(muted, volume));
    }

    /// Shows the room on the screens in `place`, as the person with this token.
    pub fn attach(self, place: HtmlElement, routes: Routes, token: Option<String>) {
        let stage = place.clone();
        let player = Player::new(&place, routes, move |report| match report {
            Report::Playback(event) => self.step(event),
            Report::NeedsTouch => self.needs_touch.set(true),
            Report::Silenced => {
                self.set_sound(true, self.sound.get_untracked().1);
                self.silenced.set(true);
            }
            Report::Frame { captured, shown_ms } => self.frame(&stage, captured, shown_ms),
        });
        player.set_token(token);
        self.player.set_value(Some(player));
        Player::lacks().into_iter().for_each(|event| self.step(event));
        self.keep_looking();
        // A page that is left says goodbye; one that is come back to starts again.
        let leaving = window_event_listener_untyped("pagehide", move |_| self.step(PlaybackEvent::Left));
        on_cleanup(move || leaving.remove());
    }

    /// What the room's socket says matters here too.
    pub fn hear(self, event: &RoomEvent) {
        match event {
            RoomEvent::Server(ServerMessage::Welcome { room, token, .. }) => {
                self.with_player(|player| player.set_token(Some(token.clone())));
                self.step(PlaybackEvent::Stream(room.stream.clone()));
                self.step(PlaybackEvent::LinkUp);
            }
            RoomEvent::Server(ServerMessage::Room { room }) => {
                self.step(PlaybackEvent::Stream(room.stream.clone()));
            }
            RoomEvent::Answered => self.step(PlaybackEvent::Answered),
            RoomEvent::Link(Link::Lost { retry_at, .. }) => {
                self.step(PlaybackEvent::LinkDown { retry_at: *retry_at });
            }
            RoomEvent::Link(Link::Closed(code)) => self.step(match code {
                CloseCode::Banned => PlaybackEvent::Banned,
                CloseCode::NotFound => closed(Code::NotFound),
                _ => closed(Code::Version),
            }),
            _ => {}
        }
    }

    /// Plays now; called from a touch or a key.
    pub fn play(self) {
        self.needs_touch.set(false);
        self.silenced.set(false);
        self.with_player(Player::play);
    }

    fn keep_looking(self) {
        let looking = StoredValue::new(false);
        let reported = StoredValue::new(0.0);
        let measured = StoredValue::new(false);
        let looks = StoredValue::new(0_u32);
        set_interval(
            move || {
                if looking.get_value() {
                    return;
                }
                looking.set_value(true);
                spawn_local(async move {
                    let player = self.player.with_value(Clone::clone);
                    if let Some(player) = player {
                        for (take, seen) in player.look().await {
                            self.step(PlaybackEvent::Seen(take, seen));
                        }
                    }
                    self.step(PlaybackEvent::Tick);
                    looking.set_value(false);
                    looks.update_value(|looks| *looks = looks.wrapping_add(1));
                    if looks.get_value().is_multiple_of(LATENCY_LOOKS) {
                        self.measure();
                    }
                    let now = browser::now_ms();
                    let latency = self.latency_ms.get_untracked();
                    // The creator waits for the first measurement; before it there is nothing to tell.
                    let first = latency.is_some() && !measured.get_value();
                    let pause = if first { FIRST_REPORT_MS } else { REPORT_MS };
                    // Where watching is rewarded it counts on every way to the picture.
                    let rewarded = self.seat.till().with_untracked(|till| till.shop.offer.watch.is_some());
                    if (latency.is_some() || measured.get_value() || rewarded)
                        && now - reported.get_value() >= pause
                        && self.status.with_untracked(|status| *status == Status::Playing)
                    {
                        reported.set_value(now);
                        measured.set_value(latency.is_some());
                        self.seat.playing(latency);
                    }
                });
            },
            LOOK,
        );
    }

    fn step(self, event: PlaybackEvent) {
        let now = browser::now_ms();
        let todo = self.playback.try_update_value(|playback| playback.apply(event, now, browser::random()));
        for one in todo.into_iter().flatten() {
            match one {
                Do::Ask => self.seat.ask(),
                one => self.with_player(|player| player.carry_out(one)),
            }
        }
        self.playback.with_value(|playback| {
            let status = playback.status(now);
            if self.status.with_untracked(|shown| *shown != status) {
                self.status.set(status);
            }
            if self.retry_at.get_untracked() != playback.retry_at() {
                self.retry_at.set(playback.retry_at());
            }
            if self.path.get_untracked() != playback.path() {
                self.path.set(playback.path());
                // What was measured on another way says nothing about this one.
                self.latency.set_value(Latency::default());
                self.pace.set_value(Pace::default());
                self.latency_ms.set(None);
            }
        });
    }

    fn frame(self, stage: &HtmlElement, captured: Captured, shown_ms: f64) {
        self.frames.update_value(|frames| *frames += 1);
        // Past the signals: at every frame, and only measurements read it.
        if let Some(screen) = stage.first_element_child() {
            let _ = screen.set_attribute("data-frames", &self.frames.get_value().to_string());
        }
        let clock = self.seat.room().with_untracked(|room| match room.stream {
            Some(StreamState::Live { clock, .. } | StreamState::Interrupted { clock, .. }) => Some(clock),
            Some(StreamState::Offline) | None => None,
        });
        let captured_ms = match captured {
            Captured::Rtp(rtp) => clock.map(|clock| clock::captured_ms(clock, rtp)),
            Captured::At(ms) => Some(ms),
            Captured::Unknown => None,
        };
        if let (Some(captured_ms), Some(offset)) = (captured_ms, self.seat.clock_offset_ms()) {
            let latency = shown_ms + offset - captured_ms;
            self.latency.update_value(|seen| seen.push(shown_ms, latency));
            self.pace.update_value(|pace| pace.frame(shown_ms, captured_ms));
        }
    }

    fn measure(self) {
        let now = browser::now_ms();
        let median = self.latency.try_update_value(|seen| seen.median_ms(now)).flatten();
        if self.latency_ms.get_untracked() != median {
            self.latency_ms.set(median);
        }
    }

    fn with_player(self, act: impl FnOnce(&Player)) {
        // Cloned out: what the player does at once may report back into here.
        if let Some(player) = self.player.with_value(Clone::clone) {
            act(&player);
        }
    }
}

/// The relay closed the door in a way that trying again does not open.
fn closed(code: Code) -> PlaybackEvent {
    let failure = Failure::new(code, "The relay closed the room's connection");
    PlaybackEvent::Incapable(Why::Refused(failure))
}
