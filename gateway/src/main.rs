//! The `opencom` binary.

use std::process::ExitCode;

use clap::Parser;
use opencom_gateway::config::Cli;

fn main() -> ExitCode {
    opencom_gateway::serve::main(Cli::parse())
}
