//! Where the built programs are: beside the test executable, in the profile it was built with.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The desktop program.
pub fn footlight() -> PathBuf {
    built("footlight")
}

/// The relay alone.
pub fn footlight_relay() -> PathBuf {
    built("footlight-relay")
}

/// A command without the settings that the person who runs the tests may have in the environment.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    let ours = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("FOOTLIGHT_"));
    for name in ours {
        command.env_remove(name);
    }
    command
}

/// The folder cargo builds into, such as `target`.
pub fn target_dir() -> PathBuf {
    profile_dir().parent().expect("a profile's folder lies in the target folder").to_owned()
}

/// The workspace's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the member lies in the workspace")
}

fn built(name: &str) -> PathBuf {
    let path = profile_dir().join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not built: run `cargo xtask test`, which builds it first", path.display());
    path
}

/// `target/debug` or its like: test executables lie in its `deps`, the bench program in itself.
fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("the system knows this executable's path");
    let folder = exe.parent().expect("an executable lies in a folder");
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    profile.expect("deps lies in a profile's folder").to_owned()
}
