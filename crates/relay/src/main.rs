//! `footlight-relay`: the relay alone, for a server.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A message is taken in by one thread and let go of by another, tens of thousands of times a second: glibc's allocator
/// spent an eighth of the machine on that in `bench gifts`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    footlight_relay::cli::main()
}
