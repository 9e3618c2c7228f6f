//! The studio's handle: what the shell starts, asks and stops.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footlight_codec::spare::sensible;
use footlight_media::Picture;
use footlight_media::h264::Colours;
use footlight_protocol::mixer::Mixer;
use footlight_protocol::record;
use footlight_protocol::scene::{MAX_FADE_MS, MAX_LAYERS, MAX_SCENES, Misfit, Scenes};
use footlight_protocol::studio::{CameraId, LayerLimit, MicrophoneId, Snapshot, Speed, StudioEvent};
use footlight_protocol::{Code, DestinationId, Failure};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};
use tokio_util::task::AbortOnDropHandle;

use crate::air::Air;
use crate::desk::Desk;
use crate::encode::{self, h264};
use crate::finder::{Finder, Looks};
use crate::health::{Gauge, Reader};
use crate::lower::Lower;
use crate::mixer::rack::{Rack, Shelf};
use crate::mixer::{Settings, monitor};
use crate::newest::Newest;
use crate::outputs::{Given, Outputs};
use crate::platform;
use crate::record::{self as recording, Recorder};
use crate::scene::{Album, Painter, RoomView};
use crate::sound::Sound;
use crate::source::cast::Cast;
use crate::source::{self, Camera, Slot, Wanted};
use crate::speed;
use crate::stage::Stage;
use crate::voice::Voices;
use crate::worker::{Stop, Worker, lock};
use crate::{Clock, Error, Outlet};

/// Between two looks for devices that came or went.
const LOOK: Duration = Duration::from_secs(3);

/// How to broadcast.
#[derive(Debug, Clone)]
pub struct Config {
    /// Empty picks the first camera, or the test pattern where there is none.
    pub camera: CameraId,
    /// Empty picks the default microphone, or none where there is none.
    pub microphone: MicrophoneId,
    /// Pixels, even.
    pub width: u32,
    pub height: u32,
    /// Frames a second.
    pub fps: u32,
    /// Ceiling of the video's bitrate.
    pub bitrate_kbps: u32,
    pub preset: encode::Preset,
    /// In how many qualities the picture may go out.
    pub layers: LayerLimit,
    /// Size and frame rate stay as they are set, whatever the line and this computer carry.
    pub fixed: bool,
    /// Folder where scenes and their pictures are kept. None: scenes hold as long as the studio, and no picture is taken.
    pub scenes: Option<PathBuf>,
    /// File where the mixer's settings are kept. None: they hold as long as the studio.
    pub mixer: Option<PathBuf>,
    /// Where recordings go if their settings name no folder.
    pub recordings: PathBuf,
    pub record: record::Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            camera: String::new(),
            microphone: String::new(),
            width: 1280,
            height: 720,
            fps: 30,
            bitrate_kbps: 2500,
            preset: encode::Preset::default(),
            layers: LayerLimit::default(),
            fixed: false,
            scenes: None,
            mixer: None,
            recordings: PathBuf::from("."),
            record: record::Settings::default(),
        }
    }
}

/// A running studio. Sources and preview run from the start, encoders and outputs while live.
pub struct Studio {
    // Dropped in this order: what makes, then what takes.
    _health: AbortOnDropHandle<()>,
    recorder: Recorder,
    outputs: Arc<Outputs>,
    camera: Mutex<Option<Worker>>,
    microphone: Mutex<Option<Worker>>,
    rack: Rack,
    _housekeeper: Worker,
    _stage: Worker,
    painter: Painter,
    _sound: Worker,
    retired: Arc<Mutex<Vec<Worker>>>,
    slot: Arc<Slot>,
    voices: Voices,
    desk: Arc<Desk>,
    clock: Clock,
    preview: Finder,
    program: Finder,
    config: Config,
    runtime: Handle,
}

impl Studio {
    /// Opens the sources and starts the preview. Outputs will run on `runtime`.
    ///
    /// # Errors
    /// A media file that cannot be read, a setting that cannot be encoded. A camera or microphone that does not work
    /// is no error: it is [`Lost`](footlight_protocol::studio::SourceState::Lost), and tried again.
    pub fn start(config: Config, runtime: Handle) -> Result<Self, Error> {
        let video = video(&config);
        // Refused now rather than at Go Live.
        drop(h264::Encoder::new(&video)?);
        {
            let _inside = runtime.enter();
            platform::allow_interrupts();
        }
        let clock = Clock::start();
        let (cameras, microphones) = source::devices_soon();
        let first = |devices: &[footlight_protocol::studio::Device], none: &str| {
            devices.first().map_or_else(|| none.to_owned(), |device| device.id.clone())
        };
        let camera = Some(config.camera.clone()).filter(|id| !id.is_empty());
        let camera = camera.unwrap_or_else(|| first(&cameras, "pattern"));
        let microphone = Some(config.microphone.clone()).filter(|id| !id.is_empty());
        let microphone = microphone.unwrap_or_else(|| first(&microphones, "none"));
        check_camera(&camera)?;
        check_microphone(&microphone)?;

        let album = Album::new(config.scenes.clone());
        let scenes = album.scenes();
        let shelf = Shelf::new(config.mixer.clone());
        let mixer = shelf.mixer();
        let settings = Arc::new(Newest::default());
        settings.put(Settings { mixer: mixer.clone(), talking: false });
        let known = Snapshot { cameras, microphones, scenes: scenes.clone(), mixer, ..Snapshot::default() };
        let desk = Arc::new(Desk::new(known));
        let cast = Cast::new(Arc::clone(&desk), clock, wanted(&config));
        let painter = Painter::start(album, &scenes, cast, (config.width, config.height), clock)?;
        let air = Arc::new(Air::new(Arc::clone(&desk), clock));
        let slot = Slot::new(Arc::clone(&desk));
        let ([voices, desktop], ear) = Voices::all(&desk);
        let (speaker, headphones) = monitor::line();
        let gauge = Arc::new(Gauge::default());
        let ((show, preview), (send, program)) = (watch::channel(None), watch::channel(None));
        let looks = Arc::new(Looks::new(clock));
        let finder = |frames| Finder::new(frames, Arc::clone(&looks));
        let (preview, program) = (finder(preview), finder(program));
        let stage = Stage {
            slot: Arc::clone(&slot),
            air: Arc::clone(&air),
            desk: Arc::clone(&desk),
            clock,
            gauge: Arc::clone(&gauge),
            preview: show,
            program: send,
            looks,
            video,
            lower: Lower::start(Arc::clone(&air), video)?,
            gallery: painter.gallery(),
            layers: config.layers,
            fixed: config.fixed,
        };
        let stage = Worker::spawn("stage", move |stop| stage.run(stop))?;
        let (sound_air, sound_desk, sound_settings) =
            (Arc::clone(&air), Arc::clone(&desk), Arc::clone(&settings));
        let sound = Sound { ear, air: sound_air, desk: sound_desk, clock, settings: sound_settings, speaker };
        let sound = Worker::spawn("sound", move |stop| sound.run(stop))?;
        let retired = Arc::new(Mutex::new(Vec::new()));
        let rack = Rack {
            shelf,
            desk: Arc::clone(&desk),
            clock,
            settings,
            voices: desktop,
            headphones,
            retired: Arc::clone(&retired),
            open: Mutex::default(),
        };
        let housekeeper = {
            let (desk, retired) = (Arc::clone(&desk), Arc::clone(&retired));
            Worker::spawn("housekeeper", move |stop| keep_house(&desk, &retired, stop))?
        };
        let reader =
            Reader::new(gauge, Arc::clone(&slot), Arc::clone(&air), Arc::clone(&desk), config.bitrate_kbps);
        let recorder = recording::Given {
            air: Arc::clone(&air),
            desk: Arc::clone(&desk),
            clock,
            ceiling_kbps: config.bitrate_kbps,
            settings: config.record.clone(),
            folder: config.recordings.clone(),
        };
        let recorder = Recorder::start(recorder, &runtime);
        let outputs = Arc::new(Outputs::new(Given {
            air,
            desk: Arc::clone(&desk),
            clock,
            runtime: runtime.clone(),
            ceiling_kbps: config.bitrate_kbps,
            fps: config.fps,
            layers: 1 + sensible(config.width, config.height, config.layers).0,
        }));
        let health = AbortOnDropHandle::new(runtime.spawn(read_health(reader, Arc::clone(&outputs))));
        let studio = Self {
            _health: health,
            recorder,
            outputs,
            camera: Mutex::default(),
            microphone: Mutex::default(),
            rack,
            _housekeeper: housekeeper,
            _stage: stage,
            painter,
            _sound: sound,
            retired,
            slot,
            voices,
            desk,
            clock,
            preview,
            program,
            config,
            runtime,
        };
        studio.open_camera(camera)?;
        studio.open_microphone(microphone)?;
        studio.rack.connect()?;
        Ok(studio)
    }

    /// Everything that the window shows, as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.desk.snapshot()
    }

    /// What changes from now on. A listener that lags takes a new [`Self::snapshot`].
    pub fn events(&self) -> broadcast::Receiver<StudioEvent> {
        self.desk.events()
    }

    /// What is worked on; but in studio mode that is what viewers get.
    pub fn preview(&self) -> Finder {
        self.preview.clone()
    }

    /// What viewers get.
    pub fn program(&self) -> Finder {
        self.program.clone()
    }

    /// Goes on air everywhere. Returns at once; how it goes is told by events.
    ///
    /// # Errors
    /// [`Code::WrongPhase`] if a broadcast runs, [`Code::BadSetting`] without a place to go to.
    pub fn go_live(&self, outlets: Vec<Outlet>) -> Result<(), Failure> {
        self.outputs.begin(outlets)
    }

    /// Changes where broadcasts go, also while live: what stays as it was is not touched.
    pub fn set_outlets(&self, outlets: Vec<Outlet>) {
        self.outputs.set(outlets);
    }

    /// Tries a place again now that waits for its next try.
    pub fn retry(&self, id: &DestinationId) {
        self.outputs.retry(id);
    }

    /// Ends the broadcast: outputs say goodbye, then the encoders stop. Without one it does nothing.
    pub async fn end(&self) {
        self.outputs.end().await;
    }

    /// Begins to record what viewers get, or would get, on air or not.
    ///
    /// # Errors
    /// [`Code::WrongPhase`] if it is recorded already. What the disk refuses is told by events.
    pub async fn start_recording(&self) -> Result<(), Failure> {
        self.recorder.begin().await
    }

    /// Ends the recording and waits until its file is complete. Without one it does nothing.
    pub async fn stop_recording(&self) {
        self.recorder.end().await;
    }

    /// Writes what the replay buffer holds into a file. How that went is told by events.
    ///
    /// # Errors
    /// [`Code::WrongPhase`] where it holds nothing, or is being written.
    pub async fn save_replay(&self) -> Result<(), Failure> {
        self.recorder.save().await
    }

    /// Changes how it is recorded, also while it is.
    pub async fn set_record_settings(&self, settings: record::Settings) {
        self.recorder.set(settings).await;
    }

    /// Changes the camera, also while live.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`]; the old camera stays.
    pub fn pick_camera(&self, id: CameraId) -> Result<(), Failure> {
        check_camera(&id).and_then(|()| self.open_camera(id)).map_err(|error| error.failure())
    }

    /// Changes the microphone, also while live.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`]; the old microphone stays.
    pub fn pick_microphone(&self, id: MicrophoneId) -> Result<(), Failure> {
        check_microphone(&id).and_then(|()| self.open_microphone(id)).map_err(|error| error.failure())
    }

    /// Changes the scenes, or which of them is shown; also while live. They are kept for the next time.
    ///
    /// # Errors
    /// [`Code::BadSetting`]; the old scenes stay.
    pub fn set_scenes(&self, scenes: Scenes) -> Result<(), Failure> {
        scenes.check().map_err(misfit)?;
        // In the order in which the window hears of them.
        self.desk.update(|_| {
            self.painter.show(scenes.clone());
            Some(StudioEvent::Scenes { scenes })
        });
        Ok(())
    }

    /// Keeps a picture for scenes to show, and gives its name. Blocks while it is read.
    ///
    /// # Errors
    /// [`Code::TooLong`], [`Code::UnsupportedMedia`] for what is no PNG, JPEG or WebP, [`Code::Internal`] where it
    /// cannot be kept.
    pub fn keep_picture(&self, bytes: &[u8]) -> Result<String, Failure> {
        self.painter.album().take(bytes)
    }

    /// How long encoding takes here, of what the preview shows and of the size that is set. Blocks for about as long as a
    /// second of video takes to encode.
    ///
    /// # Errors
    /// [`Code::WrongPhase`] while a broadcast runs, which is measured by itself, and [`Code::Internal`] where nothing can
    /// be encoded.
    pub fn measure_speed(&self) -> Result<Speed, Failure> {
        if self.snapshot().phase.on_air() {
            return Err(Failure::new(Code::WrongPhase, "A broadcast is running"));
        }
        let Config { width, height, .. } = self.config;
        let shown = self.preview.newest().map(|frame| frame.picture);
        let picture = shown.unwrap_or_else(|| Arc::new(Picture::black(width, height)));
        speed::measure(&video(&self.config), &picture).map_err(|error| error.failure())
    }

    /// Where somebody who is in the room says what overlays show of it.
    pub fn room(&self) -> RoomView {
        self.painter.room()
    }

    /// Changes the sound mixer, also while live. It is kept for the next time.
    ///
    /// # Errors
    /// [`Code::BadSetting`]; the old settings stay.
    pub fn set_mixer(&self, mixer: Mixer) -> Result<(), Failure> {
        self.rack.set(mixer)
    }

    /// The microphone's mute alone.
    pub fn set_muted(&self, muted: bool) {
        self.rack.set_muted(muted);
    }

    /// Whether the key is held that lets the microphone be heard, where the mixer asks for one.
    pub fn set_talking(&self, talking: bool) {
        self.rack.set_talking(talking);
    }

    /// Ends the broadcast and the recording, and joins every thread. One that hangs in its driver is named in the log and left behind.
    pub async fn shutdown(self) {
        self.end().await;
        self.stop_recording().await;
        let runtime = self.runtime.clone();
        if runtime.spawn_blocking(move || drop(self)).await.is_err() {
            tracing::error!("the studio did not shut down cleanly");
        }
    }

    fn open_camera(&self, id: CameraId) -> Result<(), Error> {
        let mut camera = lock(&self.camera);
        self.retire(camera.take());
        let feed = self.slot.feed(id.clone());
        *camera = source::open_camera(Camera::parse(&id), feed, self.clock, wanted(&self.config))?;
        Ok(())
    }

    fn open_microphone(&self, id: MicrophoneId) -> Result<(), Error> {
        let mut microphone = lock(&self.microphone);
        self.retire(microphone.take());
        let voice = self.voices.open(id.clone());
        *microphone = source::microphone::open(&id, voice, self.clock)?;
        Ok(())
    }

    /// Stops a source without waiting for it: the caller may be on the runtime.
    fn retire(&self, worker: Option<Worker>) {
        if let Some(worker) = worker {
            worker.ask_to_stop();
            lock(&self.retired).push(worker);
        }
    }
}

/// The encoder's part of the settings.
fn video(config: &Config) -> h264::Config {
    h264::Config {
        width: config.width,
        height: config.height,
        fps: config.fps,
        bitrate_kbps: config.bitrate_kbps,
        preset: config.preset,
        colours: Colours::BT709,
    }
}

/// What picture sources should deliver.
fn wanted(config: &Config) -> Wanted {
    Wanted { width: config.width, height: config.height, fps: config.fps }
}

fn misfit(misfit: Misfit) -> Failure {
    let message = match misfit {
        Misfit::Scenes => format!("There may be 1 to {MAX_SCENES} scenes, and one of them is shown"),
        Misfit::Layers => format!("A scene may have {MAX_LAYERS} layers at most"),
        Misfit::Long => "A name or a text is too long".to_owned(),
        Misfit::Overlay => "An overlay has too many lines, or is too small or too large".to_owned(),
        Misfit::Fade => format!("Going over to another scene may take {MAX_FADE_MS} ms at most"),
        Misfit::Effects => "A layer is cropped away, or its colours are set out of bounds".to_owned(),
        Misfit::Place => "A layer is too small, too large, or too far outside of the picture".to_owned(),
    };
    Failure::new(Code::BadSetting, message)
}

fn check_camera(id: &str) -> Result<(), Error> {
    match Camera::parse(id) {
        Camera::File(path) => source::file::check_pictures(&path),
        _ => Ok(()),
    }
}

fn check_microphone(id: &str) -> Result<(), Error> {
    match id.strip_prefix("file:") {
        Some(path) => source::file::check_sound(Path::new(path)),
        None => Ok(()),
    }
}

async fn read_health(mut reader: Reader, outputs: Arc<Outputs>) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        second.tick().await;
        reader.read();
        outputs.look();
    }
}

/// Joins sources that were replaced, and looks for devices that came or went.
fn keep_house(desk: &Desk, retired: &Mutex<Vec<Worker>>, stop: &Stop) {
    while !stop.wait(LOOK) {
        let old = std::mem::take(&mut *lock(retired));
        drop(old);
        let (cameras, microphones) = source::devices();
        desk.update(|known| {
            let news = known.cameras != cameras || known.microphones != microphones;
            news.then_some(StudioEvent::Devices { cameras, microphones })
        });
    }
}
