//! Topics: what queries read and mutations change, as "the rows of a table whose key is this".

use opencom_core::auth::token::sha256;
use opencom_core::id::{
    ArticleAssetId, ArticleId, AuthSessionId, ConversationId, InternalArticleId, MessageId, SnippetId, StoredFileId,
    SupportAttachmentId, TagId, TicketId, UserId, VisitorId, WorkspaceId,
};
use uuid::Uuid;

/// Defines the topics: a byte for the wire between replicas, a name and what keys it.
macro_rules! topics {
    ($($(#[$meta:meta])* $tag:literal $name:ident($key:ty),)*) => {
        /// Rows that change together, packed into 17 bytes. A query records the topics it reads, a write those it
        /// touches, both where the SQL is. The narrowest one that is still right.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Topic {
            $($(#[$meta])* $name($key),)*
        }

        impl Topic {
            /// The length of the packed form.
            pub const PACKED: usize = 17;

            /// The form in which replicas tell each other.
            pub fn pack(self) -> [u8; Self::PACKED] {
                let (tag, key) = match self {
                    $(Self::$name(key) => ($tag, Key::to_uuid(key)),)*
                };
                let mut bytes = [tag; Self::PACKED];
                bytes[1..].copy_from_slice(key.as_bytes());
                bytes
            }

            /// The topic in its packed form; `None` for one that this version does not know.
            pub fn unpack(bytes: [u8; Self::PACKED]) -> Option<Self> {
                let [tag, key @ ..] = bytes;
                let key = Uuid::from_bytes(key);
                match tag {
                    $($tag => Some(Self::$name(Key::from_uuid(key))),)*
                    _ => None,
                }
            }
        }
    };
}

topics! {
    /// A workspace's own row.
    1 Workspace(WorkspaceId),
    /// Any workspace: which ones there are and their names.
    2 Workspaces(Everything),
    /// A user's own row.
    3 User(UserId),
    /// The memberships of a user.
    4 MembershipsOfUser(UserId),
    /// The members of a workspace.
    5 MembersOfWorkspace(WorkspaceId),
    /// An agent's session.
    6 AuthSession(AuthSessionId),
    /// The audit log of a workspace.
    7 AuditOfWorkspace(WorkspaceId),
    /// The AI agent's settings of a workspace.
    8 AiAgentSettings(WorkspaceId),
    /// The automation settings of a workspace.
    9 AutomationSettings(WorkspaceId),
    /// A visitor's own row.
    10 Visitor(VisitorId),
    /// The visitors of a workspace: which ones there are, and their rows.
    11 VisitorsOfWorkspace(WorkspaceId),
    /// Visitors with a session id, over all workspaces.
    12 VisitorsOfSession(Hashed),
    /// A visitor's heartbeats.
    13 Presence(VisitorId),
    /// What an id that was merged away stands for now.
    14 VisitorAlias(VisitorId),
    /// A visitor's session, by the hash of its token.
    15 WidgetSession(Hashed),
    /// A conversation's own row.
    16 Conversation(ConversationId),
    /// The conversations of a workspace: which ones there are, and their rows.
    17 ConversationsOfWorkspace(WorkspaceId),
    /// The conversations of a visitor: which ones there are, and their rows.
    18 ConversationsOfVisitor(VisitorId),
    /// The messages of a conversation.
    19 MessagesOfConversation(ConversationId),
    /// A message's own row.
    20 Message(MessageId),
    /// An attachment's own row.
    21 SupportAttachment(SupportAttachmentId),
    /// A stored file.
    22 StoredFile(StoredFileId),
    /// A ticket's own row and its comments.
    23 Ticket(TicketId),
    /// The tickets of a workspace: which ones there are, and their rows.
    24 TicketsOfWorkspace(WorkspaceId),
    /// A snippet's own row.
    25 Snippet(SnippetId),
    /// The snippets of a workspace: which ones there are, and their rows.
    26 SnippetsOfWorkspace(WorkspaceId),
    /// A tag's own row.
    27 Tag(TagId),
    /// The tags of a workspace: which ones there are, and their rows.
    28 TagsOfWorkspace(WorkspaceId),
    /// Which tags a conversation has.
    29 TagsOfConversation(ConversationId),
    /// How a workspace takes mail.
    30 EmailConfig(WorkspaceId),
    /// The invitations of a workspace.
    50 InvitationsOfWorkspace(WorkspaceId),
    /// The invitations of an address, over all workspaces.
    51 InvitationsOfAddress(Hashed),
    /// How long a workspace keeps its audit log.
    52 AuditLogSettings(WorkspaceId),
    /// An article's own row.
    60 Article(ArticleId),
    /// The articles of a workspace: which ones there are, and their rows.
    61 ArticlesOfWorkspace(WorkspaceId),
    /// The articles of a workspace that everyone may read: which ones there are, and their rows.
    62 PublicArticlesOfWorkspace(WorkspaceId),
    /// Which articles everyone may read, over all workspaces, and their slugs.
    63 PublicArticles(Everything),
    /// Where the articles of a workspace are filed, and which of them everyone may read: what collections count.
    64 ShelvesOfWorkspace(WorkspaceId),
    /// The collections of a workspace: which ones there are, and their rows.
    65 CollectionsOfWorkspace(WorkspaceId),
    /// The feedback on an article.
    66 FeedbackOfArticle(ArticleId),
    /// An internal article of the legacy table.
    67 InternalArticle(InternalArticleId),
    /// An asset's own row.
    68 ArticleAsset(ArticleAssetId),
}

/// The key of a topic that stands for a whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Everything;

/// A key that is a text or a digest, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hashed(Uuid);

impl Hashed {
    /// The key of a digest as a `bytea` column gives it.
    ///
    /// # Errors
    /// An internal one when the column holds no digest.
    pub fn stored_digest(digest: &[u8]) -> opencom_core::Result<Self> {
        let digest = digest
            .try_into()
            .map_err(|_| opencom_core::Error::internal("a stored digest is not 32 bytes"))?;
        Ok(Self::digest(digest))
    }

    /// The key of a text.
    pub fn text(text: &str) -> Self {
        Self::digest(&sha256(text))
    }

    /// The key of something that is a digest already.
    pub fn digest(digest: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(Uuid::from_bytes(bytes))
    }
}

trait Key {
    fn to_uuid(self) -> Uuid;
    fn from_uuid(uuid: Uuid) -> Self;
}

impl<E: opencom_core::id::Entity> Key for opencom_core::Id<E> {
    fn to_uuid(self) -> Uuid {
        self.uuid()
    }
    fn from_uuid(uuid: Uuid) -> Self {
        Self::from_column(uuid)
    }
}

impl Key for Hashed {
    fn to_uuid(self) -> Uuid {
        self.0
    }
    fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl Key for Everything {
    fn to_uuid(self) -> Uuid {
        Uuid::nil()
    }
    fn from_uuid(_: Uuid) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_survive_packing() {
        for topic in [
            Topic::Workspace(WorkspaceId::generate()),
            Topic::Workspaces(Everything),
            Topic::WidgetSession(Hashed::text("wst_x")),
        ] {
            assert_eq!(Topic::unpack(topic.pack()), Some(topic));
        }
        assert_eq!(Topic::unpack([0xff; Topic::PACKED]), None);
    }
}
