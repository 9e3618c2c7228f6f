//! Lets Tauri embed the studio window. The faces are built by `cargo xtask`; without them a page that says so
//! stands in, so that plain `cargo build` and editors work on a fresh clone.

use std::fs;
use std::path::Path;

const PLACEHOLDER: &str = "<!doctype html><meta charset=utf-8><title>Footlight</title><p>The window is not built: run <code>cargo xtask run</code>.";

fn main() {
    let page = Path::new("ui/dist/studio/index.html");
    if !page.exists() {
        fs::create_dir_all("ui/dist/studio").expect("make ui/dist/studio");
        fs::write(page, PLACEHOLDER).expect("write the placeholder page");
        println!("cargo:warning=the studio window is not built; run cargo xtask run");
    }
    println!("cargo:rerun-if-changed=ui/dist/studio");
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    let attributes =
        tauri_build::Attributes::new().capabilities_path_pattern("./src-tauri/capabilities/**/*.json");
    if let Err(error) = tauri_build::try_build(attributes) {
        panic!("{error:#}");
    }
}
