//! Reply aliases: plus-addresses such as `inbox+<token>@example.com` that name a conversation.
//!
//! A reply to an alias finds its conversation even if mail clients and providers rewrite message ids. The token is signed, so
//! that a sender cannot name another conversation.

use data_encoding::BASE32_NOPAD;
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::ConversationId;

/// The purpose that the signing key is derived for.
const PURPOSE: &str = "inbox.reply_alias";
/// Bytes of the signature. The token has to fit into the 64 characters of a local part.
const SIGNATURE_LENGTH: usize = 10;

/// Returns the reply alias of a conversation under `address`, or `None` if `address` has no `@`.
pub fn for_conversation(key: &MasterKey, address: &str, id: ConversationId) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    let bytes = id.uuid().into_bytes();
    let token = [&bytes[..], &sign(key, &bytes)].concat();
    Some(format!(
        "{local}+{}@{domain}",
        BASE32_NOPAD.encode(&token).to_lowercase()
    ))
}

/// Splits a plus-address into the address without the token, and the token.
pub fn split(address: &str) -> Option<(String, &str)> {
    let (local, domain) = address.split_once('@')?;
    let (local, token) = local.split_once('+')?;
    Some((format!("{local}@{domain}"), token))
}

/// Verifies a token and returns its conversation, or `None` if the token is malformed or its signature is wrong.
pub fn verify(key: &MasterKey, token: &str) -> Option<ConversationId> {
    let token = BASE32_NOPAD.decode(token.to_uppercase().as_bytes()).ok()?;
    let (bytes, signature) = token.split_first_chunk::<16>()?;
    // Mails sent before the master key was rotated are signed with the previous one.
    let signatures = key.derivations(PURPOSE, &[bytes]);
    if !signatures
        .iter()
        .any(|derived| is_same(&derived[..SIGNATURE_LENGTH], signature))
    {
        return None;
    }
    hex::encode(bytes).parse().ok()
}

fn sign(key: &MasterKey, bytes: &[u8]) -> [u8; SIGNATURE_LENGTH] {
    let mut signature = [0; SIGNATURE_LENGTH];
    signature.copy_from_slice(&key.derive(PURPOSE, &[bytes])[..SIGNATURE_LENGTH]);
    signature
}

/// Compares in constant time.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_names_its_conversation_and_a_changed_one_none() {
        let key = MasterKey::new(&[7; 32]).unwrap();
        let id = ConversationId::generate();
        let alias = for_conversation(&key, "inbox-12345678@mail.opencom.app", id).unwrap();
        assert!(alias.split('@').next().unwrap().len() <= 64, "{alias}");
        let (address, token) = split(&alias).unwrap();
        assert_eq!(address, "inbox-12345678@mail.opencom.app");
        assert_eq!(verify(&key, token), Some(id));
        assert_eq!(verify(&key, &token.to_uppercase()), Some(id));
        let other = MasterKey::new(&[8; 32]).unwrap();
        assert_eq!(verify(&other, token), None);
        let changed = other.and_previous(&[7; 32]).unwrap();
        assert_eq!(verify(&changed, token), Some(id));
        for place in [0, 10, token.len() - 1] {
            let mut changed: Vec<char> = token.chars().collect();
            changed[place] = if changed[place] == 'a' { 'b' } else { 'a' };
            let changed: String = changed.into_iter().collect();
            assert_eq!(verify(&key, &changed), None, "{changed}");
        }
        for nonsense in ["", "x", "!!!", "aaaaaaaa"] {
            assert_eq!(verify(&key, nonsense), None, "{nonsense}");
        }
        assert_eq!(split("inbox-1@x.com"), None);
    }
}
