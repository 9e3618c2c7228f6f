//! What the creator changes and the studio keeps: a change shows at once and goes to the studio as fast as it takes them.

use std::future::Future;
use std::time::Duration;

use footlight_protocol::Failure;
use footlight_protocol::studio::Snapshot;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::browser;
use crate::desk::Desk;

/// Between two changes that are sent: what a drag or a fader needs to be followed smoothly, and no more.
const PACE: Duration = Duration::from_millis(50);

/// Something of the studio's that is sent whole whenever a part of it is changed.
pub trait Sent: Clone + PartialEq + Send + Sync + 'static {
    /// As the studio says it.
    fn of(snapshot: &Snapshot) -> &Self;

    fn send(&self) -> impl Future<Output = Result<(), Failure>>;
}

/// Cheap to copy; everything inside lives as long as the window.
pub struct Ahead<T: Sent> {
    desk: Desk,
    /// What the studio has not said yet.
    ahead: RwSignal<Option<T>>,
    shown: Memo<T>,
    /// One change is under way at a time; of those that wait the newest is sent.
    sending: StoredValue<bool>,
    /// Nothing is sent before, by the page's clock.
    rests_until: StoredValue<f64>,
}

impl<T: Sent> Clone for Ahead<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Sent> Copy for Ahead<T> {}

impl<T: Sent> Ahead<T> {
    pub fn new(desk: Desk) -> Self {
        let studio = Memo::new(move |_| desk.snapshot().with(|snapshot| T::of(snapshot).clone()));
        let ahead = RwSignal::new(None::<T>);
        let shown = Memo::new(move |_| ahead.get().unwrap_or_else(|| studio.get()));
        let (sending, rests_until) = (StoredValue::new(false), StoredValue::new(0.0));
        // What it says while newer changes wait is old already.
        Effect::new(move |_| {
            let says = studio.get();
            let same = ahead.with_untracked(|ahead| ahead.as_ref() == Some(&says));
            if same || !sending.get_value() {
                ahead.set(None);
            }
        });
        Self { desk, ahead, shown, sending, rests_until }
    }

    /// As it is shown: with what the studio has not said yet.
    pub fn shown(self) -> Memo<T> {
        self.shown
    }

    /// Shows a change at once and sends it, with all that waits, when nothing more has come for `rest_ms`.
    pub fn edit<R>(self, rest_ms: f64, change: impl FnOnce(&mut T) -> R) -> R {
        self.rests_until.set_value(browser::now_ms() + rest_ms);
        let before = self.shown.get_untracked();
        let mut after = before.clone();
        let result = change(&mut after);
        if after != before {
            self.ahead.set(Some(after));
            if !self.sending.get_value() {
                self.sending.set_value(true);
                spawn_local(self.send());
            }
        }
        result
    }

    async fn send(self) {
        while let Some(next) = self.ahead.get_untracked() {
            if browser::now_ms() < self.rests_until.get_value() {
                browser::sleep(PACE).await;
                continue;
            }
            if let Err(failure) = next.send().await {
                self.desk.fail(failure);
                self.ahead.set(None);
                break;
            }
            browser::sleep(PACE).await;
            if self.ahead.with_untracked(|ahead| ahead.as_ref() == Some(&next)) {
                break;
            }
        }
        self.sending.set_value(false);
        // It may have said so before it answered; otherwise its event is on the way.
        let says = self.desk.snapshot().with_untracked(|snapshot| T::of(snapshot).clone());
        if self.ahead.with_untracked(|ahead| ahead.as_ref() == Some(&says)) {
            self.ahead.set(None);
        }
    }
}
