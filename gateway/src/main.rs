//! The `opencom` binary.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use opencom_gateway::config::Cli;

/// Answers are built and freed on many threads; this allocator does that faster than the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    opencom_gateway::program::main(Cli::parse())
}
