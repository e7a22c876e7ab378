//! The topics of the context, and those of other contexts whose rows it reads.

use opencom_core::id::{
    ConversationId, MessageId, SnippetId, StoredFileId, SupportAttachmentId, TagId, TicketId, UserId, VisitorId,
    WorkspaceId,
};
use opencom_runtime::topic::Hashed;

opencom_runtime::topics! {
    /// A workspace's own row.
    workspace(WorkspaceId) = "admin.workspace";
    /// A user's own row.
    user(UserId) = "admin.user";
    /// A visitor's own row.
    visitor(VisitorId) = "inbox.visitor";
    /// The visitors of a workspace: which ones there are, and their rows.
    visitors_of_workspace(WorkspaceId) = "inbox.visitors_of_workspace";
    /// Visitors with a session id, over all workspaces.
    visitors_of_session(Hashed) = "inbox.visitors_of_session";
    /// A visitor's heartbeats.
    presence(VisitorId) = "inbox.presence";
    /// What an id that was merged away stands for now.
    visitor_alias(VisitorId) = "inbox.visitor_alias";
    /// A visitor's session, by the hash of its token.
    widget_session(Hashed) = "inbox.widget_session";
    /// A conversation's own row.
    conversation(ConversationId) = "inbox.conversation";
    /// The conversations of a workspace: which ones there are, and their rows.
    conversations_of_workspace(WorkspaceId) = "inbox.conversations_of_workspace";
    /// The conversations of a visitor: which ones there are, and their rows.
    conversations_of_visitor(VisitorId) = "inbox.conversations_of_visitor";
    /// The messages of a conversation.
    messages_of_conversation(ConversationId) = "inbox.messages_of_conversation";
    /// A message's own row.
    message(MessageId) = "inbox.message";
    /// An attachment's own row.
    support_attachment(SupportAttachmentId) = "inbox.support_attachment";
    /// A stored file.
    stored_file(StoredFileId) = "runtime.stored_file";
    /// A ticket's own row and its comments.
    ticket(TicketId) = "inbox.ticket";
    /// The tickets of a workspace: which ones there are, and their rows.
    tickets_of_workspace(WorkspaceId) = "inbox.tickets_of_workspace";
    /// A snippet's own row.
    snippet(SnippetId) = "inbox.snippet";
    /// The snippets of a workspace: which ones there are, and their rows.
    snippets_of_workspace(WorkspaceId) = "inbox.snippets_of_workspace";
    /// A tag's own row.
    tag(TagId) = "inbox.tag";
    /// The tags of a workspace: which ones there are, and their rows.
    tags_of_workspace(WorkspaceId) = "inbox.tags_of_workspace";
    /// Which tags a conversation has.
    tags_of_conversation(ConversationId) = "inbox.tags_of_conversation";
    /// How a workspace takes mail.
    email_config(WorkspaceId) = "inbox.email_config";
}
