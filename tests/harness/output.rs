//! What a run leaves to be looked at: screenshots, logs and figures, one folder a story, below
//! `$FOOTLIGHT_TEST_OUTPUT` or `target/test-output`.

use std::path::{Path, PathBuf};

use crate::bins;

/// One story's folder. Emptied at the start, named on stderr at the end.
#[derive(Debug)]
pub struct Output(PathBuf);

impl Output {
    pub fn new(story: &str) -> Self {
        let path = root().join(story);
        if path.exists() {
            std::fs::remove_dir_all(&path).unwrap_or_else(|e| panic!("empty {}: {e}", path.display()));
        }
        std::fs::create_dir_all(&path).unwrap_or_else(|e| panic!("create {}: {e}", path.display()));
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.file(name);
        std::fs::write(&path, bytes).unwrap_or_else(|e| panic!("write {}: {e}", path.display()));
    }

    /// Every file's name and text, for looking for what must not be in a log.
    pub fn logs(&self) -> Vec<(String, String)> {
        let folder = std::fs::read_dir(&self.0).expect("the folder was made by new()");
        folder
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_string_lossy().into_owned();
                let text = String::from_utf8_lossy(&std::fs::read(&path).ok()?).into_owned();
                name.ends_with(".log").then_some((name, text))
            })
            .collect()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        eprintln!("kept in {}", self.0.display());
    }
}

fn root() -> PathBuf {
    std::env::var_os("FOOTLIGHT_TEST_OUTPUT")
        .map_or_else(|| bins::target_dir().join("test-output"), PathBuf::from)
}
