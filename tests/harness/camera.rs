//! A camera that can be pulled out: `fixtures/fakecam.c`, loaded into the program under test.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::output::Output;
use crate::process::Process;
use crate::scratch::Scratch;
use crate::{bins, tool, wait};

/// What the programs see as the camera's name.
pub const NAME: &str = "Footlight Test Camera";

#[derive(Debug)]
pub struct Camera {
    library: PathBuf,
    folder: Scratch,
    formats: &'static str,
}

impl Camera {
    /// Builds the library with the system's compiler, once a run.
    pub async fn new(output: &Output) -> Self {
        static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
        if LIBRARY.get().is_none() {
            // Built aside and moved, so that another test program never loads half a file.
            let library = bins::target_dir().join("tmp").join("fakecam.so");
            let partial = library.with_extension(format!("{}.so", std::process::id()));
            std::fs::create_dir_all(library.parent().expect("it lies in tmp"))
                .expect("the target folder is ours");
            let mut compiler = Command::new(tool::find("gcc", "gcc"));
            compiler
                .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"])
                .arg(bins::workspace().join("tests/fixtures/fakecam.c"))
                .arg("-o")
                .arg(&partial)
                .args(["-ldl", "-lpthread"]);
            let mut compiler = Process::start("fakecam-gcc", &mut compiler, output);
            assert_eq!(compiler.exit_code(wait::seconds(60)).await, 0, "{}", compiler.stderr());
            std::fs::rename(&partial, &library).expect("both lie in one folder");
            // Another story may have been as quick; both built the same.
            let _ = LIBRARY.set(library);
        }
        let library = LIBRARY.get().expect("set above").clone();
        Self { library, folder: Scratch::new("camera"), formats: "YUYV,MJPG,NV12" }
    }

    /// Offers only these formats: four-letter codes with commas.
    pub fn formats(mut self, formats: &'static str) -> Self {
        self.formats = formats;
        self
    }

    /// For the environment of the program that is to see the camera.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKECAM_NAME", NAME.into()),
            ("FAKECAM_FORMATS", self.formats.into()),
            ("FAKECAM_CONTROL", self.control().display().to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Pulls it out: open handles fail and it is not listed.
    pub fn unplug(&self) {
        self.tell("unplug");
    }

    /// Another program has it.
    pub fn busy(&self) {
        self.tell("busy");
    }

    /// Open, but without frames and without an error, until it is opened again.
    pub fn stall(&self) {
        self.tell("stall");
    }

    /// The same picture again and again.
    pub fn freeze(&self) {
        self.tell("freeze");
    }

    /// Random bytes of any length, in place of pictures.
    pub fn garbage(&self) {
        self.tell("garbage");
    }

    /// For whoever opens it from now on there is this format alone, and the last of its sizes alone where that is said.
    pub fn offer(&self, format: &str, small: bool) {
        self.tell(&format!("{format}{}", if small { " small" } else { "" }));
    }

    /// All is well, for whoever opens it from now on.
    pub fn plug(&self) {
        self.tell("");
    }

    fn control(&self) -> PathBuf {
        self.folder.path().join("control")
    }

    fn tell(&self, word: &str) {
        std::fs::write(self.control(), word).expect("the folder is ours");
    }
}
