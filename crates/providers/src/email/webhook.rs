//! Whether a report comes from whom it says: signatures of webhooks.
//!
//! Two forms are accepted: Svix's, which Resend sends, and an older one that signs time and body under the secret as it is
//! written. Both cover the bytes of the body, and hold for a while only, so that a recorded report is worth little.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

/// The prefix of Svix's secrets.
const PREFIX: &str = "whsec_";

/// The headers of a report that say who it is from, under whichever name they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signed<'a> {
    /// `svix-id` or `webhook-id`.
    pub id: Option<&'a str>,
    /// `svix-timestamp` or `webhook-timestamp`, in seconds.
    pub timestamp: Option<&'a str>,
    /// `svix-signature` or `webhook-signature`.
    pub signature: Option<&'a str>,
}

/// Why a report is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is nothing to check by.
    #[error("no secret is set")]
    NoSecret,
    /// It is not signed.
    #[error("there is no signature")]
    Missing,
    /// The signature is another's, or too old, or too new.
    #[error("the signature is not good")]
    Invalid,
}

/// Checks reports.
#[derive(Clone)]
pub struct Gate {
    secret: Option<String>,
    /// Whether reports are refused when there is no secret.
    enforced: bool,
    /// Seconds by which the clocks may differ, in both directions.
    tolerance: i64,
}

impl Gate {
    /// Checks by a secret. Without one everything is refused, unless that is not `enforced`. `tolerance` is in seconds.
    pub fn new(secret: Option<String>, enforced: bool, tolerance: i64) -> Self {
        Self {
            secret: secret.filter(|secret| !secret.is_empty()),
            enforced,
            tolerance,
        }
    }

    /// Whether a report with these headers and this body, at `now` in seconds since the epoch, is to be believed.
    pub fn check(&self, signed: Signed<'_>, body: &[u8], now: i64) -> Result<(), SignatureError> {
        let Some(secret) = &self.secret else {
            return if self.enforced {
                Err(SignatureError::NoSecret)
            } else {
                Ok(())
            };
        };
        let signature = signed.signature.ok_or(SignatureError::Missing)?;
        let good = match flat_parts(signature) {
            Some(parts) => self.in_time(parts.timestamp, now) && flat_fits(secret, &parts, body),
            None => {
                let timestamp = signed.timestamp.unwrap_or_default();
                self.in_time(timestamp, now) && svix_fits(secret, signed, body)
            }
        };
        if good { Ok(()) } else { Err(SignatureError::Invalid) }
    }

    fn in_time(&self, timestamp: &str, now: i64) -> bool {
        let timestamp = timestamp.parse::<i64>();
        timestamp.is_ok_and(|timestamp| now.abs_diff(timestamp) <= self.tolerance.unsigned_abs())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("has_secret", &self.secret.is_some())
            .field("enforced", &self.enforced)
            .field("tolerance", &self.tolerance)
            .finish()
    }
}

/// The older form: `t=<seconds>,v1=<hex>`.
struct FlatParts<'a> {
    timestamp: &'a str,
    digests: Vec<&'a str>,
}

/// The parts of a signature in the older form; `None` when it is in the other one.
fn flat_parts(signature: &str) -> Option<FlatParts<'_>> {
    let parts = || signature.split(',').map(str::trim);
    let digests: Vec<&str> = parts().filter_map(|part| part.strip_prefix("v1=")).collect();
    (!digests.is_empty()).then(|| FlatParts {
        timestamp: parts().find_map(|part| part.strip_prefix("t=")).unwrap_or_default(),
        digests,
    })
}

fn flat_fits(secret: &str, parts: &FlatParts<'_>, body: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [parts.timestamp.as_bytes(), b".", body].concat();
    parts.digests.iter().any(|digest| {
        let is_lower = !digest.bytes().any(|byte| byte.is_ascii_uppercase());
        is_lower && hex::decode(digest).is_ok_and(|digest| is_signature(&key, &signed, &digest))
    })
}

/// Svix's form: `v1,<base64>` for each of the secrets that are good, with other versions among them.
fn svix_fits(secret: &str, signed: Signed<'_>, body: &[u8]) -> bool {
    let (Some(id), Some(timestamp), Some(signatures)) = (signed.id, signed.timestamp, signed.signature) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &svix_key(secret));
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let mut signatures = signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"));
    signatures.any(|signature| {
        let signature = STANDARD.decode(signature);
        signature.is_ok_and(|signature| is_signature(&key, &signed, &signature))
    })
}

/// A secret that is no base64 is the key itself.
fn svix_key(secret: &str) -> Vec<u8> {
    let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
    STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// Takes as long for a wrong signature as for the right one.
fn is_signature(key: &hmac::Key, signed: &[u8], signature: &[u8]) -> bool {
    hmac::verify(key, signed, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_b3BlbmNvbS1jb250cmFjdC10ZXN0LXNlY3JldC0zMmI=";
    const BODY: &[u8] = br#"{"type":"email.received","data":{}}"#;
    const AT: i64 = 1_700_000_000;
    const SVIX: &str = "v1,LCL9dcXRYrkSpqLl3EkHTZ+h5GkDJYBmSwb37Zh5+5U=";
    const FLAT: &str = "t=1700000000,v1=ac13f8612d267529d9142639536cb203aff31ff723c522e07dfbe1651919829a";

    fn gate() -> Gate {
        Gate::new(Some(SECRET.to_owned()), true, 300)
    }

    fn svix_signed(signature: &str) -> Signed<'_> {
        Signed {
            id: Some("msg_test_1"),
            timestamp: Some("1700000000"),
            signature: Some(signature),
        }
    }

    fn flat_signed(signature: &str) -> Signed<'_> {
        Signed {
            signature: Some(signature),
            ..Signed::default()
        }
    }

    #[test]
    fn svixs_own_vector_is_good() {
        let gate = Gate::new(Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()), true, 300);
        let signed = Signed {
            id: Some("msg_p5jXN8AQM9LWM0D4loKWxJek"),
            timestamp: Some("1614265330"),
            signature: Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        };
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(gate.check(signed, body, 1_614_265_330), Ok(()));
        assert_eq!(gate.check(signed, b"{}", 1_614_265_330), Err(SignatureError::Invalid));
    }

    #[test]
    fn both_forms_are_good_within_the_tolerance() {
        for now in [AT - 300, AT, AT + 300] {
            assert_eq!(gate().check(svix_signed(SVIX), BODY, now), Ok(()), "{now}");
            assert_eq!(gate().check(flat_signed(FLAT), BODY, now), Ok(()), "{now}");
        }
        for now in [AT - 301, AT + 301, i64::MAX, i64::MIN] {
            assert_eq!(
                gate().check(svix_signed(SVIX), BODY, now),
                Err(SignatureError::Invalid),
                "{now}"
            );
            assert_eq!(
                gate().check(flat_signed(FLAT), BODY, now),
                Err(SignatureError::Invalid),
                "{now}"
            );
        }
    }

    #[test]
    fn one_good_signature_of_several_is_enough() {
        let several = format!("v1,AAAA v2,BBBB {SVIX}");
        assert_eq!(gate().check(svix_signed(&several), BODY, AT), Ok(()));
        let other_version = SVIX.replace("v1", "v2");
        assert_eq!(
            gate().check(svix_signed(&other_version), BODY, AT),
            Err(SignatureError::Invalid)
        );
        let several = format!("v0=00,v1=00,{FLAT}");
        assert_eq!(gate().check(flat_signed(&several), BODY, AT), Ok(()));
    }

    #[test]
    fn what_is_missing_or_another_s_is_refused() {
        assert_eq!(gate().check(Signed::default(), BODY, AT), Err(SignatureError::Missing));
        for signed in [
            Signed {
                id: None,
                ..svix_signed(SVIX)
            },
            Signed {
                timestamp: None,
                ..svix_signed(SVIX)
            },
            Signed {
                timestamp: Some("soon"),
                ..svix_signed(SVIX)
            },
            Signed {
                id: Some("msg_test_2"),
                ..svix_signed(SVIX)
            },
            svix_signed(""),
            svix_signed("v1,"),
            flat_signed("v1=ac13f8612d267529d9142639536cb203aff31ff723c522e07dfbe1651919829a"),
            flat_signed("t=1700000001,v1=ac13f8612d267529d9142639536cb203aff31ff723c522e07dfbe1651919829a"),
            flat_signed("t=1700000000,v1=AC13F8612D267529D9142639536CB203AFF31FF723C522E07DFBE1651919829A"),
            flat_signed("t=1700000000,v1=nonsense"),
        ] {
            assert_eq!(
                gate().check(signed, BODY, AT),
                Err(SignatureError::Invalid),
                "{signed:?}"
            );
        }
        assert_eq!(gate().check(svix_signed(SVIX), b"{}", AT), Err(SignatureError::Invalid));
    }

    #[test]
    fn without_a_secret_nothing_is_believed_unless_that_is_said() {
        for secret in [None, Some(String::new())] {
            let closed = Gate::new(secret.clone(), true, 300);
            assert_eq!(closed.check(svix_signed(SVIX), BODY, AT), Err(SignatureError::NoSecret));
            assert_eq!(Gate::new(secret, false, 300).check(Signed::default(), BODY, AT), Ok(()));
        }
        let open = Gate::new(Some(SECRET.to_owned()), false, 300);
        assert_eq!(
            open.check(Signed::default(), BODY, AT),
            Err(SignatureError::Missing),
            "a secret is always used"
        );
    }

    #[test]
    fn a_secret_that_is_no_base64_is_the_key() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"not base64!");
        let tag = hmac::sign(&key, &[b"msg_1.1700000000.", BODY].concat());
        let signature = format!("v1,{}", STANDARD.encode(tag));
        let gate = Gate::new(Some("whsec_not base64!".to_owned()), true, 300);
        let signed = Signed {
            id: Some("msg_1"),
            timestamp: Some("1700000000"),
            signature: Some(&signature),
        };
        assert_eq!(gate.check(signed, BODY, AT), Ok(()));
    }

    #[test]
    fn a_gate_shows_no_secret() {
        assert!(!format!("{:?}", gate()).contains("b3Blbm"));
    }
}
