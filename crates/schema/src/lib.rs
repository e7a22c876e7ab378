#![doc = include_str!("../README.md")]

mod admin;
mod help_center;
mod inbox;
mod mail;
mod runtime;

pub use admin::*;
pub use help_center::*;
pub use inbox::*;
pub use mail::*;
pub use runtime::*;

/// Types of PostgreSQL that diesel does not know.
pub mod sql_types {
    /// The words of a text, for search.
    #[derive(Clone, Copy, Debug, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "tsvector"))]
    pub struct TsVector;
}

// Which tables may stand in one query, by foreign key or by the joins that queries make.
diesel::allow_tables_to_appear_in_same_query!(workspaces, workspace_members, users, workspace_invitations);
diesel::allow_tables_to_appear_in_same_query!(auth_sessions, auth_accounts, auth_refresh_tokens);
diesel::allow_tables_to_appear_in_same_query!(auth_sessions, users);
diesel::allow_tables_to_appear_in_same_query!(audit_logs, users);
diesel::allow_tables_to_appear_in_same_query!(
    conversations,
    messages,
    visitors,
    visitor_presence,
    visitor_aliases,
    widget_sessions
);
diesel::allow_tables_to_appear_in_same_query!(messages, users);
diesel::allow_tables_to_appear_in_same_query!(support_attachments, stored_files);
diesel::allow_tables_to_appear_in_same_query!(support_attachments, messages);
diesel::allow_tables_to_appear_in_same_query!(uploads, stored_files);
diesel::allow_tables_to_appear_in_same_query!(tickets, visitors, users);
diesel::allow_tables_to_appear_in_same_query!(conversation_tags, tags);
diesel::allow_tables_to_appear_in_same_query!(articles, collections, internal_articles, article_assets, stored_files);
diesel::allow_tables_to_appear_in_same_query!(articles, workspaces);
diesel::allow_tables_to_appear_in_same_query!(email_threads, conversations);
