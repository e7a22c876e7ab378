//! Typed ids: UUIDv7 whose last byte names the table, so that an id of another table is refused before any look-up.
//!
//! On the wire an id is exactly 32 lower-case hex digits, a form that the published widget insists on.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// A kind of row that has ids of its own.
pub trait Entity: 'static {
    /// The last byte of every id of this entity. Never reused, never changed.
    const TAG: u8;
    /// The table's name on the wire, as error texts show it.
    const TABLE: &'static str;
}

/// The id of a row of `E`.
#[cfg_attr(
    feature = "diesel",
    derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)
)]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Uuid))]
pub struct Id<E: Entity> {
    uuid: Uuid,
    entity: PhantomData<fn() -> E>,
}

impl<E: Entity> Id<E> {
    /// A new id, greater than every id that this process made before.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn generate() -> Self {
        Self::tagged(Uuid::now_v7())
    }

    /// The id with the given bytes, its last byte replaced by the entity's tag.
    pub fn tagged(uuid: Uuid) -> Self {
        let mut bytes = uuid.into_bytes();
        bytes[15] = E::TAG;
        Self {
            uuid: Uuid::from_bytes(bytes),
            entity: PhantomData,
        }
    }

    /// The id stored in a column of this entity's table.
    pub const fn from_column(uuid: Uuid) -> Self {
        Self {
            uuid,
            entity: PhantomData,
        }
    }

    /// The plain UUID, as the database stores it.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

/// Why a text is not an id of the expected table.
#[derive(Debug, PartialEq, Eq)]
pub enum ParseIdError {
    /// Not 32 lower-case hex digits.
    Malformed { expected: &'static str },
    /// An id, but of another table.
    WrongTable {
        text: String,
        found: &'static str,
        expected: &'static str,
    },
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { expected } => {
                write!(f, "Value does not match validator.\nValidator: v.id(\"{expected}\")")
            }
            Self::WrongTable { text, found, expected } => write!(
                f,
                "Found ID \"{text}\" from table `{found}`, which does not match the table name in validator \
                 `v.id(\"{expected}\")`."
            ),
        }
    }
}

impl std::error::Error for ParseIdError {}

impl<E: Entity> FromStr for Id<E> {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let malformed = ParseIdError::Malformed { expected: E::TABLE };
        if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(malformed);
        }
        let uuid = Uuid::try_parse(text).map_err(|_| ParseIdError::Malformed { expected: E::TABLE })?;
        let tag = uuid.as_bytes()[15];
        if tag == E::TAG {
            return Ok(Self::from_column(uuid));
        }
        Err(match table_of_tag(tag) {
            Some(found) => ParseIdError::WrongTable {
                text: text.to_owned(),
                found,
                expected: E::TABLE,
            },
            None => malformed,
        })
    }
}

impl<E: Entity> fmt::Display for Id<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.as_simple().fmt(f)
    }
}

impl<E: Entity> fmt::Debug for Id<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", E::TABLE, self.uuid.as_simple())
    }
}

// Written out because a derive would ask the same of `E`.
impl<E: Entity> Clone for Id<E> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E: Entity> Copy for Id<E> {}
impl<E: Entity> PartialEq for Id<E> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<E: Entity> Eq for Id<E> {}
impl<E: Entity> PartialOrd for Id<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E: Entity> Ord for Id<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<E: Entity> Hash for Id<E> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<E: Entity> Serialize for Id<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = [0; 32];
        serializer.serialize_str(self.uuid.as_simple().encode_lower(&mut buffer))
    }
}

impl<'de, E: Entity> Deserialize<'de> for Id<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<E>(PhantomData<fn() -> E>);
        impl<E: Entity> de::Visitor<'_> for Visitor<E> {
            type Value = Id<E>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an id of {}", E::TABLE)
            }
            fn visit_str<Err: de::Error>(self, text: &str) -> Result<Id<E>, Err> {
                text.parse().map_err(Err::custom)
            }
        }
        deserializer.deserialize_str(Visitor(PhantomData))
    }
}

impl<E: Entity> JsonSchema for Id<E> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Id_{}", E::TABLE).into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": format!("^[0-9a-f]{{30}}{:02x}$", E::TAG),
            "description": format!("Id of a row of `{}`.", E::TABLE),
            "examples": [format!("019a2f4c6be07d41a3c85e9b10f2d6{:02x}", E::TAG)],
        })
    }
}

/// The registry of entities: tag, type and table name. A new table takes the next free tag.
macro_rules! entities {
    ($($tag:literal $entity:ident $id:ident $table:literal;)*) => {
        /// The entities that have ids.
        pub mod entity {
            $(
                #[doc = concat!("Rows of `", $table, "`.")]
                pub enum $entity {}
                impl super::Entity for $entity {
                    const TAG: u8 = $tag;
                    const TABLE: &'static str = $table;
                }
            )*
        }
        $(
            #[doc = concat!("Id of a row of `", $table, "`.")]
            pub type $id = Id<entity::$entity>;
        )*
        /// The table that ids with this tag belong to.
        pub const fn table_of_tag(tag: u8) -> Option<&'static str> {
            match tag {
                $($tag => Some($table),)*
                _ => None,
            }
        }
    };
}

entities! {
    0x01 Workspace WorkspaceId "workspaces";
    0x02 User UserId "users";
    0x03 WorkspaceMember WorkspaceMemberId "workspaceMembers";
    0x04 WorkspaceInvitation WorkspaceInvitationId "workspaceInvitations";
    0x05 AuthSession AuthSessionId "authSessions";
    0x06 AuthAccount AuthAccountId "authAccounts";
    0x07 AuthRefreshToken AuthRefreshTokenId "authRefreshTokens";
    0x08 AuthVerificationCode AuthVerificationCodeId "authVerificationCodes";
    0x09 AuditLog AuditLogId "auditLogs";
    0x0a AiAgentSettings AiAgentSettingsId "aiAgentSettings";
    0x0b AutomationSettings AutomationSettingsId "automationSettings";
    0x0c AuditLogSettings AuditLogSettingsId "auditLogSettings";
    0x10 Visitor VisitorId "visitors";
    0x11 WidgetSession WidgetSessionId "widgetSessions";
    0x12 Conversation ConversationId "conversations";
    0x13 Message MessageId "messages";
    0x14 SupportAttachment SupportAttachmentId "supportAttachments";
    0x15 CsatResponse CsatResponseId "csatResponses";
    0x16 Ticket TicketId "tickets";
    0x17 TicketComment TicketCommentId "ticketComments";
    0x18 TicketForm TicketFormId "ticketForms";
    0x19 Snippet SnippetId "snippets";
    0x1a Tag TagId "tags";
    0x1b ConversationTag ConversationTagId "conversationTags";
    0x1c NotificationEvent NotificationEventId "notificationEvents";
    0x1d NotificationDelivery NotificationDeliveryId "notificationDeliveries";
    0x1e EmailConfig EmailConfigId "emailConfigs";
    0x1f EmailThread EmailThreadId "emailThreads";
    0x20 InboundEmail InboundEmailId "_inboundEmails";
    0x30 Article ArticleId "articles";
    0x31 Collection CollectionId "collections";
    0x32 ArticleFeedback ArticleFeedbackId "articleFeedback";
    0x33 ContentEmbedding ContentEmbeddingId "contentEmbeddings";
    0x34 InternalArticle InternalArticleId "internalArticles";
    0x35 ArticleAsset ArticleAssetId "articleAssets";
    0x36 HelpCenterImportSource HelpCenterImportSourceId "helpCenterImportSources";
    0x38 ContentFolder ContentFolderId "contentFolders";
    0xf0 StoredFile StoredFileId "_storage";
    0xf1 Upload UploadId "_uploads";
    0xf2 Job JobId "_jobs";
    0xf3 SigningKey SigningKeyId "_signingKeys";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_32_lower_case_hex_digits_and_parses_back() {
        let id = WorkspaceId::generate();
        let text = id.to_string();
        assert_eq!(text.len(), 32);
        assert!(text.ends_with("01"));
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
    }

    #[test]
    fn ids_of_one_process_ascend() {
        let ids: Vec<_> = (0..1000).map(|_| MessageId::generate()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn an_id_of_another_table_names_both_tables() {
        let user = UserId::generate().to_string();
        let error = user.parse::<WorkspaceId>().unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "Found ID \"{user}\" from table `users`, which does not match the table name in validator \
                 `v.id(\"workspaces\")`."
            )
        );
    }

    #[test]
    fn everything_else_is_malformed() {
        let good = WorkspaceId::generate().to_string();
        for bad in [
            "",
            "x",
            &good[..31],
            &good.to_uppercase(),
            &format!("{good}0"),
            &"z".repeat(32),
        ] {
            let error = bad.parse::<WorkspaceId>().unwrap_err();
            assert_eq!(error, ParseIdError::Malformed { expected: "workspaces" }, "{bad}");
        }
    }
}
