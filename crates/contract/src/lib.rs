#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod ai_agent;
pub mod arguments;
pub mod articles;
pub mod audit_logs;
pub mod auth;
pub mod automation_settings;
pub mod collections;
pub mod conversations;
pub mod discovery;
pub mod done;
pub mod email_channel;
pub mod embeddings;
pub mod events;
pub mod function;
pub mod identity_verification;
pub mod limits;
pub mod messages;
pub mod push;
pub mod snippets;
pub mod support_attachments;
pub mod tags;
pub mod tickets;
pub mod visitors;
pub mod widget_sessions;
pub mod workspace_members;
pub mod workspaces;

pub use function::{Access, Descriptor, Event, Function, FunctionKind, Kind, Otherwise, Who};

/// Every function, module by module.
pub fn catalogue() -> impl Iterator<Item = &'static Descriptor> {
    [
        auth::FUNCTIONS,
        workspaces::FUNCTIONS,
        widget_sessions::FUNCTIONS,
        visitors::FUNCTIONS,
        conversations::FUNCTIONS,
        messages::FUNCTIONS,
        support_attachments::FUNCTIONS,
        workspace_members::FUNCTIONS,
        identity_verification::FUNCTIONS,
        audit_logs::FUNCTIONS,
        ai_agent::FUNCTIONS,
        automation_settings::FUNCTIONS,
        snippets::FUNCTIONS,
        tags::FUNCTIONS,
        tickets::FUNCTIONS,
        discovery::FUNCTIONS,
        email_channel::FUNCTIONS,
        articles::FUNCTIONS,
        collections::FUNCTIONS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_path_stands_twice() {
        let mut seen = HashSet::new();
        for function in super::catalogue() {
            assert!(seen.insert(function.path), "{} is defined twice", function.path);
        }
    }
}
