//! The mixer as it is set: kept in `mixer.json` for the next time, told to the sound thread, and with it the devices that
//! are open because of it: what the computer plays, and the headphones.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use footlight_protocol::mixer::{MAX_DELAY_MS, Misfit, Mixer};
use footlight_protocol::studio::{Snapshot, SourceState, StudioEvent};
use footlight_protocol::{Code, Failure};

use super::Settings;
use super::monitor::Headphones;
use crate::desk::Desk;
use crate::kept;
use crate::newest::Newest;
use crate::source::desktop;
use crate::voice::Voices;
use crate::worker::{Worker, lock};
use crate::{Clock, Error};

/// What the file is called in the log.
const WHAT: &str = "the mixer's setting";
/// There is one source of the computer's sound.
const DESKTOP: &str = "desktop";

/// The file; none: nothing is remembered.
pub(crate) struct Shelf(Option<PathBuf>);

impl Shelf {
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self(file)
    }

    /// As it was kept. What cannot be read is set aside under another name and told in the log.
    pub(crate) fn mixer(&self) -> Mixer {
        let Some(path) = &self.0 else { return Mixer::default() };
        kept::read(path, WHAT, Mixer::check).map_or_else(Mixer::default, |mixer| mixer.kept())
    }

    fn keep(&self, mixer: &Mixer) {
        if let Some(path) = &self.0 {
            kept::write(path, WHAT, &mixer.kept());
        }
    }
}

pub(crate) struct Rack {
    pub(crate) shelf: Shelf,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Newest<Settings>>,
    pub(crate) voices: Voices,
    pub(crate) headphones: Headphones,
    /// Where a device goes that is not needed any more.
    pub(crate) retired: Arc<Mutex<Vec<Worker>>>,
    pub(crate) open: Mutex<Open>,
}

/// The devices that are open because of how the mixer is set.
#[derive(Default)]
pub(crate) struct Open {
    desktop: Option<Worker>,
    monitor: Option<Worker>,
}

impl Rack {
    /// Sets all of the mixer. It is kept for the next time.
    ///
    /// # Errors
    /// [`Code::BadSetting`]; the old settings stay. [`Code::Internal`] where no device can be opened any more.
    pub(crate) fn set(&self, mixer: Mixer) -> Result<(), Failure> {
        mixer.check().map_err(misfit)?;
        self.shelf.keep(&mixer);
        self.change(|_| StudioEvent::Mixer { mixer });
        self.connect().map_err(|error| error.failure())
    }

    pub(crate) fn set_muted(&self, muted: bool) {
        self.change(|_| StudioEvent::Muted { muted });
    }

    pub(crate) fn set_talking(&self, talking: bool) {
        self.desk.update(|snapshot| {
            (snapshot.talking != talking).then(|| self.told(snapshot, StudioEvent::Talking { talking }))
        });
    }

    /// Opens what is needed, and closes what is not.
    pub(crate) fn connect(&self) -> Result<(), Error> {
        let mut open = lock(&self.open);
        // Read under the lock: the last of two who change it finds what both want.
        let mixer = self.desk.snapshot().mixer;
        if mixer.desktop.on && open.desktop.is_none() {
            open.desktop = Some(desktop::start(self.voices.open(DESKTOP.to_owned()), self.clock)?);
        } else if !mixer.desktop.on && open.desktop.is_some() {
            self.retire(open.desktop.take());
            // The old voice is dumb from here on.
            self.voices.open(DESKTOP.to_owned()).state(SourceState::Off);
        }
        if mixer.microphone.monitor && open.monitor.is_none() {
            open.monitor = Some(self.headphones.start(Arc::clone(&self.desk))?);
        } else if !mixer.microphone.monitor {
            self.retire(open.monitor.take());
        }
        Ok(())
    }

    fn change(&self, event: impl FnOnce(&Snapshot) -> StudioEvent) {
        self.desk.update(|snapshot| Some(self.told(snapshot, event(snapshot))));
    }

    /// Tells the sound thread what the window is about to hear, in the same order.
    fn told(&self, snapshot: &Snapshot, event: StudioEvent) -> StudioEvent {
        let mut after = snapshot.clone();
        after.apply(&event);
        self.settings.put(Settings { mixer: after.mixer, talking: after.talking });
        event
    }

    fn retire(&self, worker: Option<Worker>) {
        if let Some(worker) = worker {
            worker.ask_to_stop();
            lock(&self.retired).push(worker);
        }
    }
}

fn misfit(misfit: Misfit) -> Failure {
    let message = match misfit {
        Misfit::Bounds => "A level or a time of the mixer is outside of what it can be".to_owned(),
        Misfit::Delay => format!("Sound may be delayed by {MAX_DELAY_MS} ms at most"),
        Misfit::Echo => {
            "You hear what the computer plays as it is; playing it once more would be an echo".to_owned()
        }
    };
    Failure::new(Code::BadSetting, message)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("footlight-mixer-{name}-{}.json", std::process::id()))
    }

    #[test]
    fn the_mixer_is_there_again_but_nobody_is_found_muted() {
        let path = file("again");
        let shelf = Shelf::new(Some(path.clone()));
        assert_eq!(shelf.mixer(), Mixer::default());
        let mut mixer = Mixer { duck_db: 12.0, ..Mixer::default() };
        (mixer.microphone.fader_db, mixer.microphone.denoise, mixer.desktop.on) = (-3.0, true, true);
        let kept = mixer.clone();
        (mixer.microphone.muted, mixer.microphone.monitor, mixer.desktop.solo) = (true, true, true);
        shelf.keep(&mixer);
        assert_eq!(shelf.mixer(), kept);
        fs::remove_file(path).expect("cleans up");
    }

    #[test]
    fn settings_that_make_no_sense_are_set_aside() {
        let path = file("aside");
        let shelf = Shelf::new(Some(path.clone()));
        for text in ["{", r#"{"duck_db":900}"#] {
            fs::write(&path, text).expect("a temporary file");
            assert_eq!(shelf.mixer(), Mixer::default());
            let aside = path.with_extension("json.unreadable");
            assert_eq!(fs::read_to_string(&aside).expect("it is there"), text);
            fs::remove_file(aside).expect("cleans up");
        }
        assert_eq!(Shelf::new(None).mixer(), Mixer::default());
    }
}
