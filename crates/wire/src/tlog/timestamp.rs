//! Time stamps on checkpoints (RFC 3161): the request, the authority's answer, and the check of a token against the
//! authority's certificate, offline and as of the time in the token.
//!
//! Tokens are read as DER; signatures may be RSA (PKCS #1 v1.5 or PSS, from 2048 bits) or ECDSA on P-256 and P-384, with SHA-256,
//! SHA-384 or (RSA) SHA-512.

mod certificate;
mod der;
mod signature;
mod token;

use lgsp_base::{Sha256, Timestamp};

pub use certificate::Certificate;
use der::{Reader, tag};
pub use token::Token;

/// Bytes of an answer, a token or a certificate.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// Media type of a request (RFC 3161 §3.4).
pub const REQUEST_MEDIA_TYPE: &str = "application/timestamp-query";
/// Media type of an answer.
pub const RESPONSE_MEDIA_TYPE: &str = "application/timestamp-reply";

/// Why there is no stamp, or why it does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not the DER of what is expected, or too long.
    #[error("not a time stamp in DER")]
    Malformed,
    /// The authority refuses; its status (RFC 3161 §2.4.2) and words.
    #[error("the authority refuses: status {status} {text}")]
    Refused {
        /// 2 rejection, 3 waiting, 4 and 5 revocation.
        status: u8,
        /// What the authority says.
        text: String,
    },
    /// The token stamps something else.
    #[error("the token stamps something else")]
    WrongImprint,
    /// The answer is to another request.
    #[error("the nonce is that of another request")]
    WrongNonce,
    /// The signed attributes do not belong to this content or this certificate.
    #[error("the signed attributes do not fit")]
    WrongAttributes,
    /// Signed by somebody else than the authority.
    #[error("signed by another authority")]
    WrongSigner,
    /// The certificate is not for time stamping, and only for that.
    #[error("the certificate is not for time stamping")]
    WrongPurpose,
    /// The certificate was not valid at the time in the token.
    #[error("the certificate was not valid at that time")]
    CertificateNotValid,
    /// A digest or signature algorithm that is not accepted here.
    #[error("an algorithm that is not accepted")]
    UnknownAlgorithm,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    BadSignature,
}

/// What a token says, once it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When the authority saw the digest.
    pub at: Timestamp,
    /// The token's number at the authority, hexadecimal.
    pub serial: String,
    /// The authority's policy, a dotted object identifier.
    pub policy: String,
    /// The certificate that signed.
    pub certificate: Certificate,
}

/// What is stamped of a checkpoint: SHA-256 of the text of its note, without signatures.
pub fn imprint_of(note_text: &str) -> Sha256 {
    Sha256::of(note_text.as_bytes())
}

/// A request to stamp a digest; the answer must repeat the nonce and is asked to carry the certificate.
pub fn request_der(imprint: &Sha256, nonce: u64) -> Vec<u8> {
    let algorithm = der::write(
        tag::SEQUENCE,
        &[
            der::write(tag::OID, &[signature::OID_SHA256]),
            der::write(tag::NULL, &[b""]),
        ],
    );
    let message = der::write(
        tag::SEQUENCE,
        &[algorithm, der::write(tag::OCTET_STRING, &[imprint.0])],
    );
    der::write(
        tag::SEQUENCE,
        &[
            der::write(tag::INTEGER, &[[1]]),
            message,
            der::write(tag::INTEGER, &[integer_content(nonce)]),
            der::write(tag::BOOLEAN, &[[0xff]]),
        ],
    )
}

/// The token of an authority's answer.
///
/// # Errors
/// [`TimestampError::Refused`] or [`TimestampError::Malformed`].
pub fn parse_response(bytes: &[u8]) -> Result<Token, TimestampError> {
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(TimestampError::Malformed);
    }
    let mut outer = Reader::new(bytes);
    let mut response = outer.expect(tag::SEQUENCE)?.reader();
    outer.finish()?;
    let mut status = response.expect(tag::SEQUENCE)?.reader();
    let code = match status.expect(tag::INTEGER)?.content {
        [code] => *code,
        _ => return Err(TimestampError::Malformed),
    };
    // 0 granted, 1 granted with modifications.
    if code > 1 {
        let mut text = String::new();
        if let Some(lines) = status.optional(tag::SEQUENCE)? {
            let mut lines = lines.reader();
            while !lines.is_empty() {
                let line = lines.expect(tag::UTF8_STRING)?.content;
                text.push_str(&String::from_utf8_lossy(line));
            }
        }
        return Err(TimestampError::Refused { status: code, text });
    }
    let token = response.expect(tag::SEQUENCE)?;
    response.finish()?;
    Token::parse(token.raw)
}

/// The shortest content of a DER integer that is not negative.
fn integer_content(number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let mut content: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    if content.first().is_none_or(|first| first & 0x80 != 0) {
        content.insert(0, 0);
    }
    content
}

#[cfg(test)]
mod tests;
