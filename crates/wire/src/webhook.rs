//! Webhook signatures by Standard Webhooks 1.0 over `id.timestamp.body`: Ed25519 (`v1a`), and HMAC-SHA256 (`v1`) for receivers
//! whose library knows only that.
//!
//! The asymmetric form comes first because the receiver then holds nothing that is worth stealing. A header may carry several
//! signatures, separated by spaces; one that fits is enough, so that a secret is rotated without a gap.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SIGNATURE_PREFIX: &str = "v1a,";
const PUBLIC_KEY_PREFIX: &str = "whpk_";
const SYMMETRIC_PREFIX: &str = "v1,";
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a secret that we make; the standard asks for 24 to 64.
pub const SECRET_BYTES: usize = 32;
/// Bytes that the secret of a receiver may have.
const SECRET_BYTES_ALLOWED: std::ops::RangeInclusive<usize> = 24..=64;

/// Signatures looked at in one header.
const SIGNATURES_MAX: usize = 16;

/// The signing key is not a valid Ed25519 seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 seed of 32 bytes")]
pub struct SigningKeyError;

/// The key that signs webhook calls.
pub struct SigningKey(Ed25519KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// From a seed of 32 bytes (RFC 8032 §5.1.5).
    ///
    /// # Errors
    /// A seed of another length.
    pub fn from_seed(seed: &[u8]) -> Result<Self, SigningKeyError> {
        Ed25519KeyPair::from_seed_unchecked(seed)
            .map(Self)
            .map_err(|_| SigningKeyError)
    }

    /// The public key, 32 bytes.
    pub fn public_key(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    /// The value of `webhook-signature` for one call.
    ///
    /// `id` is the value of `webhook-id`, `timestamp_seconds` that of `webhook-timestamp`, `body` the exact bytes sent.
    pub fn sign(&self, id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        let signature = self.0.sign(&signed_content(id, timestamp_seconds, body));
        format!("{SIGNATURE_PREFIX}{}", STANDARD.encode(signature.as_ref()))
    }
}

/// A secret as text: `whsec_` and base64.
pub fn secret_text(secret: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(secret))
}

/// The bytes of a secret's text; `None` unless it is `whsec_` and the base64 of 24 to 64 bytes.
pub fn parse_secret(text: &str) -> Option<Vec<u8>> {
    STANDARD
        .decode(text.strip_prefix(SECRET_PREFIX)?)
        .ok()
        .filter(|secret| SECRET_BYTES_ALLOWED.contains(&secret.len()))
}

/// One symmetric signature for `webhook-signature`, `v1,…`; the arguments are those of [`SigningKey::sign`].
pub fn sign_symmetric(secret: &[u8], id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, &signed_content(id, timestamp_seconds, body));
    format!("{SYMMETRIC_PREFIX}{}", STANDARD.encode(tag.as_ref()))
}

/// True if one of the symmetric signatures in `header` was made with this secret; compared in constant time. Others are skipped.
pub fn verify_symmetric(
    secret: &[u8],
    id: &str,
    timestamp_seconds: i64,
    body: &[u8],
    header: &str,
) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let content = signed_content(id, timestamp_seconds, body);
    let mut fits = false;
    for item in header.split(' ').take(SIGNATURES_MAX) {
        if let Some(tag) = item
            .strip_prefix(SYMMETRIC_PREFIX)
            .and_then(|text| STANDARD.decode(text).ok())
        {
            fits |= hmac::verify(&key, &content, &tag).is_ok();
        }
    }
    fits
}

/// The bytes under the signature: `id.timestamp.body`.
pub fn signed_content(id: &str, timestamp_seconds: i64, body: &[u8]) -> Vec<u8> {
    let mut content = format!("{id}.{timestamp_seconds}.").into_bytes();
    content.extend_from_slice(body);
    content
}

/// A public key as text: `whpk_` and base64.
pub fn public_key_text(public_key: &[u8]) -> String {
    format!("{PUBLIC_KEY_PREFIX}{}", STANDARD.encode(public_key))
}

/// The bytes of a public key's text; `None` unless it is `whpk_` and the base64 of 32 bytes.
pub fn parse_public_key(text: &str) -> Option<Vec<u8>> {
    STANDARD
        .decode(text.strip_prefix(PUBLIC_KEY_PREFIX)?)
        .ok()
        .filter(|key| key.len() == 32)
}

/// True if one of the signatures in `header` (`v1a,… v1a,…`, separated by spaces) fits one of the public keys.
///
/// Signatures of other versions are skipped, as the standard demands; at most 16 are looked at. Every pair is tried, so
/// the time does not tell which fitted. Whether the time stamp is recent is for the caller to judge.
pub fn verify(
    public_keys: &[&[u8]],
    id: &str,
    timestamp_seconds: i64,
    body: &[u8],
    header: &str,
) -> bool {
    let content = signed_content(id, timestamp_seconds, body);
    let mut fits = false;
    for item in header.split(' ').take(SIGNATURES_MAX) {
        let Some(signature) = item
            .strip_prefix(SIGNATURE_PREFIX)
            .and_then(|text| STANDARD.decode(text).ok())
        else {
            continue;
        };
        for key in public_keys {
            fits |= UnparsedPublicKey::new(&ED25519, key)
                .verify(&content, &signature)
                .is_ok();
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use lgsp_base::hash::{from_hex, to_hex};

    fn key() -> SigningKey {
        // RFC 8032 §7.1, test 1.
        let seed = from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .expect("hex");
        SigningKey::from_seed(&seed).expect("seed")
    }

    #[test]
    fn the_public_key_is_that_of_rfc_8032() {
        let public = key().public_key();
        assert_eq!(
            to_hex(&public),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        let text = public_key_text(&public);
        assert!(text.starts_with("whpk_"));
        assert_eq!(parse_public_key(&text), Some(public));
        assert_eq!(parse_public_key("whpk_AAAA"), None);
        assert_eq!(parse_public_key("AAAA"), None);
        assert!(SigningKey::from_seed(&[0; 31]).is_err());
    }

    #[test]
    fn a_signature_fits_its_call_only() {
        let key = key();
        let public = key.public_key();
        let other = SigningKey::from_seed(&[1; 32]).expect("seed");
        let header = key.sign("msg_1", 1_700_000_000, b"{}");
        assert!(header.starts_with("v1a,"));
        let fits =
            |id: &str, at, body: &[u8], header: &str| verify(&[&public], id, at, body, header);
        assert!(fits("msg_1", 1_700_000_000, b"{}", &header));
        assert!(fits(
            "msg_1",
            1_700_000_000,
            b"{}",
            &format!("v1,AAAA v1a,!! {header}")
        ));
        assert!(!fits("msg_2", 1_700_000_000, b"{}", &header));
        assert!(!fits("msg_1", 1_700_000_001, b"{}", &header));
        assert!(!fits("msg_1", 1_700_000_000, b"{ }", &header));
        assert!(!fits("msg_1", 1_700_000_000, b"{}", ""));
        assert!(!fits(
            "msg_1",
            1_700_000_000,
            b"{}",
            &other.sign("msg_1", 1_700_000_000, b"{}")
        ));
        let both = other.public_key();
        assert!(verify(
            &[&both, &public],
            "msg_1",
            1_700_000_000,
            b"{}",
            &header
        ));
    }
    /// The example of the standard's own libraries.
    #[test]
    fn the_symmetric_signature_is_that_of_the_standard() {
        let secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        let body = b"{\"test\": 2432232314}";
        let header = sign_symmetric(&secret, id, at, body);
        assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let fits = |secret: &[u8], header: &str| verify_symmetric(secret, id, at, body, header);
        assert!(fits(&secret, &format!("v1a,AAAA v1,!! v1,AAAA {header}")));
        assert!(!fits(&[0; 32], &header));
        assert!(!fits(
            &secret,
            "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        ));
        assert!(!verify_symmetric(&secret, id, at + 1, body, &header));
        assert_eq!(parse_secret(&secret_text(&secret)), Some(secret));
        assert_eq!(parse_secret("whsec_AAAA"), None);
        assert_eq!(parse_secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), None);
    }
}
