//! `footlight-renditions`: makes lower layers for a `footlight-relay` that lies beside it, which starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    footlight_renditions::main()
}
