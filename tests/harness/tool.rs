//! Programs that the tests need from the system.

use std::path::PathBuf;

use crate::bins;

/// The program's path. Panics with the Debian package's name where it is missing.
pub fn find(program: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!(
                "{program} is missing: `apt-get install {package}`, or run `cargo xtask test`, which does it"
            )
        })
}

/// A program that the set-up builds with cargo, unless the PATH has it.
pub fn built(program: &str) -> PathBuf {
    let ours = bins::target_dir().join("tools/bin").join(program);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .chain([ours])
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("{program} is missing: run `cargo xtask test`, which builds it with cargo"))
}
