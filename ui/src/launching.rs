//! The way to the air under the creator's hand: asks what the checks want to know, and tells the studio when it is time.

use std::time::Duration;

use footlight_protocol::mixer::ChannelId;
use footlight_protocol::reach::Forecast;
use footlight_protocol::studio::{Phase, Speed};
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::api::Relay;
use crate::bridge;
use crate::browser;
use crate::desk::Desk;
use crate::seat::Seat;
use crate::store::launch::{self, Check, Findings, Launch, Step};

/// How often it is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(100);

/// Cheap to copy; everything inside lives as long as the window.
#[derive(Clone, Copy)]
pub struct Launching {
    desk: Desk,
    launch: RwSignal<Launch>,
    checks: Memo<[Check; 4]>,
    loudest: RwSignal<Option<f32>>,
    speed: RwSignal<Option<Result<Speed, ()>>>,
    forecast: RwSignal<Option<Forecast>>,
    /// Whether the creator is asked to end before people who watch.
    asking: RwSignal<bool>,
    /// Which press of the button is answered.
    press: StoredValue<u64>,
}

impl Launching {
    /// Given to the components below.
    pub fn provide(desk: Desk) -> Self {
        let (loudest, speed, forecast) = (RwSignal::new(None), RwSignal::new(None), RwSignal::new(None));
        let checks = Memo::new(move |_| {
            let shared = desk.access().with(|access| access.as_ref().is_some_and(|access| access.shared));
            let switching = desk.switching().get();
            desk.snapshot().with(|snapshot| {
                forecast.with(|forecast: &Option<Forecast>| {
                    let (loudest_db, speed, forecast) = (loudest.get(), speed.get(), forecast.as_ref());
                    launch::checks(snapshot, Findings { loudest_db, speed, forecast, shared, switching })
                })
            })
        });
        let launch = RwSignal::new(Launch::default());
        let (asking, press) = (RwSignal::new(false), StoredValue::new(0));
        let launching = Self { desk, launch, checks, loudest, speed, forecast, asking, press };
        provide_context(launching);
        Effect::new(move |_| {
            let peak = desk.meter_of(ChannelId::Microphone).with(|meter| meter.level.peak_db);
            if launch.with_untracked(Launch::is_shown) && loudest.get_untracked().is_none_or(|db| peak > db) {
                loudest.set(Some(peak));
            }
        });
        // Sharing that was switched is another relay, for which other things are true.
        Effect::new(move |_| {
            desk.access().track();
            if launch.with_untracked(Launch::is_shown) {
                launching.ask_reach();
            }
        });
        launching
    }

    pub fn get() -> Self {
        expect_context()
    }

    pub fn launch(self) -> ReadSignal<Launch> {
        self.launch.read_only()
    }

    pub fn checks(self) -> Memo<[Check; 4]> {
        self.checks
    }

    /// Whether the creator is asked to end before people who watch.
    pub fn asking(self) -> RwSignal<bool> {
        self.asking
    }

    /// Does what the one big button does: to the air, or away from it.
    pub fn press(self, seat: Seat) {
        match self.desk.snapshot().with_untracked(|snapshot| snapshot.phase.clone()) {
            Phase::Idle if self.launch.with_untracked(Launch::is_shown) => self.cancel(),
            Phase::Idle => self.go(),
            // Nobody is hurt by an end that nobody sees.
            Phase::Live { .. } if seat.room().with_untracked(|room| room.presence.viewers) > 0 => {
                self.asking.set(true);
            }
            Phase::Starting | Phase::Live { .. } | Phase::Reconnecting { .. } => self.desk.end_broadcast(),
            Phase::Ending => {}
        }
    }

    /// Goes live: at once, or by checks and countdown.
    pub fn go(self) {
        let countdown = self.countdown();
        self.launch.update(|launch| launch.press(countdown, browser::now_ms()));
        if self.step() == Step::Gone {
            return self.begin();
        }
        self.look_around();
        let press = self.press.with_value(|press| press + 1);
        self.press.set_value(press);
        spawn_local(async move {
            while self.press.try_get_value() == Some(press) && self.launch.with_untracked(Launch::is_shown) {
                self.look();
                browser::sleep(LOOK).await;
            }
        });
    }

    /// Looks once more, after something was mended.
    pub fn again(self) {
        self.launch.update(|launch| launch.again(browser::now_ms()));
    }

    pub fn cancel(self) {
        self.launch.update(Launch::cancel);
    }

    /// As it is, and now.
    pub fn go_anyway(self) {
        self.launch.update(Launch::go_anyway);
        if self.step() == Step::Gone {
            self.begin();
        }
    }

    fn step(self) -> Step {
        self.launch.with_untracked(|launch| launch.step)
    }

    fn countdown(self) -> u8 {
        self.desk.preferences().with_untracked(|preferences| preferences.countdown)
    }

    fn begin(self) {
        self.launch.update(Launch::cancel);
        self.desk.go_live();
    }

    fn look(self) {
        let mut launch = self.launch.get_untracked();
        launch.look(&self.checks.get_untracked(), self.countdown(), browser::now_ms());
        if self.launch.with_untracked(|before| *before != launch) {
            self.launch.set(launch);
        }
        if launch.step == Step::Gone {
            self.begin();
        }
    }

    /// Asks for all that is not in the studio's snapshot.
    fn look_around(self) {
        self.loudest.set(None);
        self.speed.set(None);
        self.ask_reach();
        spawn_local(async move {
            let speed = bridge::measure_speed().await.map_err(|failure| self.desk.fail(failure));
            self.speed.try_set(Some(speed));
        });
    }

    fn ask_reach(self) {
        let Some(access) = self.desk.access().get_untracked() else { return };
        let kbit = self.desk.snapshot().with_untracked(|snapshot| snapshot.health.target_kbps);
        self.forecast.set(None);
        spawn_local(async move {
            if let Ok(forecast) = Relay::owned(&access).reach((kbit > 0).then_some(kbit)).await {
                self.forecast.try_set(Some(forecast));
            }
        });
    }
}

/// Seconds that are left until the studio is told; follows the seat's clock.
pub fn left(launching: Launching, seat: Seat) -> Option<u8> {
    let now = seat.now().get().max(browser::now_ms());
    launching.launch.with(|launch| launch.left(now))
}
