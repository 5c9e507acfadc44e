//! Signatures of the outer world: RSA and ECDSA over the algorithms that authorities use (RFC 8017, RFC 5758).

use aws_lc_rs::{digest, signature};

use super::TimestampError;
use super::der::{Element, Reader, tag};

pub(super) const OID_SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const OID_SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const OID_SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const OID_RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const OID_RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const OID_RSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
const OID_RSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
const OID_MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];

const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const OID_P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
const OID_ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const OID_ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];

/// A digest that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    /// Reads an `AlgorithmIdentifier` of a digest.
    pub(super) fn read(identifier: Element<'_>) -> Result<Self, TimestampError> {
        let mut reader = identifier.reader();
        let digest = match reader.expect(tag::OID)?.content {
            OID_SHA256 => Self::Sha256,
            OID_SHA384 => Self::Sha384,
            OID_SHA512 => Self::Sha512,
            _ => return Err(TimestampError::UnknownAlgorithm),
        };
        if let Some(none) = reader.optional(tag::NULL)?
            && !none.content.is_empty()
        {
            return Err(TimestampError::Malformed);
        }
        reader.finish()?;
        Ok(digest)
    }

    /// The digest of these bytes.
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    fn bytes(self) -> u8 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// How a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Pkcs1(Digest),
    Pss(Digest),
    Ecdsa(Digest),
}

impl Scheme {
    /// Reads an `AlgorithmIdentifier` of a signature. Plain RSA, as CMS allows it, takes the digest from beside it.
    fn read(identifier: Element<'_>, beside: Option<Digest>) -> Result<Self, TimestampError> {
        let mut reader = identifier.reader();
        let scheme = match reader.expect(tag::OID)?.content {
            OID_RSA => Self::Pkcs1(beside.ok_or(TimestampError::UnknownAlgorithm)?),
            OID_RSA_SHA256 => Self::Pkcs1(Digest::Sha256),
            OID_RSA_SHA384 => Self::Pkcs1(Digest::Sha384),
            OID_RSA_SHA512 => Self::Pkcs1(Digest::Sha512),
            OID_RSA_PSS => Self::Pss(read_pss(&mut reader)?),
            OID_ECDSA_SHA256 => Self::Ecdsa(Digest::Sha256),
            OID_ECDSA_SHA384 => Self::Ecdsa(Digest::Sha384),
            _ => return Err(TimestampError::UnknownAlgorithm),
        };
        let digest = match scheme {
            Self::Pkcs1(digest) | Self::Pss(digest) | Self::Ecdsa(digest) => digest,
        };
        if beside.is_some_and(|beside| beside != digest) {
            return Err(TimestampError::UnknownAlgorithm);
        }
        if let Some(none) = reader.optional(tag::NULL)?
            && !none.content.is_empty()
        {
            return Err(TimestampError::Malformed);
        }
        reader.finish()?;
        Ok(scheme)
    }
}

/// RSASSA-PSS parameters (RFC 4055 §3.1): one digest for message and mask, salt as long as the digest.
fn read_pss(reader: &mut Reader<'_>) -> Result<Digest, TimestampError> {
    let mut parameters = reader.expect(tag::SEQUENCE)?.reader();
    let mut digest = parameters.expect(tag::CONTEXT_0)?.reader();
    let digest = Digest::read(digest.expect(tag::SEQUENCE)?)?;
    let mut mask = parameters.expect(tag::CONTEXT_1)?.reader();
    let mut mask = mask.expect(tag::SEQUENCE)?.reader();
    if mask.expect(tag::OID)?.content != OID_MGF1
        || Digest::read(mask.expect(tag::SEQUENCE)?)? != digest
    {
        return Err(TimestampError::UnknownAlgorithm);
    }
    let mut salt = parameters.expect(tag::CONTEXT_2)?.reader();
    if salt.expect(tag::INTEGER)?.content != [digest.bytes()] {
        return Err(TimestampError::UnknownAlgorithm);
    }
    parameters.finish()?;
    Ok(digest)
}

/// Checks a signature. `public_key` is a `SubjectPublicKeyInfo`, `algorithm` the signature's `AlgorithmIdentifier`, `beside`
/// the digest that CMS names separately.
pub(super) fn verify(
    public_key: &[u8],
    algorithm: Element<'_>,
    beside: Option<Digest>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), TimestampError> {
    let scheme = Scheme::read(algorithm, beside)?;
    let mut info = Reader::new(public_key).expect(tag::SEQUENCE)?.reader();
    let mut kind = info.expect(tag::SEQUENCE)?.reader();
    let key = info.expect(tag::BIT_STRING)?.bits()?;
    info.finish()?;
    let verification: &dyn signature::VerificationAlgorithm =
        match (kind.expect(tag::OID)?.content, scheme) {
            (OID_RSA, Scheme::Pkcs1(Digest::Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (OID_RSA, Scheme::Pkcs1(Digest::Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (OID_RSA, Scheme::Pkcs1(Digest::Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (OID_RSA, Scheme::Pss(Digest::Sha256)) => &signature::RSA_PSS_2048_8192_SHA256,
            (OID_RSA, Scheme::Pss(Digest::Sha384)) => &signature::RSA_PSS_2048_8192_SHA384,
            (OID_RSA, Scheme::Pss(Digest::Sha512)) => &signature::RSA_PSS_2048_8192_SHA512,
            (OID_EC, Scheme::Ecdsa(digest)) => match (kind.expect(tag::OID)?.content, digest) {
                (OID_P256, Digest::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
                (OID_P256, Digest::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
                (OID_P384, Digest::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
                (OID_P384, Digest::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
                _ => return Err(TimestampError::UnknownAlgorithm),
            },
            _ => return Err(TimestampError::UnknownAlgorithm),
        };
    verification
        .verify_sig(key, message, signature)
        .map_err(|_| TimestampError::BadSignature)
}
