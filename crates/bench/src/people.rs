//! Those who use the server under test.

use std::sync::atomic::{AtomicUsize, Ordering};

use opencom_contract::auth::CurrentUser;
use opencom_contract::{conversations, messages, widget_sessions};
use opencom_core::id::{ConversationId, UserId, WorkspaceId, WorkspaceMemberId};
use opencom_providers::http::install_crypto;

use crate::client::Client;
use crate::{Fault, data};

/// An agent of a workspace.
#[derive(Clone)]
pub(crate) struct Agent {
    pub(crate) token: String,
    pub(crate) user_id: UserId,
    pub(crate) workspace_id: WorkspaceId,
}

impl Agent {
    /// Says something in a conversation.
    pub(crate) fn message(&self, conversation: ConversationId, content: String) -> messages::SendMessage {
        messages::SendMessage::builder()
            .conversation_id(conversation)
            .sender_id(self.user_id.to_string())
            .sender_type(messages::SenderType::Agent)
            .content(content)
            .build()
    }
}

/// Signs an agent up.
pub(crate) async fn sign_up(address: &str, name: &str) -> Result<Agent, Fault> {
    install_crypto();
    let agent = opencom_client::Client::new(&format!("http://{address}"))?
        .sign_up(&format!("{name}@example.com"), "correct horse battery", name)
        .await?;
    let tokens = agent.tokens().await.ok_or("signing up gave no tokens")?;
    let me = agent
        .query(&CurrentUser::default())
        .await?
        .ok_or("signing up gave no user")?;
    Ok(Agent {
        token: tokens.token,
        user_id: me.user.id,
        workspace_id: me.user.workspace_id.ok_or("signing up gave no workspace")?,
    })
}

/// Signs agents up into one workspace, which is the first one's.
pub(crate) async fn agents(address: &str, url: &str, name: &str, count: usize) -> Result<Vec<Agent>, Fault> {
    let database = data::connect(url).await?;
    let first = sign_up(address, name).await?;
    let workspace_id = first.workspace_id;
    let mut agents = vec![first];
    for number in 1..count {
        let agent = sign_up(address, &format!("{name}_{number}")).await?;
        database
            .execute(
                "INSERT INTO workspace_members (id, user_id, workspace_id, role, created_at)
                 VALUES ($1, $2, $3, 'agent', now())",
                &[
                    &WorkspaceMemberId::generate().uuid(),
                    &agent.user_id.uuid(),
                    &workspace_id.uuid(),
                ],
            )
            .await?;
        agents.push(Agent { workspace_id, ..agent });
    }
    // As another process would: whoever has memberships in memory reads them again.
    database.batch_execute("NOTIFY opencom_topics, 'bench *'").await?;
    Ok(agents)
}

/// A visitor with a conversation.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) token: String,
    pub(crate) conversation: ConversationId,
}

impl Visitor {
    /// Boots a visitor and opens a conversation.
    pub(crate) async fn open(
        client: &mut Client,
        workspace_id: WorkspaceId,
        session_id: String,
    ) -> Result<Self, Fault> {
        let token = client.call(&boot(workspace_id, session_id)).await?.session_token;
        let conversation = client.call(&new_conversation(workspace_id, &token)).await?.id;
        Ok(Self {
            workspace_id,
            token,
            conversation,
        })
    }

    /// Opens one more conversation.
    pub(crate) fn new_conversation(&self) -> conversations::CreateForVisitor {
        new_conversation(self.workspace_id, &self.token)
    }

    /// Says something.
    pub(crate) fn message(&self, content: String) -> messages::SendMessage {
        messages::SendMessage::builder()
            .conversation_id(self.conversation)
            .sender_id("visitor")
            .sender_type(messages::SenderType::Visitor)
            .content(content)
            .session_token(self.token.clone())
            .build()
    }

    /// Reads the conversation.
    pub(crate) fn thread(&self) -> messages::List {
        thread(self.conversation, Some(self.token.clone()))
    }
}

/// Reads a conversation, as a visitor by token.
pub(crate) fn thread(conversation: ConversationId, session_token: Option<String>) -> messages::List {
    messages::List::builder()
        .conversation_id(conversation)
        .maybe_session_token(session_token)
        .build()
}

fn new_conversation(workspace_id: WorkspaceId, token: &str) -> conversations::CreateForVisitor {
    conversations::CreateForVisitor::builder()
        .workspace_id(workspace_id)
        .session_token(token)
        .build()
}

/// A boot with nothing but a session id.
pub(crate) fn boot(workspace_id: WorkspaceId, session_id: String) -> widget_sessions::Boot {
    widget_sessions::Boot::builder()
        .workspace_id(workspace_id)
        .session_id(session_id)
        .client_type("web_widget")
        .build()
}

/// Visitors with a conversation each, made over `clients` connections.
pub(crate) async fn visitors(
    address: &str,
    workspace_id: WorkspaceId,
    clients: usize,
    count: usize,
) -> Result<Vec<Visitor>, Fault> {
    let done = AtomicUsize::new(0);
    let shares = (0..clients).map(async |first| {
        let mut client = Client::connect(address, None).await?;
        let mut visitors = Vec::new();
        for number in (first..count).step_by(clients) {
            visitors.push(Visitor::open(&mut client, workspace_id, format!("visitor_{number}")).await?);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(100) || done == count {
                eprint!("\r{done} of {count} visitors have booted   ");
            }
        }
        Ok::<_, Fault>(visitors)
    });
    let visitors = futures_util::future::try_join_all(shares).await?;
    eprintln!();
    Ok(visitors.into_iter().flatten().collect())
}
