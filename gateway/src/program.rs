//! The program: which command runs, and how it ends.

use std::io::Write as _;
use std::process::ExitCode;

use opencom_runtime::database;

use crate::config::{Cli, Command, Config, LogFormat, Rotate};
use crate::setup::{Database, Fault, check, compose, with_causes};
use crate::{doctor, logging, rotate, seed, serve};

/// Runs the program, and says on standard error why it ended when it did not end well.
pub fn main(cli: Cli) -> ExitCode {
    match cli.command.unwrap_or_else(|| Command::Serve(Box::new(cli.config))) {
        Command::Openapi => printed(opencom_openapi::text()),
        Command::Serve(config) => run(config.log_format, serve::serve(*config)),
        Command::Migrate(config) => run(config.log_format, migrate(*config)),
        Command::SeedDemo(command) => run(command.config.log_format, seed::run(*command)),
        Command::Doctor(command) => run(command.config.log_format, doctor::run(*command)),
        Command::Rotate(Rotate::MasterKey(command)) => run(command.config.log_format, rotate::master_key(*command)),
        Command::Rotate(Rotate::SigningKey(command)) => run(command.config.log_format, rotate::signing_key(*command)),
        Command::Rotate(Rotate::Sessions(command)) => run(command.config.log_format, rotate::sessions(*command)),
    }
}

/// Runs a command to its end.
fn run(log_format: LogFormat, command: impl Future<Output = Result<(), Fault>>) -> ExitCode {
    logging::start(log_format);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Fault::from)
        .and_then(|runtime| runtime.block_on(command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output. A reader that has seen enough is no failure.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn printed(text: &str) -> ExitCode {
    print(text).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

async fn migrate(config: Config) -> Result<(), Fault> {
    let database = Database::own(&config).await?;
    let applied = database::migrate(&database.url).await?;
    tracing::info!("{applied} migrations applied; the database is up to date");
    let app = compose(&config, check(&config)?, &database.url).await?;
    let process = app.process(&database.url);
    for context in app.contexts.iter() {
        context.build_indexes(&process).await;
    }
    database.close().await
}
