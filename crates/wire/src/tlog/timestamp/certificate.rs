//! The parts of a certificate (RFC 5280) that a time stamp depends on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lgsp_base::{Sha256, Timestamp};

use super::der::{Element, Reader, tag};
use crate::tlog::printable;

use super::{TOKEN_BYTES_MAX, TimestampError, signature};

const OID_COMMON_NAME: &[u8] = &[0x55, 4, 3];
const OID_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 14];
const OID_BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const OID_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const OID_TIME_STAMPING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 8];

/// A certificate of a time stamping authority or of its issuer.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// `TBSCertificate`, `AlgorithmIdentifier` and signature, as signed by the issuer.
    signed: (Vec<u8>, Vec<u8>, Vec<u8>),
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    subject: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    pub(super) public_key: Vec<u8>,
    pub(super) key_identifier: Option<Vec<u8>>,
    is_authority: bool,
    is_for_time_stamping: bool,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({}, {})", self.name(), self.fingerprint())
    }
}

impl Certificate {
    /// Reads DER, or the first certificate of a PEM text.
    ///
    /// # Errors
    /// [`TimestampError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TimestampError> {
        if bytes.len() > TOKEN_BYTES_MAX {
            return Err(TimestampError::Malformed);
        }
        match std::str::from_utf8(bytes).ok().and_then(from_pem) {
            Some(der) => Self::from_der(&der),
            None => Self::from_der(bytes),
        }
    }

    /// Reads DER.
    ///
    /// # Errors
    /// [`TimestampError::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, TimestampError> {
        if der.len() > TOKEN_BYTES_MAX {
            return Err(TimestampError::Malformed);
        }
        let mut outer = Reader::new(der);
        let mut whole = outer.expect(tag::SEQUENCE)?.reader();
        outer.finish()?;
        let signed = whole.expect(tag::SEQUENCE)?;
        let algorithm = whole.expect(tag::SEQUENCE)?;
        let signature = whole.expect(tag::BIT_STRING)?.bits()?;
        whole.finish()?;

        let mut body = signed.reader();
        body.optional(tag::CONTEXT_0)?;
        let serial = body.expect(tag::INTEGER)?;
        body.expect(tag::SEQUENCE)?;
        let issuer = body.expect(tag::SEQUENCE)?;
        let mut validity = body.expect(tag::SEQUENCE)?.reader();
        let not_before = validity.next()?.time()?;
        let not_after = validity.next()?.time()?;
        validity.finish()?;
        let subject = body.expect(tag::SEQUENCE)?;
        let public_key = body.expect(tag::SEQUENCE)?;
        let mut certificate = Self {
            der: der.to_vec(),
            signed: (
                signed.raw.to_vec(),
                algorithm.raw.to_vec(),
                signature.to_vec(),
            ),
            serial: serial.content.to_vec(),
            issuer: issuer.raw.to_vec(),
            subject: subject.raw.to_vec(),
            not_before,
            not_after,
            public_key: public_key.raw.to_vec(),
            key_identifier: None,
            is_authority: false,
            is_for_time_stamping: false,
        };
        while !body.is_empty() {
            let element = body.next()?;
            if element.tag == tag::CONTEXT_3 {
                let mut list = element.reader().expect(tag::SEQUENCE)?.reader();
                while !list.is_empty() {
                    certificate.read_extension(list.expect(tag::SEQUENCE)?)?;
                }
            }
        }
        Ok(certificate)
    }

    fn read_extension(&mut self, extension: Element<'_>) -> Result<(), TimestampError> {
        let mut parts = extension.reader();
        let id = parts.expect(tag::OID)?.content;
        let is_critical = parts
            .optional(tag::BOOLEAN)?
            .is_some_and(|critical| critical.content == [0xff]);
        let mut value = parts.expect(tag::OCTET_STRING)?.reader();
        match id {
            OID_KEY_IDENTIFIER => {
                self.key_identifier = Some(value.expect(tag::OCTET_STRING)?.content.to_vec());
            }
            OID_BASIC_CONSTRAINTS => {
                let mut constraints = value.expect(tag::SEQUENCE)?.reader();
                self.is_authority = constraints
                    .optional(tag::BOOLEAN)?
                    .is_some_and(|authority| authority.content == [0xff]);
            }
            OID_EXTENDED_KEY_USAGE => {
                // RFC 3161 §2.3: critical, and this purpose alone.
                let mut purposes = value.expect(tag::SEQUENCE)?.reader();
                let first = purposes.expect(tag::OID)?.content;
                self.is_for_time_stamping =
                    is_critical && first == OID_TIME_STAMPING && purposes.is_empty();
            }
            _ => {}
        }
        Ok(())
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER, by which people compare certificates.
    pub fn fingerprint(&self) -> Sha256 {
        Sha256::of(&self.der)
    }

    /// The common name, fit to be shown, or the fingerprint where there is none.
    pub fn name(&self) -> String {
        common_name(&self.subject)
            .ok()
            .flatten()
            .map(|name| printable(&name))
            .unwrap_or_else(|| self.fingerprint().to_string())
    }

    /// The first and the last instant of validity.
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        (self.not_before, self.not_after)
    }

    /// True if the certificate may sign time stamps, and nothing else.
    pub fn is_for_time_stamping(&self) -> bool {
        self.is_for_time_stamping
    }

    pub(super) fn is_valid_at(&self, at: Timestamp) -> bool {
        // The end is written in whole seconds and belongs to the validity.
        self.not_before <= at && at.since(self.not_after) < std::time::Duration::from_secs(1)
    }

    /// True if `issuer` signed this certificate and may sign certificates.
    pub(super) fn is_issued_by(&self, issuer: &Certificate) -> bool {
        let (message, algorithm, bytes) = &self.signed;
        let Ok(algorithm) = Reader::new(algorithm).expect(tag::SEQUENCE) else {
            return false;
        };
        self.issuer == issuer.subject
            && issuer.is_authority
            && signature::verify(&issuer.public_key, algorithm, None, message, bytes).is_ok()
    }
}

fn from_pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).ok()
}

fn common_name(name: &[u8]) -> Result<Option<String>, TimestampError> {
    let mut sets = Reader::new(name).expect(tag::SEQUENCE)?.reader();
    let mut found = None;
    while !sets.is_empty() {
        let mut pairs = sets.expect(tag::SET)?.reader();
        while !pairs.is_empty() {
            let mut pair = pairs.expect(tag::SEQUENCE)?.reader();
            let kind = pair.expect(tag::OID)?.content;
            let value = pair.next()?.content;
            if kind == OID_COMMON_NAME && !value.is_empty() {
                found = Some(String::from_utf8_lossy(value).into_owned());
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_name_is_none() {
        let name = |value: &[u8]| {
            let length = u8::try_from(value.len()).expect("short");
            let mut bytes = vec![0x30, length + 11, 0x31, length + 9, 0x30, length + 7];
            bytes.extend_from_slice(&[6, 3, 0x55, 4, 3, 0x0c, length]);
            bytes.extend_from_slice(value);
            common_name(&bytes)
        };
        assert_eq!(name(b"TSA"), Ok(Some("TSA".to_owned())));
        assert_eq!(name(b""), Ok(None));
        assert_eq!(common_name(&[0x30, 0]), Ok(None));
        assert_eq!(common_name(&[0x30, 1]), Err(TimestampError::Malformed));
    }
}
