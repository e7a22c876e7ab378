//! Files that people send along with a message.

use bon::Builder;
use opencom_core::id::{StoredFileId, SupportAttachmentId, VisitorId, WorkspaceId};
use opencom_core::{Int, Permission, text_enum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;
use validator::Validate;

use crate::function::{functions, permitted_or_visitor};
use crate::limits;

functions! {
    GenerateUploadUrl: mutation "supportAttachments:generateUploadUrl" -> String,
        permitted_or_visitor(Permission::ConversationsReply);
    FinalizeUpload: mutation "supportAttachments:finalizeUpload" -> FinalizedUpload,
        permitted_or_visitor(Permission::ConversationsReply);
}

/// An address that takes one file, once, for an hour.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct GenerateUploadUrl {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Must be the token's visitor when given.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session, when no agent is signed in.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
}

/// Turns an uploaded file into an attachment that a message can take within an hour.
///
/// # Errors
/// `NOT_FOUND` for a file that the caller did not upload for this workspace.
#[skip_serializing_none]
#[derive(Clone, Builder, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[builder(on(String, into))]
#[non_exhaustive]
pub struct FinalizeUpload {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Must be the token's visitor when given.
    pub visitor_id: Option<VisitorId>,
    /// The visitor's session, when no agent is signed in.
    #[validate(length(max = limits::TOKEN))]
    pub session_token: Option<String>,
    /// What the upload answered.
    pub storage_id: StoredFileId,
    /// The file's name; its ending decides the type.
    #[validate(length(max = limits::NAME))]
    pub file_name: Option<String>,
}

text_enum! {
    /// Where an attachment stands.
    pub enum AttachmentStatus {
        /// Waiting for a message.
        Staged = "staged",
        /// Part of one.
        Attached = "attached",
    }
}

text_enum! {
    /// What an uploader is.
    pub enum UploaderKind {
        /// A member.
        Agent = "agent",
        /// A visitor.
        Visitor = "visitor",
    }
}

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FinalizedUpload {
    /// It can be attached.
    Staged {
        /// The attachment.
        attachment_id: SupportAttachmentId,
        /// The file's name without any path.
        file_name: String,
        /// By the name's ending; what the upload said does not count.
        mime_type: String,
        /// Bytes.
        size: Int,
    },
    /// The file was deleted.
    Rejected {
        /// Why, for people.
        message: String,
    },
}
