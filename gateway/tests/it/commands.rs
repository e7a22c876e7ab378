//! The commands beside `serve`, run as operators run them; what they did is seen through the client crate.

mod doctor;
mod rotate;
mod seed;

use std::process::{Command, Output, Stdio};

use opencom_client::Client;
use opencom_testkit::Database;
use tempfile::TempDir;

use crate::binary::{Server, free_address};

/// A server on a database of its own, and the commands beside it.
struct Place {
    database: Database,
    directory: TempDir,
    address: String,
}

impl Place {
    async fn new() -> Self {
        Self {
            database: Database::create().await,
            directory: TempDir::new().unwrap(),
            address: free_address(),
        }
    }

    async fn serve(&self) -> Server {
        Server::start_on(&self.database, self.directory.path(), &self.address).await
    }

    /// Runs the program with this command, on the same database and directory.
    fn run(&self, command: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_opencom"))
            .args(command)
            .args(["--listen", &self.address, "--data-dir"])
            .arg(self.directory.path())
            .env("DATABASE_URL", self.database.url())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What a command printed that ended well.
    fn told(&self, command: &[&str]) -> String {
        let output = self.run(command, &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    fn client(&self) -> Client {
        let _already = rustls::crypto::ring::default_provider().install_default();
        Client::new(&format!("http://{}", self.address)).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
