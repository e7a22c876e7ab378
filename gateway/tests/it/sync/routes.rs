//! Where the sockets are, from where they may be opened, and what of WebSocket itself is understood.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::socket::{End, NPM, RUST, Socket};
use crate::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn every_address_and_origin_is_served() {
    let wire = Wire::start().await;
    for (path, headers) in [
        (NPM, [("origin", "https://customer.example")].as_slice()),
        (RUST, &[("convex-client", "python-0.8.1")]),
        // A configured address with a slash at the end.
        ("//api/1.35.1/sync", &[]),
        (
            "/api/1.99.0-alpha.1/sync",
            &[("sec-websocket-extensions", "permessage-deflate")],
        ),
    ] {
        let mut socket = Socket::open(&wire.url, path, headers).await;
        let hello = socket.hello(0);
        socket.send(hello).await;
        socket.add(0, "auth:isAuthenticated", json!({})).await;
        assert_eq!(socket.transition().await["modifications"][0]["value"], false, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_get_is_no_socket() {
    let wire = Wire::start().await;
    for path in [NPM, RUST] {
        let response = wire.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_come_in_several_frames_and_pings_are_answered() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    let text = socket
        .modify(json!([super::socket::add(0, "auth:isAuthenticated", json!({}))]))
        .to_string();
    socket.send_together([]).await;
    let (one, rest) = text.split_at(20);
    let (two, three) = rest.split_at(20);
    let piece = |text: &str, code, last| Message::Frame(Frame::message(text.to_owned(), OpCode::Data(code), last));
    for message in [
        piece(one, Data::Text, false),
        Message::Ping("between".into()),
        piece(two, Data::Continue, false),
        piece(three, Data::Continue, true),
    ] {
        assert!(socket.try_send(message).await);
    }
    socket.until(0, |signed_in| signed_in["value"] == false).await;
    assert_eq!(socket.pongs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_goodbye_gets_one_back() {
    let wire = Wire::start().await;
    let mut socket = Socket::npm(&wire.url).await;
    socket.add(0, "auth:isAuthenticated", json!({})).await;
    socket.caught_up().await;
    assert!(socket.try_send(Message::Close(None)).await);
    assert!(matches!(socket.end().await, End::Closed(..)));
}
