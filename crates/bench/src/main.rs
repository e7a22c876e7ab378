//! Load against the limit: each row is a function under load through HTTP and, in the same run on the same database,
//! pgbench running the same statements. The ratio is what counts; the figures themselves depend on the machine.

mod client;
mod crash;
mod data;
mod live;
mod load;
mod near;
mod people;
mod pgbench;
mod report;
mod rows;
mod search;
mod server;
mod soak;
mod socket;
mod swarm;
mod wire;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

type Fault = Box<dyn Error + Send + Sync>;

/// Measures the server against PostgreSQL itself.
#[derive(Parser, Clone)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand, Clone)]
enum Command {
    /// Everything (the default).
    All(Settings),
    /// The table: functions beside pgbench.
    Rows(Settings),
    /// The live table: fan-out, updates under load, memory of sockets, writes over them.
    Live(Settings),
    /// Search in the help center, by what is looked for, nearest neighbours, and how good both are. Not among everything.
    Search(Settings),
    /// A thousand visitors at once boot, open a conversation and send; nothing may be lost, doubled or refused.
    Swarm(Settings),
    /// Clients come and go for minutes; at the end every view is right, nothing is lost or doubled, and the server has
    /// not grown. Not among everything.
    Soak(soak::Soak),
    /// Kills the gateway and PostgreSQL under load; every acknowledged message must be there afterwards.
    Crash(Settings),
}

#[derive(clap::Args, Clone)]
struct Settings {
    /// Seconds of load for each measurement.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Connections that call at once.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Conversations to generate; each has five messages.
    #[arg(long, default_value_t = 1_000_000)]
    conversations: u64,
    /// Articles to search in.
    #[arg(long, default_value_t = 100_000)]
    articles: u64,
    /// Chunks to find nearest neighbours among.
    #[arg(long, default_value_t = 100_000)]
    chunks: u64,
    /// Visitors of the swarm.
    #[arg(long, default_value_t = 1000)]
    visitors: usize,
    /// Sockets. Default: 5000.
    #[arg(long)]
    sockets: Option<usize>,
    /// Messages sent for each row of the fan-out.
    #[arg(long, default_value_t = 30)]
    sends: usize,
    /// Run only rows whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// The server's binary.
    #[arg(long, default_value = "target/release/opencom")]
    server: PathBuf,
    /// Where the benchmark's database and files go; removed afterwards unless it was there before.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

impl Settings {
    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn wants(&self, row: &str) -> bool {
        self.only.as_ref().is_none_or(|only| row.contains(only.as_str()))
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Fault::from)
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut cause = error.source();
            eprintln!("the benchmark failed: {error}");
            while let Some(error) = cause {
                eprintln!("  because: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Fault> {
    match cli.command.unwrap_or(Command::All(cli.settings)) {
        Command::All(settings) => {
            rows::run(&settings).await?;
            live::run(&settings).await?;
            swarm::run(&settings).await?;
            crash::run(&settings).await
        }
        Command::Rows(settings) => rows::run(&settings).await,
        Command::Live(settings) => live::run(&settings).await,
        Command::Search(settings) => search::run(&settings).await,
        Command::Swarm(settings) => swarm::run(&settings).await,
        Command::Soak(soak) => soak::run(&soak).await,
        Command::Crash(settings) => crash::run(&settings).await,
    }
}
