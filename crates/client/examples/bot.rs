//! An agent who is never asleep: greets whoever has written last in each open conversation.
//!
//! `cargo run -p opencom-client --features aws-lc --example bot -- http://127.0.0.1:3210 ada@example.com "correct horse"`

use std::collections::HashSet;
use std::error::Error;

use futures_util::StreamExt;
use opencom_client::Client;
use opencom_client::contract::auth::CurrentUser;
use opencom_client::contract::conversations::ListForInbox;
use opencom_client::contract::messages::{SendMessage, SenderType};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, email, password] = arguments.as_slice() else {
        return Err("usage: bot SERVER EMAIL PASSWORD".into());
    };
    let agent = Client::new(server)?.sign_in(email, password).await?;
    let ended = answer_everybody(&agent, usize::MAX).await;
    agent.close().await;
    ended
}

/// Answers each conversation once, as soon as its visitor has written; ends after so many.
pub(crate) async fn answer_everybody(agent: &Client, most: usize) -> Result<(), Box<dyn Error>> {
    let me = agent
        .query(&CurrentUser::default())
        .await?
        .ok_or("nobody is signed in")?
        .user;
    let inbox = ListForInbox::builder()
        .workspace_id(me.workspace_id.ok_or("no workspace")?)
        .build();
    let mut answered = HashSet::new();
    let mut pages = agent.subscribe(&inbox).await?;
    while let Some(page) = pages.next().await {
        for conversation in page?.conversations {
            let wrote = conversation.last_message.as_ref().map(|message| message.sender_type);
            if wrote != Some(SenderType::Visitor) || !answered.insert(conversation.conversation.id) {
                continue;
            }
            agent
                .mutation(
                    &SendMessage::builder()
                        .conversation_id(conversation.conversation.id)
                        .sender_id(me.id.to_string())
                        .sender_type(SenderType::Agent)
                        .content("Thank you! Somebody will be with you soon.")
                        .build(),
                )
                .await?;
            if answered.len() >= most {
                return Ok(());
            }
        }
    }
    Ok(())
}
