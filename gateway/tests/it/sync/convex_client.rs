//! The official Rust client, unmodified.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use convex::{
    ConvexClient, ConvexClientBuilder, FunctionResult, QuerySubscription, Value as ConvexValue, WebSocketState,
};
use futures_util::StreamExt;
use opencom_testkit::Nobody;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::chat::{Chat, GREETING, contents};
use super::notes;
use super::proxy::Proxy;
use super::socket::PATIENCE;
use crate::wire::Wire;

/// The official client. Dropped, it waits until the task that keeps the connection is gone: that task turns in circles
/// forever when its connection breaks in the moment in which it is cancelled, and the runtime of the test waits for it.
struct Official {
    client: Option<ConvexClient>,
    states: mpsc::Receiver<WebSocketState>,
}

impl Official {
    async fn at(url: &str) -> Self {
        let (said, states) = mpsc::channel(64);
        let builder = ConvexClientBuilder::new(url).with_on_state_change(said);
        Self {
            client: Some(builder.build().await.unwrap()),
            states,
        }
    }

    /// How often it was connected since this was last asked.
    fn connected(&mut self) -> usize {
        let said = std::iter::from_fn(|| self.states.try_recv().ok());
        said.filter(|state| matches!(state, WebSocketState::Connected)).count()
    }
}

impl Deref for Official {
    type Target = ConvexClient;

    fn deref(&self) -> &ConvexClient {
        self.client.as_ref().unwrap()
    }
}

impl DerefMut for Official {
    fn deref_mut(&mut self) -> &mut ConvexClient {
        self.client.as_mut().unwrap()
    }
}

impl Drop for Official {
    fn drop(&mut self) {
        self.client = None;
        let gone = async { while self.states.recv().await.is_some() {} };
        // A test that failed may have left a clone of it somewhere.
        let soon = async { tokio::time::timeout(PATIENCE, gone).await.is_ok() };
        tokio::task::block_in_place(|| Handle::current().block_on(soon));
    }
}

fn args(json: Value) -> BTreeMap<String, ConvexValue> {
    match ConvexValue::try_from(json).unwrap() {
        ConvexValue::Object(fields) => fields,
        other => panic!("arguments are an object: {other:?}"),
    }
}

fn value(result: FunctionResult) -> Value {
    match result {
        FunctionResult::Value(value) => value.into(),
        failure => panic!("{failure:?}"),
    }
}

/// The message and data of a refusal.
fn refusal(result: FunctionResult) -> (String, Value) {
    match result {
        FunctionResult::ConvexError(error) => (error.message, error.data.into()),
        other => panic!("no refusal with data: {other:?}"),
    }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it did not happen")
}

/// Reads results until one is what is waited for.
async fn until(subscription: &mut QuerySubscription, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let value = value(soon(subscription.next()).await.unwrap());
        if wanted(&value) {
            return value;
        }
    }
}

fn thread(list: &Value) -> Vec<String> {
    contents(&json!({ "value": list }))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_subscribes_and_hears_of_changes() {
    let chat = Chat::start().await;
    let mut client = Official::at(&chat.wire.url).await;
    let mut subscription = soon(client.subscribe("messages:list", args(chat.list())))
        .await
        .unwrap();
    until(&mut subscription, |list| thread(list) == [GREETING]).await;
    chat.answer("Hello!").await;
    until(&mut subscription, |list| thread(list) == [GREETING, "Hello!"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_its_own_writes() {
    let chat = Chat::start().await;
    let mut client = Official::at(&chat.wire.url).await;
    let mut subscription = soon(client.subscribe("messages:list", args(chat.list())))
        .await
        .unwrap();
    until(&mut subscription, |list| thread(list) == [GREETING]).await;
    let mut expected = vec![GREETING.to_owned()];
    for number in 0..10 {
        let text = format!("message {number}");
        value(
            soon(client.mutation("messages:send", args(chat.send(&text))))
                .await
                .unwrap(),
        );
        expected.push(text);
        // Answered from what the client holds already, without asking the server.
        let held = value(soon(client.query("messages:list", args(chat.list()))).await.unwrap());
        assert_eq!(thread(&held), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_calls_functions_of_every_kind() {
    let (wire, notes) = notes::serve().await;
    let mut client = Official::at(&wire.url).await;
    let odd = json!({ "n": { "$integer": "KgAAAAAAAAA=" }, "x": [1.0, null, { "$bytes": "AQID" }, "é"] });
    let echoed = soon(client.query("notes:echo", args(json!({ "value": odd }))))
        .await
        .unwrap();
    assert_eq!(value(echoed), odd);
    let added = soon(client.mutation("notes:add", args(json!({ "book": "b", "text": "a" }))))
        .await
        .unwrap();
    assert_eq!(value(added), json!(1.0));
    notes.gate.open(1);
    assert_eq!(
        value(soon(client.action("notes:wait", args(json!({})))).await.unwrap()),
        "through"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gets_the_data_of_every_refusal() {
    let (wire, _) = notes::serve().await;
    let mut client = Official::at(&wire.url).await;
    let query = soon(client.query("notes:missing", args(json!({ "value": null }))))
        .await
        .unwrap();
    assert_eq!(
        refusal(query),
        (
            "Note not found".to_owned(),
            json!({ "code": "NOT_FOUND", "message": "Note not found" })
        )
    );
    // Settles by the Transition behind it only.
    let mutation = soon(client.mutation("notes:addInVain", args(json!({ "book": "b" }))))
        .await
        .unwrap();
    let (message, data) = refusal(mutation);
    assert_eq!((message.as_str(), &data["code"]), ("slow down", &json!("RATE_LIMITED")));
    let action = soon(client.action("notes:fail", args(json!({})))).await.unwrap();
    assert_eq!(refusal(action).1["code"], "NOT_AUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_signs_in_and_out() {
    let wire = Wire::start().await;
    let owner = wire.kit.workspace().await.owner;
    let mut client = Official::at(&wire.url).await;
    let mut me = soon(client.subscribe("auth:currentUser", args(json!({}))))
        .await
        .unwrap();
    until(&mut me, Value::is_null).await;
    client.set_auth(Some(wire.token(&owner))).await;
    until(&mut me, |me| me["user"]["_id"] == json!(owner.user_id)).await;
    client.set_auth(None).await;
    until(&mut me, Value::is_null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_subscriptions_are_right_after_the_network_was_down() {
    let chat = Chat::start().await;
    let proxy = Proxy::to(&chat.wire.url).await;
    let mut client = Official::at(&proxy.url).await;
    client.set_auth(Some(chat.wire.token(&chat.workspace.owner))).await;
    let mut list = soon(client.subscribe("messages:list", args(chat.list())))
        .await
        .unwrap();
    let mut me = soon(client.subscribe("auth:isAuthenticated", args(json!({}))))
        .await
        .unwrap();
    until(&mut list, |list| thread(list) == [GREETING]).await;
    until(&mut me, |signed_in| signed_in == true).await;

    proxy.down();
    chat.answer("while it was down").await;
    proxy.up();
    until(&mut list, |list| thread(list) == [GREETING, "while it was down"]).await;
    until(&mut me, |signed_in| signed_in == true).await;
    chat.answer("and up again").await;
    until(&mut list, |list| thread(list).len() == 3).await;
    value(
        soon(client.mutation("messages:send", args(chat.send("so it is"))))
            .await
            .unwrap(),
    );
    assert_eq!(chat.stored().await.last().unwrap(), "so it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cut_costs_it_one_reconnect() {
    let (wire, notes) = notes::serve().await;
    let owner = wire.kit.workspace().await.owner;
    let proxy = Proxy::to(&wire.url).await;
    let mut client = Official::at(&proxy.url).await;
    client.set_auth(Some(wire.token(&owner))).await;
    let mut subscriptions = Vec::new();
    for book in ["a", "b", "c"] {
        let mut list = soon(client.subscribe("notes:list", args(json!({ "book": book }))))
            .await
            .unwrap();
        until(&mut list, |list| *list == json!([])).await;
        subscriptions.push(list);
    }
    // An action that is replayed: its answer and the opening Transition must not get in each other's way.
    let mut waiting = client.clone();
    let action = tokio::spawn(async move { waiting.action("notes:wait", args(json!({}))).await.unwrap() });
    soon(notes.gate.reached_by(1)).await;
    // It gives up a call whose sending it has not yet noted when the connection breaks. It does one thing after the other:
    // when it has answered this, which needs no server, the action is noted.
    let again = client.subscribe("notes:list", args(json!({ "book": "a" })));
    subscriptions.push(soon(again).await.unwrap());
    proxy.down();
    proxy.up();
    soon(notes.gate.reached_by(1)).await;
    notes.gate.open(2);
    assert_eq!(value(soon(action).await.unwrap()), "through");
    for (book, list) in ["a", "b", "c"].into_iter().zip(&mut subscriptions) {
        wire.kit
            .call_json(&Nobody, "notes:add", json!({ "book": book, "text": "t" }))
            .await
            .unwrap();
        until(list, |list| *list == json!(["t"])).await;
    }
    assert_eq!(client.connected(), 2);
}
