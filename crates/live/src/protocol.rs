//! What clients send over the sync socket.
//!
//! Read leniently: a bad path or bad arguments fail one call, and only what breaks the protocol itself fails the
//! connection. `convex_sync_types` checks in the tests that official clients' frames are all understood.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A frame of a client.
#[derive(Debug)]
pub enum ClientFrame<'a> {
    /// Opens a session; always the first one.
    Connect(Connect),
    /// Changes the set of held queries.
    ModifyQuerySet(ModifyQuerySet<'a>),
    /// Calls a mutation.
    Mutation(Call<'a>),
    /// Calls an action.
    Action(Call<'a>),
    /// Changes who the client speaks for.
    Authenticate(Authenticate<'a>),
    /// Tells something that needs no answer.
    Event,
}

/// Opens a session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connect {
    /// Chosen by the client. The npm client keeps it over reconnects.
    pub session_id: Uuid,
    /// Not zero for a reconnect.
    #[serde(default)]
    pub connection_count: u64,
    /// The newest timestamp that the client has seen.
    #[serde(default, deserialize_with = "timestamp")]
    pub max_observed_timestamp: Option<u64>,
    /// The client's clock, in milliseconds.
    #[serde(default)]
    pub client_ts: Option<i64>,
}

/// Changes the set of held queries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModifyQuerySet<'a> {
    /// The version that the client changes.
    pub base_version: u32,
    /// The version afterwards.
    pub new_version: u32,
    /// The changes, in order.
    #[serde(borrow)]
    pub modifications: Vec<Modification<'a>>,
}

/// One change of the set of held queries.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Modification<'a> {
    /// What to do.
    #[serde(rename = "type")]
    pub kind: Change,
    /// Chosen by the client.
    pub query_id: u32,
    /// The function, when one is added.
    #[serde(borrow, default)]
    pub udf_path: Option<Cow<'a, str>>,
    /// Its arguments.
    #[serde(borrow, default)]
    pub args: Option<&'a RawValue>,
    /// What an earlier execution kept.
    #[serde(borrow, default)]
    pub journal: Option<Cow<'a, str>>,
    /// Names a component; there are none.
    #[serde(borrow, default)]
    pub component_path: Option<Cow<'a, str>>,
}

/// What to do with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Change {
    /// Hold it.
    Add,
    /// Hold it no longer.
    Remove,
}

/// A call of a mutation or an action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call<'a> {
    /// Counted by the client.
    pub request_id: u32,
    /// The function.
    #[serde(borrow)]
    pub udf_path: Cow<'a, str>,
    /// Its arguments.
    #[serde(borrow, default)]
    pub args: Option<&'a RawValue>,
    /// Names a component; there are none.
    #[serde(borrow, default)]
    pub component_path: Option<Cow<'a, str>>,
}

/// Changes who the client speaks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Authenticate<'a> {
    /// The version of the identity that the client changes.
    pub base_version: u32,
    /// What the value is.
    pub token_type: TokenType,
    /// The token.
    #[serde(borrow, default)]
    pub value: Option<Cow<'a, str>>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TokenType {
    /// An agent's access token.
    User,
    /// Nobody.
    None,
    /// An admin key; there are none.
    Admin,
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text: Option<Cow<'de, str>> = Option::deserialize(deserializer)?;
    text.map(|text| {
        opencom_core::auth::token::u64_of_base64(&text)
            .ok_or_else(|| serde::de::Error::custom("a timestamp is the base64 of 8 bytes"))
    })
    .transpose()
}

impl<'a> ClientFrame<'a> {
    /// The frame in a text.
    ///
    /// # Errors
    /// When it is none, with what is wrong.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Tag<'a> {
            #[serde(borrow, rename = "type")]
            kind: Cow<'a, str>,
        }
        let Tag { kind } = serde_json::from_str(text)?;
        Ok(match &*kind {
            "Connect" => Self::Connect(serde_json::from_str(text)?),
            "ModifyQuerySet" => Self::ModifyQuerySet(serde_json::from_str(text)?),
            "Mutation" => Self::Mutation(serde_json::from_str(text)?),
            "Action" => Self::Action(serde_json::from_str(text)?),
            "Authenticate" => Self::Authenticate(serde_json::from_str(text)?),
            "Event" => Self::Event,
            other => {
                let shown: String = other.chars().take(50).collect();
                return Err(serde::de::Error::custom(format!("unknown message type {shown:?}")));
            }
        })
    }
}
