//! Topics: what queries read and mutations change, as "the rows of a table whose key is this".
//!
//! A context declares its topics by [`topics!`](crate::topics!), each under a name that starts with the owner's. A context
//! that reads another's rows declares the same name again: contexts share names, not crates.

use std::fmt;

use opencom_core::auth::token::sha256;
use opencom_core::id::{AuthSessionId, StoredFileId, UserId, WorkspaceId};
use uuid::Uuid;

/// Rows that change together, packed into 20 bytes. A query records the topics that it reads, a write those that it
/// touches, both where the SQL is. The narrowest one that is still right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    tag: u32,
    key: Uuid,
}

impl Topic {
    /// The length of the packed form, in bytes.
    pub const PACKED: usize = 20;

    /// The topic of this name and key.
    pub fn new<K: Key>(name: &'static str, key: K) -> Self {
        Self {
            tag: tag(name),
            key: key.to_uuid(),
        }
    }

    /// The form in which replicas exchange topics.
    pub fn pack(self) -> [u8; Self::PACKED] {
        let mut bytes = [0; Self::PACKED];
        bytes[..4].copy_from_slice(&self.tag.to_be_bytes());
        bytes[4..].copy_from_slice(self.key.as_bytes());
        bytes
    }

    /// Reverses [`pack`](Self::pack).
    pub fn unpack(bytes: [u8; Self::PACKED]) -> Self {
        let [a, b, c, d, key @ ..] = bytes;
        Self {
            tag: u32::from_be_bytes([a, b, c, d]),
            key: Uuid::from_bytes(key),
        }
    }
}

/// The tag of a name: FNV-1a.
const fn tag(name: &str) -> u32 {
    let (bytes, mut hash, mut at) = (name.as_bytes(), 0x811c_9dc5_u32, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// A topic as it was declared, for the check that no two clash.
#[derive(Clone, Copy)]
pub struct Declared {
    name: &'static str,
    key: fn() -> &'static str,
}

impl Declared {
    /// The declaration of a topic with keys of type `K`.
    pub const fn new<K: Key>(name: &'static str) -> Self {
        Self {
            name,
            key: std::any::type_name::<K>,
        }
    }

    /// The name, `owner.rows`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the two share a tag without being the same topic.
    pub fn clashes_with(&self, other: &Self) -> bool {
        tag(self.name) == tag(other.name) && (self.name != other.name || (self.key)() != (other.key)())
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {} by {}", self.name, (self.key)())
    }
}

/// Declares topics: for each a function that makes it from its key, and all of them as `TOPICS`.
///
/// ```
/// # use opencom_core::id::WorkspaceId;
/// opencom_runtime::topics! {
///     /// The snippets of a workspace: which ones there are, and their rows.
///     snippets_of_workspace(WorkspaceId) = "inbox.snippets_of_workspace";
/// }
/// let topic = snippets_of_workspace(WorkspaceId::generate());
/// # let _ = (topic, TOPICS);
/// ```
#[macro_export]
macro_rules! topics {
    ($($(#[$meta:meta])* $name:ident($key:ty) = $text:literal;)*) => {
        $(
            $(#[$meta])*
            pub fn $name(key: $key) -> $crate::Topic {
                $crate::Topic::new($text, key)
            }
        )*

        /// The topics declared here.
        pub const TOPICS: &[$crate::topic::Declared] = &[$($crate::topic::Declared::new::<$key>($text)),*];
    };
}

// What access checks and stored files read. The first part of a name is the context that owns the table.
topics! {
    /// A workspace's own row.
    workspace(WorkspaceId) = "admin.workspace";
    /// Any workspace: which ones there are and their names.
    workspaces(Everything) = "admin.workspaces";
    /// A user's own row.
    user(UserId) = "admin.user";
    /// The memberships of a user.
    memberships_of_user(UserId) = "admin.memberships_of_user";
    /// An agent's session.
    auth_session(AuthSessionId) = "admin.auth_session";
    /// A visitor's session, by the hash of its token.
    widget_session(Hashed) = "inbox.widget_session";
    /// A stored file.
    stored_file(StoredFileId) = "runtime.stored_file";
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

/// What keys a topic.
pub trait Key: 'static {
    /// The key as it is packed.
    fn to_uuid(self) -> Uuid;
}

impl<E: opencom_core::id::Entity> Key for opencom_core::Id<E> {
    fn to_uuid(self) -> Uuid {
        self.uuid()
    }
}

impl Key for Hashed {
    fn to_uuid(self) -> Uuid {
        self.0
    }
}

impl Key for Everything {
    fn to_uuid(self) -> Uuid {
        Uuid::nil()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_survive_packing() {
        for topic in [
            workspace(WorkspaceId::generate()),
            workspaces(Everything),
            widget_session(Hashed::text("wst_x")),
        ] {
            assert_eq!(Topic::unpack(topic.pack()), topic);
        }
    }

    #[test]
    fn a_clash_is_one_tag_for_two_topics() {
        let [one, same] = [Declared::new::<UserId>("a.b"), Declared::new::<UserId>("a.b")];
        assert!(!one.clashes_with(&same));
        assert!(one.clashes_with(&Declared::new::<WorkspaceId>("a.b")));
        assert!(!one.clashes_with(&Declared::new::<UserId>("a.c")));
    }
}
