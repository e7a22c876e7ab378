//! Tickets: requests that are worked on until they are resolved.

use std::borrow::Cow;

use bon::Builder;
use opencom_core::id::{
    ConversationId, SupportAttachmentId, TicketCommentId, TicketFormId, TicketId, UserId, VisitorId, WorkspaceId,
};
use opencom_core::{Attributes, Millis, Permission, text_enum};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use serde_with_macros::skip_serializing_none;
use validator::{Validate, ValidationError};

use crate::auth::LegacyRole;
use crate::conversations::Conversation;
use crate::function::{functions, permitted, permitted_or_visitor};
use crate::limits;
use crate::messages::MessageAttachment;
use crate::visitors::Visitor;

functions! {
    List: query "tickets:list" -> Vec<TicketView>, permitted(Permission::ConversationsRead);
    Get: query "tickets:get" -> Option<TicketDetail>, permitted_or_visitor(Permission::ConversationsRead);
    Create: mutation "tickets:create" -> TicketId, permitted_or_visitor(Permission::ConversationsReply),
        nulls in "formData";
    Update: mutation "tickets:update" -> TicketId, permitted(Permission::ConversationsReply);
}

/// Tickets of a workspace, newest first. At most 1000; `cursor` continues.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct List {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Only those in this status.
    pub status: Option<TicketStatus>,
    /// Only those of this user.
    pub assignee_id: Option<UserId>,
    /// The last ticket of the previous page.
    pub cursor: Option<TicketId>,
}

/// A ticket with its comments, for members and for its visitor; `null` when there is none. The visitor sees no internal
/// comments, and of the assignee name and picture.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Get {
    /// The ticket.
    pub id: TicketId,
    /// Must be the token's visitor when given. Ignored when an agent is signed in.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session, when no agent is signed in.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
}

/// Submits a ticket. Texts are stored as they are.
///
/// # Errors
/// `NOT_FOUND` for a visitor, form or attachment that the workspace does not have, `INVALID_INPUT` for attachments that
/// cannot be used.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Create {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// What it is about.
    #[validate(length(max = limits::MESSAGE))]
    pub subject: String,
    /// Whose ticket it is, for agents; for visitors the token's visitor.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session, when no agent is signed in.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// More about it.
    #[validate(length(max = limits::MESSAGE))]
    pub description: Option<String>,
    /// Staged attachments, at most 5.
    #[validate(length(max = limits::IDS))]
    pub attachment_ids: Option<Vec<SupportAttachmentId>>,
    /// Default `normal`.
    pub priority: Option<TicketPriority>,
    /// The form that was filled in.
    pub form_id: Option<TicketFormId>,
    /// What was filled in. Not compared with the form.
    #[validate(custom(function = check_form_data))]
    pub form_data: Option<FormData>,
}

/// Changes a ticket. What is not given stays; nothing can be cleared.
///
/// # Errors
/// `NOT_FOUND` for an unknown ticket, `INVALID_INPUT` for an assignee who is no member.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct Update {
    /// The ticket.
    pub id: TicketId,
    /// The new status. Any may follow any other.
    pub status: Option<TicketStatus>,
    /// The new priority.
    pub priority: Option<TicketPriority>,
    /// The member who gets it.
    pub assignee_id: Option<UserId>,
    /// Any text.
    #[validate(length(max = limits::IDENTIFIER))]
    pub team_id: Option<String>,
}

text_enum! {
    /// Where a ticket stands.
    pub enum TicketStatus {
        /// New.
        Submitted = "submitted",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// The customer has to answer.
        WaitingOnCustomer = "waiting_on_customer",
        /// Done.
        Resolved = "resolved",
    }
}

text_enum! {
    /// How urgent a ticket is.
    pub enum TicketPriority {
        /// It can wait.
        Low = "low",
        /// As usual.
        Normal = "normal",
        /// Soon.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

text_enum! {
    /// Who wrote a comment.
    pub enum CommentAuthor {
        /// A member.
        Agent = "agent",
        /// The visitor.
        Visitor = "visitor",
        /// Nobody.
        System = "system",
    }
}

/// What was filled into a form: field ids to texts, numbers, booleans, `null` or lists of texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Jsonb))]
#[serde(transparent)]
pub struct FormData(Attributes);

impl<'de> Deserialize<'de> for FormData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Attributes::deserialize(deserializer)?;
        let fits = |value: &Value| match value {
            Value::Object(_) => false,
            Value::Array(elements) => elements.iter().all(Value::is_string),
            _ => true,
        };
        if fields.iter().all(|(_, value)| fits(value)) {
            Ok(Self(fields))
        } else {
            Err(de::Error::custom("Value does not match validator."))
        }
    }
}

impl JsonSchema for FormData {
    fn schema_name() -> Cow<'static, str> {
        "FormData".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": true,
            "description": "Field ids to texts, numbers, booleans, null or lists of texts. Keys are printable ASCII and \
                            do not start with `$` or `_`.",
        })
    }
}

fn check_form_data(data: &FormData) -> Result<(), ValidationError> {
    if data.0.json_size() <= limits::ATTRIBUTES_BYTES {
        return Ok(());
    }
    let text = format!("formData must be at most {} bytes of JSON", limits::ATTRIBUTES_BYTES);
    Err(ValidationError::new("length").with_message(text.into()))
}

/// A ticket as it is stored.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The ticket's id.
    #[serde(rename = "_id")]
    pub id: TicketId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The conversation that it was made of.
    pub conversation_id: Option<ConversationId>,
    /// Whose it is.
    pub visitor_id: Option<VisitorId>,
    /// What it is about.
    pub subject: String,
    /// More about it.
    pub description: Option<String>,
    /// Where it stands.
    pub status: TicketStatus,
    /// How urgent it is.
    pub priority: TicketPriority,
    /// The member who has it.
    pub assignee_id: Option<UserId>,
    /// Any text.
    pub team_id: Option<String>,
    /// The form that was filled in.
    pub form_id: Option<TicketFormId>,
    /// What was filled in.
    pub form_data: Option<FormData>,
    /// How it ended.
    pub resolution_summary: Option<String>,
    /// Its attachments, when there are any.
    pub attachment_ids: Option<Vec<SupportAttachmentId>>,
    /// When it was submitted.
    pub created_at: Millis,
    /// The last change.
    pub updated_at: Millis,
    /// When it was resolved last; stays when it is opened again.
    pub resolved_at: Option<Millis>,
}

/// A ticket as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// The ticket.
    #[serde(flatten)]
    pub ticket: Ticket,
    /// Its attachments; `[]` without.
    pub attachments: Vec<MessageAttachment>,
    /// Its visitor, or `null`.
    pub visitor: Option<Visitor>,
    /// The member who has it, or `null`.
    pub assignee: Option<Assignee>,
}

/// A ticket with everything about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketDetail {
    /// The ticket with its people.
    #[serde(flatten)]
    pub view: TicketView,
    /// The conversation that it was made of, or `null`.
    pub conversation: Option<Conversation>,
    /// Its comments, oldest first; the first 10 000.
    pub comments: Vec<TicketComment>,
}

/// A user who has a ticket. Its visitor sees id, name and picture.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assignee {
    /// The user's id.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Option<Millis>,
    /// Their address.
    pub email: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// Their active workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// See [`LegacyRole`].
    pub role: Option<LegacyRole>,
    /// When they signed up.
    pub created_at: Option<Millis>,
}

/// A comment on a ticket.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketComment {
    /// The comment's id.
    #[serde(rename = "_id")]
    pub id: TicketCommentId,
    /// When the row was made.
    #[serde(rename = "_creationTime")]
    pub creation_time: Millis,
    /// The ticket.
    pub ticket_id: TicketId,
    /// A user's or visitor's id, or `system`.
    pub author_id: String,
    /// Who wrote it.
    pub author_type: CommentAuthor,
    /// The text, possibly empty.
    pub content: String,
    /// Whether members alone see it.
    pub is_internal: bool,
    /// Its attachments, when there are any.
    pub attachment_ids: Option<Vec<SupportAttachmentId>>,
    /// When it was written.
    pub created_at: Millis,
    /// Its attachments; `[]` without.
    pub attachments: Vec<MessageAttachment>,
}

opencom_core::jsonb_column!(FormData);

#[cfg(test)]
mod tests {
    use super::FormData;

    #[test]
    fn form_data_is_flat() {
        for good in ["{}", r#"{"a":"x","b":1,"c":true,"d":null,"e":["x","y"],"f":[]}"#] {
            assert!(serde_json::from_str::<FormData>(good).is_ok(), "{good}");
        }
        for bad in [
            "[]",
            r#"{"a":{}}"#,
            r#"{"a":[1]}"#,
            r#"{"a":["x",null]}"#,
            r#"{"a":{"$integer":"AQAAAAAAAAA="}}"#,
            r#"{"_a":1}"#,
            r#"{"":1}"#,
        ] {
            assert!(serde_json::from_str::<FormData>(bad).is_err(), "{bad}");
        }
    }
}
