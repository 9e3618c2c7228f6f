//! `footlight-relay`: the relay alone, for a server.

use std::process::ExitCode;

fn main() -> ExitCode {
    footlight_relay::cli::main()
}
