//! Webhook signatures by Standard Webhooks 1.0: Ed25519 (`v1a`) over `id.timestamp.body`.
//!
//! The asymmetric form is used because the receiver then holds nothing that is worth stealing.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SIGNATURE_PREFIX: &str = "v1a,";
const PUBLIC_KEY_PREFIX: &str = "whpk_";

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
}
