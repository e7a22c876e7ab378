//! Visitors: their token stands in every request, and their sessions renew themselves.

use opencom_client::VisitorSession;
use opencom_client::contract::conversations::CreateForVisitor;
use opencom_client::contract::messages::{List, SendMessage, SenderType};
use opencom_client::contract::support_attachments::GenerateUploadUrl;
use opencom_client::core::Millis;
use opencom_client::core::id::{ConversationId, WorkspaceId};
use opencom_client::{Client, Error};

use crate::server::{Server, boot};

pub(crate) async fn open(visitor: &Client, workspace_id: WorkspaceId) -> ConversationId {
    let request = CreateForVisitor::builder()
        .workspace_id(workspace_id)
        .session_token(String::new())
        .build();
    visitor.mutation(&request).await.unwrap().id
}

pub(crate) fn says(conversation_id: ConversationId, content: &str) -> SendMessage {
    SendMessage::builder()
        .conversation_id(conversation_id)
        .sender_id("me")
        .sender_type(SenderType::Visitor)
        .content(content)
        .build()
}

pub(crate) fn thread(conversation_id: ConversationId) -> List {
    List::builder().conversation_id(conversation_id).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_chats_without_naming_the_token() {
    let server = Server::start().await;
    let (_, workspace_id) = server.agent().await;
    let (visitor, _) = server.client().boot(boot(workspace_id)).await.unwrap();
    let conversation = open(&visitor, workspace_id).await;
    visitor.mutation(&says(conversation, "Hello?")).await.unwrap();
    let messages = visitor.query(&thread(conversation)).await.unwrap();
    assert_eq!(messages.last().unwrap().message.content, "Hello?");
    assert_eq!(server.client().query(&thread(conversation)).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_is_renewed_and_one_that_was_ended_begins_again() {
    let server = Server::start().await;
    let (_, workspace_id) = server.agent().await;
    let (visitor, who) = server.client().boot(boot(workspace_id)).await.unwrap();
    let conversation = open(&visitor, workspace_id).await;
    let session = visitor.visitor_session().await.unwrap();
    // It thinks that the session is about to end.
    let ending = server.client().with_visitor_session(VisitorSession {
        expires_at: Millis(0),
        ..session.clone()
    });
    assert!(ending.query(&thread(conversation)).await.is_ok());
    assert_ne!(
        ending.visitor_session().await.unwrap().session_token,
        session.session_token
    );
    // The first one has been traded in; the same browser comes back as the same visitor.
    ending.revoke().await.unwrap();
    visitor.mutation(&says(conversation, "Still here")).await.unwrap();
    let (_, again) = server.client().boot(boot(workspace_id)).await.unwrap();
    assert_eq!(again.id, who.id);
    // Whoever only kept the session cannot.
    let gone = ending.mutation(&says(conversation, "Me too")).await;
    assert!(matches!(gone, Err(Error::SignedOut)), "{gone:?}");
    assert!(!format!("{session:?}").contains(&session.session_token));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_up_once() {
    let server = Server::start().await;
    let (_, workspace_id) = server.agent().await;
    let (visitor, _) = server.client().boot(boot(workspace_id)).await.unwrap();
    let request = GenerateUploadUrl::builder().workspace_id(workspace_id).build();
    let address = visitor.mutation(&request).await.unwrap();
    // The tests' server does not know where it is reached.
    let address = address.replace("http://opencom.test", &server.url);
    visitor
        .upload(&address, "text/plain", b"what went wrong".to_vec())
        .await
        .unwrap();
    let again = visitor.upload(&address, "text/plain", b"once more".to_vec()).await;
    assert!(matches!(again, Err(Error::Rejected { status: 403, .. })), "{again:?}");
}
