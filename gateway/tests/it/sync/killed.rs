//! How a server ends: killed after a mutation has committed and before it was answered, or asked to stop.

use opencom_core::auth::token::base64_u64;
use opencom_testkit::Database;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::held::Held;
use super::socket::{End, NPM, Socket, add, mutation};
use crate::binary::{Server, THREAD, chat, free_address, thread};

/// What outlives the server: its database, in which messages wait at their commit, and a visitor's conversation.
struct Ground {
    database: Database,
    directory: TempDir,
    address: String,
    held: Held,
    conversation: Value,
    token: Value,
}

impl Ground {
    async fn prepare() -> (Self, Server) {
        let (database, directory, address) = (Database::create().await, TempDir::new().unwrap(), free_address());
        let server = Server::start_on(&database, directory.path(), &address).await;
        let (conversation, token) = chat(&server).await;
        let held = Held::commits_of(&database, "messages").await;
        let ground = Self {
            database,
            directory,
            address,
            held,
            conversation,
            token,
        };
        (ground, server)
    }

    async fn restart(&self) -> Server {
        Server::start_on(&self.database, self.directory.path(), &self.address).await
    }

    fn list(&self) -> Value {
        let args = json!({ "conversationId": self.conversation, "sessionToken": self.token });
        add(0, "messages:list", args)
    }

    fn send(&self) -> Value {
        let args = json!({ "conversationId": self.conversation, "senderId": "v", "senderType": "visitor",
                           "content": "once", "sessionToken": self.token });
        mutation(0, "messages:send", args)
    }

    /// A client sends a message, and the server is killed while that commits.
    async fn kill_in_commit(&self, server: Server) -> Socket {
        let mut socket = Socket::npm(&server.url).await;
        let frame = socket.modify(json!([self.list()]));
        socket.send(frame).await;
        socket.caught_up().await;
        socket.send(self.send()).await;
        self.held.reached_by(1).await;
        drop(server);
        socket
    }

    /// The client comes back and sends all of it again.
    async fn come_back(&self, lost: &Socket, server: &Server) -> Socket {
        let mut socket = Socket::open(&server.url, NPM, &[]).await;
        let hello = json!({ "type": "Connect", "sessionId": lost.session, "connectionCount": 1,
                            "lastCloseReason": "closed with code 1006",
                            "maxObservedTimestamp": base64_u64(lost.seen.ts) });
        let burst = [hello, socket.modify(json!([self.list()])), self.send()];
        socket.send_together(burst).await;
        socket
    }

    /// The client gets an answer, and the message is there once.
    async fn happened_once(&self, lost: &Socket, server: &Server, socket: &mut Socket) {
        let answer = socket.settled(0).await;
        assert_eq!(answer["success"], true, "{answer}");
        let list = socket.results[&0]["value"].as_array().unwrap();
        let sent: Vec<_> = list.iter().filter(|message| message["content"] == "once").collect();
        assert_eq!(sent.len(), 1, "{list:?}");
        assert_eq!(sent[0]["_id"], answer["result"]);
        assert!(socket.seen.ts >= lost.seen.ts);
        let expected = [THREAD.as_slice(), &["once"]].concat();
        assert_eq!(thread(server, &self.conversation, &self.token).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_whose_answer_died_with_the_server_has_happened_once() {
    let (mut ground, server) = Ground::prepare().await;
    let mut lost = ground.kill_in_commit(server).await;
    assert_eq!(lost.end().await, End::Cut);
    assert!(!lost.has_answered(0));
    ground.held.let_go().await;
    let server = ground.restart().await;
    let mut socket = ground.come_back(&lost, &server).await;
    ground.happened_once(&lost, &server, &mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_that_the_dead_server_is_still_committing_happens_once() {
    let (mut ground, server) = Ground::prepare().await;
    let lost = ground.kill_in_commit(server).await;
    let server = ground.restart().await;
    let mut socket = ground.come_back(&lost, &server).await;
    ground.held.reached_by(2).await;
    ground.held.let_go().await;
    ground.happened_once(&lost, &server, &mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_finishes_what_it_runs_and_sends_its_clients_elsewhere() {
    let (mut ground, mut server) = Ground::prepare().await;
    let mut idle = Socket::npm(&server.url).await;
    idle.add(0, "auth:isAuthenticated", json!({})).await;
    idle.caught_up().await;
    let mut busy = Socket::npm(&server.url).await;
    busy.send(ground.send()).await;
    ground.held.reached_by(1).await;
    server.terminate();
    let elsewhere = End::Closed(1012, "InternalServerError".to_owned());
    assert_eq!(idle.end().await, elsewhere);
    ground.held.let_go().await;
    assert_eq!(busy.answered(0).await["success"], true);
    assert_eq!(busy.end().await, elsewhere);
    assert!(server.ends_well());
}
