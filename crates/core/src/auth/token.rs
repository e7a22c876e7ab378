//! Opaque tokens and the hashes under which they are stored.

use base64::Engine;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// Random bytes of the operating system.
///
/// # Errors
/// When the operating system has no randomness to give; nothing secret can be made then.
pub fn random<const N: usize>() -> crate::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| crate::Error::internal("the system's random source failed"))?;
    Ok(bytes)
}

/// A visitor's session token: `wst_` and 64 lower-case hex digits.
pub fn visitor_session_token() -> crate::Result<String> {
    Ok(format!("wst_{}", hex::encode(random::<32>()?)))
}

/// A code of `digits` decimal digits, every one equally likely.
pub fn numeric_code(digits: u32) -> crate::Result<String> {
    let limit = 10_u64.pow(digits);
    // Values beyond the last whole multiple would favour small codes.
    let whole = u64::MAX - u64::MAX % limit;
    loop {
        let value = u64::from_le_bytes(random()?);
        if value < whole {
            return Ok(format!("{:0width$}", value % limit, width = digits as usize));
        }
    }
}

/// A text of `length` letters and digits, every one equally likely.
pub fn alphanumeric(length: usize) -> crate::Result<String> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // Values beyond the last whole multiple would favour the first letters.
    const WHOLE: u8 = 248;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let good = random::<64>()?.into_iter().filter(|byte| *byte < WHOLE);
        let letters = good.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        text.extend(letters.take(length - text.len()));
    }
    Ok(text)
}

/// Under which a secret token is stored and looked up. Tokens are long and random, so no salt is needed.
pub fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

/// A 64-bit number as the wire writes timestamps: base64 of 8 little-endian bytes.
pub fn base64_u64(value: u64) -> String {
    base64::engine::general_purpose::STANDARD.encode(value.to_le_bytes())
}

/// The number that such a text stands for; `None` for another text.
pub fn u64_of_base64(text: &str) -> Option<u64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Whether `user_hash` is the hex HMAC-SHA-256 of `external_user_id` under the workspace's secret, compared in
/// constant time. Upper-case digits are accepted.
pub fn is_user_hash(secret: &str, external_user_id: &str, user_hash: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::decode(user_hash).is_ok_and(|tag| hmac::verify(&key, external_user_id.as_bytes(), &tag).is_ok())
}

/// The hash that a customer's server computes for its user.
pub fn user_hash(secret: &str, external_user_id: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hex::encode(hmac::sign(&key, external_user_id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_tokens_have_their_form() {
        let token = visitor_session_token().unwrap();
        assert_eq!(token.len(), 68);
        assert!(token[4..].bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
    }

    #[test]
    fn codes_have_all_their_digits() {
        for _ in 0..1000 {
            let code = numeric_code(6).unwrap();
            assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
        }
    }

    #[test]
    fn letters_and_digits_are_all_used() {
        let text = alphanumeric(10_000).unwrap();
        assert_eq!(text.len(), 10_000);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
        let used: std::collections::BTreeSet<_> = text.bytes().collect();
        assert_eq!(used.len(), 62);
    }

    #[test]
    fn timestamps_are_written_as_clients_read_them() {
        for (value, text) in [
            (0, "AAAAAAAAAAA="),
            (1, "AQAAAAAAAAA="),
            (100, "ZAAAAAAAAAA="),
            (1000, "6AMAAAAAAAA="),
            (1_152_921_504_606_846_976, "AAAAAAAAABA="),
            (9_223_372_036_854_775_807, "/////////38="),
        ] {
            assert_eq!(base64_u64(value), text);
            assert_eq!(u64_of_base64(text), Some(value));
        }
        assert_eq!(u64_of_base64("AQAAAAAAAA=="), None);
        assert_eq!(u64_of_base64("?"), None);
    }

    #[test]
    fn user_hashes_match_a_published_vector() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(user_hash("Jefe", "what do ya want for nothing?"), expected);
        assert!(is_user_hash("Jefe", "what do ya want for nothing?", expected));
        assert!(is_user_hash(
            "Jefe",
            "what do ya want for nothing?",
            &expected.to_uppercase()
        ));
        assert!(!is_user_hash("jefe", "what do ya want for nothing?", expected));
        assert!(!is_user_hash("Jefe", "what do ya want for nothing?", "zz"));
        assert!(is_user_hash("s", "ünï", &user_hash("s", "ünï")));
    }
}
