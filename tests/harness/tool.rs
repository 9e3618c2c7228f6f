//! Programs that the tests need from the system.

use std::path::PathBuf;

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
