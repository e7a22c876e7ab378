//! What `seed-demo` tells: data, in a file of its own.

use opencom_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A shop for bicycles, its customers, and what they talk about.
pub(super) fn read() -> Result<Story> {
    serde_json::from_str(include_str!("story.json")).map_err(Error::internal)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    pub(super) company: String,
    pub(super) agents: Vec<Role>,
    pub(super) people: Vec<Person>,
    pub(super) devices: Vec<Device>,
    pub(super) tags: Vec<Tag>,
    pub(super) snippets: Vec<Snippet>,
    pub(super) topics: Vec<Topic>,
    pub(super) collections: Vec<Collection>,
    pub(super) drafts: Vec<Article>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) company: String,
    pub(super) city: String,
    pub(super) country: String,
    pub(super) code: String,
    pub(super) plan: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Device {
    browser: String,
    os: String,
    device_type: String,
    platform: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) color: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Snippet {
    pub(super) name: String,
    pub(super) shortcut: String,
    pub(super) content: String,
}

/// What somebody writes about. The first message is the visitor's, the next an agent's, and so on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Topic {
    pub(super) tag: Option<String>,
    pub(super) page: String,
    pub(super) ticket: Option<String>,
    pub(super) messages: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) icon: String,
    pub(super) description: String,
    pub(super) articles: Vec<Article>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Article {
    pub(super) title: String,
    pub(super) content: String,
}
