//! The address that answers to a mail go to: the workspace's, with the conversation in it, signed, so that an answer finds
//! its conversation even where mail programs and providers rewrite ids, and nobody else's can be named.

use data_encoding::BASE32_NOPAD;
use opencom_core::auth::seal::MasterKey;
use opencom_core::id::ConversationId;

/// What the signature is for.
const PURPOSE: &str = "inbox.reply_alias";
/// Bytes of the signature: enough, and the whole fits into the part before the `@`.
const SIGNATURE: usize = 10;

/// The address for answers in a conversation, under the workspace's address.
pub(super) fn of_conversation(key: &MasterKey, forwarding_address: &str, id: ConversationId) -> Option<String> {
    let (local, domain) = forwarding_address.split_once('@')?;
    let bytes = id.uuid().into_bytes();
    let token = [&bytes[..], &sign(key, &bytes)].concat();
    Some(format!(
        "{local}+{}@{domain}",
        BASE32_NOPAD.encode(&token).to_lowercase()
    ))
}

/// The workspace's address, and the token behind a `+`, of an address that mail came to.
pub(super) fn split(address: &str) -> Option<(String, &str)> {
    let (local, domain) = address.split_once('@')?;
    let (local, token) = local.split_once('+')?;
    Some((format!("{local}@{domain}"), token))
}

/// The conversation that a token names, when it is one of ours.
pub(super) fn conversation(key: &MasterKey, token: &str) -> Option<ConversationId> {
    let token = BASE32_NOPAD.decode(token.to_uppercase().as_bytes()).ok()?;
    let (bytes, signature) = token.split_first_chunk::<16>()?;
    // Mails that went out before the master key was changed are signed under the earlier one.
    let signatures = key.derivations(PURPOSE, &[bytes]);
    if !signatures
        .iter()
        .any(|derived| is_same(&derived[..SIGNATURE], signature))
    {
        return None;
    }
    hex::encode(bytes).parse().ok()
}

fn sign(key: &MasterKey, bytes: &[u8]) -> [u8; SIGNATURE] {
    let mut signature = [0; SIGNATURE];
    signature.copy_from_slice(&key.derive(PURPOSE, &[bytes])[..SIGNATURE]);
    signature
}

/// Takes as long for a wrong signature as for the right one.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_leads_back_and_a_changed_one_nowhere() {
        let key = MasterKey::new(&[7; 32]).unwrap();
        let id = ConversationId::generate();
        let alias = of_conversation(&key, "inbox-12345678@mail.opencom.app", id).unwrap();
        assert!(alias.split('@').next().unwrap().len() <= 64, "{alias}");
        let (address, token) = split(&alias).unwrap();
        assert_eq!(address, "inbox-12345678@mail.opencom.app");
        assert_eq!(conversation(&key, token), Some(id));
        assert_eq!(conversation(&key, &token.to_uppercase()), Some(id));
        let other = MasterKey::new(&[8; 32]).unwrap();
        assert_eq!(conversation(&other, token), None);
        let changed = other.and_previous(&[7; 32]).unwrap();
        assert_eq!(conversation(&changed, token), Some(id));
        for place in [0, 10, token.len() - 1] {
            let mut changed: Vec<char> = token.chars().collect();
            changed[place] = if changed[place] == 'a' { 'b' } else { 'a' };
            let changed: String = changed.into_iter().collect();
            assert_eq!(conversation(&key, &changed), None, "{changed}");
        }
        for nonsense in ["", "x", "!!!", "aaaaaaaa"] {
            assert_eq!(conversation(&key, nonsense), None, "{nonsense}");
        }
        assert_eq!(split("inbox-1@x.com"), None);
    }
}
