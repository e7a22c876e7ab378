//! The binary itself, with a database of its own: it serves, refuses a second one, and recovers from being killed.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use opencom_testkit::Database;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The running binary.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    log: Arc<Mutex<Vec<String>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        let _stopped = kill(self.pid(), Signal::SIGKILL);
        let _waited = self.child.wait();
    }
}

fn command(directory: &Path, address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opencom"));
    command
        .args(["--listen", address, "--data-dir"])
        .arg(directory)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts the binary with a database of its own.
    async fn start(directory: &Path, address: &str) -> Self {
        Self::spawn(&mut command(directory, address), address).await
    }

    /// Starts the binary on a database that is there already.
    pub(crate) async fn start_on(database: &Database, directory: &Path, address: &str) -> Self {
        Self::spawn(command(directory, address).env("DATABASE_URL", database.url()), address).await
    }

    /// The same with further flags. `told` is the address that it says it listens on first.
    pub(crate) async fn start_with(database: &Database, directory: &Path, flags: &[&str], told: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opencom"));
        command.args(flags).arg("--data-dir").arg(directory);
        command
            .env("DATABASE_URL", database.url())
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        Self::spawn(&mut command, told).await
    }

    /// The same, logging whatever its own crates have to say.
    pub(crate) async fn start_talking(database: &Database, directory: &Path, address: &str) -> Self {
        const ALL: &str = "info,opencom=trace,opencom_admin=trace,opencom_core=trace,opencom_gateway=trace,\
                           opencom_inbox=trace,opencom_live=trace,opencom_providers=trace,opencom_runtime=trace";
        let mut command = command(directory, address);
        command.env("DATABASE_URL", database.url()).env("RUST_LOG", ALL);
        Self::spawn(&mut command, address).await
    }

    /// Starts a command and waits until it says that it listens.
    async fn spawn(command: &mut Command, address: &str) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (listening, heard) = tokio::sync::oneshot::channel();
        let log = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&log);
        // Goes on reading, so that the server never waits for a reader of its log.
        std::thread::spawn(move || {
            let mut listening = Some(listening);
            for line in lines.map_while(Result::ok) {
                let is_up = line.contains("listening on");
                said.lock().unwrap().push(line);
                if is_up {
                    listening.take().map(|listening| listening.send(Ok(())));
                }
            }
            listening.map(|listening| listening.send(Err(said.lock().unwrap().clone())));
        });
        heard.await.unwrap().unwrap();
        let client = crate::wire::client();
        Self {
            child,
            url: format!("http://{address}"),
            client,
            log,
        }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Asks it to stop, as service managers do.
    pub(crate) fn terminate(&self) {
        kill(self.pid(), Signal::SIGTERM).unwrap();
    }

    /// Waits until it has ended, and says whether it ended well.
    pub(crate) fn ends_well(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    pub(crate) async fn try_call(&self, route: &str, path: &str, args: Value, token: Option<&str>) -> Option<Value> {
        let body = json!({ "path": path, "args": args }).to_string();
        let mut request = self.client.post(format!("{}/api/{route}", self.url)).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let text = request.send().await.ok()?.text().await.ok()?;
        let mut envelope: Value = serde_json::from_str(&text).ok()?;
        (envelope["status"] == "success").then(|| envelope["value"].take())
    }

    pub(crate) async fn call(&self, route: &str, path: &str, args: Value, token: Option<&str>) -> Value {
        self.try_call(route, path, args.clone(), token)
            .await
            .unwrap_or_else(|| panic!("{path} {args} failed"))
    }
}

/// An address that nothing listens on.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

/// Signs an agent up, opens a conversation as a visitor, and says something on both sides.
pub(crate) async fn chat(server: &Server) -> (Value, Value) {
    let sign_up = json!({ "provider": "password", "params": {
        "flow": "signUp", "email": "ada@example.com", "password": "correct horse", "name": "Ada",
    }});
    let tokens = server.call("action", "auth:signIn", sign_up, None).await;
    let token = tokens["tokens"]["token"].as_str();
    let me = server.call("query", "auth:currentUser", json!({}), token).await;
    let workspace = &me["user"]["workspaceId"];
    let boot = json!({ "workspaceId": workspace, "sessionId": "s" });
    let booted = server.call("mutation", "widgetSessions:boot", boot, None).await;
    let session = &booted["sessionToken"];
    let open = json!({ "workspaceId": workspace, "sessionToken": session });
    let conversation = server
        .call("mutation", "conversations:createForVisitor", open, None)
        .await["_id"]
        .take();
    let send = json!({ "conversationId": conversation, "senderId": "v", "senderType": "visitor", "content": "Hello?",
                       "sessionToken": session });
    server.call("mutation", "messages:send", send, None).await;
    let inbox = server
        .call(
            "query",
            "conversations:listForInbox",
            json!({ "workspaceId": workspace }),
            token,
        )
        .await;
    assert_eq!(inbox["conversations"][0]["lastMessage"]["content"], "Hello?");
    let answer = json!({ "conversationId": conversation, "senderId": "a", "senderType": "agent", "content": "Hi!" });
    server.call("mutation", "messages:send", answer, token).await;
    (conversation, session.clone())
}

/// The process of the embedded PostgreSQL, as its own note says.
fn postgres_pid(directory: &Path) -> Option<i32> {
    let note = std::fs::read_to_string(directory.join("postgres/postmaster.pid")).ok()?;
    note.lines().next()?.trim().parse().ok()
}

/// The texts of a conversation.
pub(crate) async fn thread(server: &Server, conversation: &Value, session: &Value) -> Vec<String> {
    let args = json!({ "conversationId": conversation, "sessionToken": session });
    let messages = server.call("query", "messages:list", args, None).await;
    messages
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap().to_owned())
        .collect()
}

/// What [`chat`] leaves.
pub(crate) const THREAD: [&str; 3] = ["Hi! How can we help you today?", "Hello?", "Hi!"];

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_a_chat_refuses_a_second_one_and_survives_kills() {
    let directory = TempDir::new().unwrap();
    let address = free_address();
    let server = Server::start(directory.path(), &address).await;
    let (conversation, session) = chat(&server).await;
    assert_eq!(thread(&server, &conversation, &session).await, THREAD);

    let second = command(directory.path(), &free_address()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success());
    assert!(
        said.contains("another opencom") && said.contains("OPENCOM_DATA_DIR"),
        "{said}"
    );

    let taken = command(TempDir::new().unwrap().path(), &address).output().unwrap();
    let said = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert!(!taken.status.success() && said.contains("cannot listen on"), "{said}");

    // kill -9 leaves its PostgreSQL behind; the next start takes over.
    drop(server);
    let server = Server::start(directory.path(), &address).await;
    assert_eq!(thread(&server, &conversation, &session).await, THREAD);

    // kill -9 of PostgreSQL: the server brings it back. Sessions of the killed one may still answer for a moment.
    let killed = postgres_pid(directory.path()).unwrap();
    kill(Pid::from_raw(killed), Signal::SIGKILL).unwrap();
    let started = Instant::now();
    let args = json!({ "sessionId": "s" });
    while postgres_pid(directory.path()).is_none_or(|pid| pid == killed)
        || server
            .try_call("query", "visitors:getBySession", args.clone(), None)
            .await
            .is_none()
    {
        assert!(started.elapsed() < Duration::from_secs(60), "it did not recover");
    }
    assert_eq!(thread(&server, &conversation, &session).await, THREAD);

    // Asked to stop, it stops, and its PostgreSQL with it.
    server.terminate();
    let mut server = server;
    assert!(server.ends_well());
    assert_eq!(postgres_pid(directory.path()), None);
}

#[test]
fn wrong_settings_are_named() {
    for (flag, value, named) in [
        ("--public-url", "ftp://x", "OPENCOM_PUBLIC_URL"),
        ("--master-key", "abc", "OPENCOM_MASTER_KEY"),
        ("--listen", "nowhere", "--listen"),
        ("--email-from", "nobody", "EMAIL_FROM"),
        ("--smtp-url", "http://x", "OPENCOM_SMTP_URL"),
        ("--database-url", "postgres://127.0.0.1:1/x", "DATABASE_URL"),
        ("--s3-bucket", "files", "--s3-access-key-id"),
    ] {
        let directory = TempDir::new().unwrap();
        let output = command(directory.path(), &free_address())
            .args([flag, value])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(named), "{flag}: {said}");
    }
}

#[test]
fn a_demo_that_others_could_open_is_refused() {
    let local = free_address();
    for (address, public_url) in [
        ("0.0.0.0:0", "http://127.0.0.1:3210"),
        (&local, "https://chat.example.com"),
    ] {
        let output = command(TempDir::new().unwrap().path(), address)
            .args(["--demo", "--public-url", public_url])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("OPENCOM_DEMO"), "{said}");
    }
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let output = command(&file.join("data"), &free_address()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("set OPENCOM_DATA_DIR"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_cannot_be_reached_is_named() {
    let database = Database::create().await;
    let directory = TempDir::new().unwrap();
    let output = command(directory.path(), &free_address())
        .env("DATABASE_URL", database.url())
        .args(["--s3-bucket", "our-files", "--s3-endpoint", "http://127.0.0.1:1"])
        .args(["--s3-access-key-id", "id", "--s3-secret-access-key", "do-not-show"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("the bucket \"our-files\" cannot be used"),
        "{said}"
    );
    assert!(
        said.contains("OPENCOM_S3_BUCKET") && !said.contains("do-not-show"),
        "{said}"
    );
}

#[test]
fn help_names_every_variable_and_default() {
    let output = Command::new(env!("CARGO_BIN_EXE_opencom"))
        .arg("--help")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for named in [
        "OPENCOM_LISTEN",
        "127.0.0.1:3210",
        "OPENCOM_DATA_DIR",
        "./data",
        "DATABASE_URL",
        "OPENCOM_MASTER_KEY",
        "OPENCOM_DEMO",
        "OPENCOM_MAX_SOCKETS",
    ] {
        assert!(text.contains(named), "{named}");
    }
}
