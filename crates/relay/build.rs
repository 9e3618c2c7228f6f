//! Says where the viewer face lies: where the faces have been built, there; else a page that says how to.

use std::path::Path;
use std::{env, fs};

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let built = Path::new(&manifest).join("../../ui/dist/watch");
    println!("cargo::rerun-if-changed=build.rs");
    let is_built = PAGES.iter().all(|page| built.join(page).is_file());
    // Only a release has the pages inside; the others read them when they are asked for. Watched also while missing, so
    // that building the faces later is noticed.
    if !is_built || env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed={}", built.display());
    }
    let folder = if is_built {
        built
    } else {
        let folder = Path::new(&out).join("watch");
        fs::create_dir_all(&folder).expect("OUT_DIR can be written");
        for page in PAGES {
            fs::write(folder.join(page), PLACEHOLDER).expect("OUT_DIR can be written");
        }
        println!("cargo::warning=the viewer page is not built; run `cargo xtask ui`");
        folder
    };
    println!("cargo::rustc-env=FOOTLIGHT_WATCH={}", folder.display());
}

/// The room's page, and that of a replay.
const PAGES: [&str; 2] = ["index.html", "replay.html"];

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Footlight</title>\
<h1>The viewer page is not built</h1><p>Run <code>cargo xtask ui</code> and build the relay again.</p></html>\n";
