//! The program of every fuzz target: finds its function by its own name.
#![no_main]

#[path = "targets/media.rs"]
mod media;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = env!("CARGO_BIN_NAME");
    let media = media::TARGETS.iter();
    #[cfg(feature = "relay")]
    let all = media.chain(footlight_relay::fuzz::TARGETS);
    #[cfg(not(feature = "relay"))]
    let all = media;
    let found = all.copied().find(|(target, _)| *target == name);
    found.expect("a target of this name in targets/media.rs or, with `--features relay`, in the relay").1
});

fuzz_target!(|data: &[u8]| TARGET(data));
