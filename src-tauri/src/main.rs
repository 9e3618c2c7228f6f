//! `footlight`: the studio, in a window or without one.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    footlight::main()
}
