//! The token: a CMS `SignedData` (RFC 5652) around a `TSTInfo` (RFC 3161 §2.4.2).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use lgsp_base::hash::to_hex;
use lgsp_base::{Sha256, Timestamp};

use super::der::{self, Element, Reader, oid_text, tag};
use super::signature::{self, Digest};
use super::{Certificate, Stamp, TOKEN_BYTES_MAX, TimestampError, integer_content};

const OID_SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
const OID_TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 1, 4];
const OID_CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3];
const OID_MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 4];
const OID_SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 12];
const OID_SIGNING_CERTIFICATE_V2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 2, 47];

/// Certificates between the signer and the authority that is trusted.
const CHAIN_MAX: usize = 4;
/// Certificates read from one token.
const CERTIFICATES_MAX: usize = 16;

/// A time stamp token, read but not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    der: Vec<u8>,
    certificates: Vec<Certificate>,
    /// The digests announced for the content.
    digests: Vec<Digest>,
    /// The `TSTInfo`, as signed.
    content: Vec<u8>,
    info: Info,
    /// The one `SignerInfo`.
    signer: Vec<u8>,
}

/// What the authority states.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Info {
    policy: String,
    imprint: Option<Sha256>,
    serial: String,
    at: Timestamp,
    nonce: Option<Vec<u8>>,
}

impl Token {
    /// Reads the DER of a token.
    ///
    /// # Errors
    /// [`TimestampError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TimestampError> {
        if bytes.len() > TOKEN_BYTES_MAX {
            return Err(TimestampError::Malformed);
        }
        let mut outer = Reader::new(bytes);
        let mut wrapper = outer.expect(tag::SEQUENCE)?.reader();
        outer.finish()?;
        if wrapper.expect(tag::OID)?.content != OID_SIGNED_DATA {
            return Err(TimestampError::Malformed);
        }
        let mut explicit = wrapper.expect(tag::CONTEXT_0)?.reader();
        wrapper.finish()?;
        let mut data = explicit.expect(tag::SEQUENCE)?.reader();
        explicit.finish()?;

        // RFC 5652 §5.1: always 3 for a content that is not plain data.
        if data.expect(tag::INTEGER)?.content != [3] {
            return Err(TimestampError::Malformed);
        }
        let digests = read_digests(data.expect(tag::SET)?)?;
        let mut encapsulated = data.expect(tag::SEQUENCE)?.reader();
        if encapsulated.expect(tag::OID)?.content != OID_TST_INFO {
            return Err(TimestampError::Malformed);
        }
        let content = encapsulated
            .expect(tag::CONTEXT_0)?
            .reader()
            .expect(tag::OCTET_STRING)?
            .content;
        encapsulated.finish()?;
        let certificates = match data.optional(tag::CONTEXT_0)? {
            Some(set) => read_certificates(set)?,
            None => Vec::new(),
        };
        data.optional(tag::CONTEXT_1)?;
        let mut signers = data.expect(tag::SET)?.reader();
        data.finish()?;
        let signer = signers.expect(tag::SEQUENCE)?;
        // RFC 3161 §2.4.2: no signature but the authority's.
        signers.finish()?;
        Ok(Self {
            der: bytes.to_vec(),
            certificates,
            digests,
            content: content.to_vec(),
            info: Info::read(content)?,
            signer: signer.raw.to_vec(),
        })
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The certificates in the token, in its order; nobody vouches for them.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The certificate in the token that its signature names; nobody vouches for it. `None` if the token does not carry it.
    pub fn signer(&self) -> Option<&Certificate> {
        let mut signer = Reader::new(&self.signer)
            .expect(tag::SEQUENCE)
            .ok()?
            .reader();
        signer.expect(tag::INTEGER).ok()?;
        let identifier = signer.next().ok()?;
        self.certificates
            .iter()
            .find(|certificate| is_named(identifier, certificate).unwrap_or(false))
    }

    /// Checks that `authority` stamped this digest: its own certificate, or that of an issuer from which the certificates in the
    /// token lead to the signer. Certificates must have been valid at the time in the token; the present does not matter.
    ///
    /// `nonce` is that of the request, for who made one.
    ///
    /// # Errors
    /// Why the stamp does not hold.
    pub fn verify(
        &self,
        imprint: &Sha256,
        nonce: Option<u64>,
        authority: &Certificate,
    ) -> Result<Stamp, TimestampError> {
        if self.info.imprint.as_ref() != Some(imprint) {
            return Err(TimestampError::WrongImprint);
        }
        if let Some(nonce) = nonce
            && self.info.nonce.as_ref() != Some(&integer_content(nonce))
        {
            return Err(TimestampError::WrongNonce);
        }
        let mut signer = Reader::new(&self.signer).expect(tag::SEQUENCE)?.reader();
        let version = signer.expect(tag::INTEGER)?.content;
        let identifier = signer.next()?;
        // RFC 5652 §5.3: 1 for a name and number, 3 for a key identifier.
        if version
            != [if identifier.tag == tag::SEQUENCE {
                1
            } else {
                3
            }]
        {
            return Err(TimestampError::Malformed);
        }
        let certificate = self
            .signer_certificate(identifier, authority)?
            .ok_or(TimestampError::WrongSigner)?;
        if !certificate.is_for_time_stamping() {
            return Err(TimestampError::WrongPurpose);
        }
        if !certificate.is_valid_at(self.info.at) {
            return Err(TimestampError::CertificateNotValid);
        }
        let digest = Digest::read(signer.expect(tag::SEQUENCE)?)?;
        if !self.digests.contains(&digest) {
            return Err(TimestampError::Malformed);
        }
        let attributes = signer.expect(tag::CONTEXT_0)?;
        let algorithm = signer.expect(tag::SEQUENCE)?;
        let bytes = signer.expect(tag::OCTET_STRING)?.content;
        signer.optional(tag::CONTEXT_1)?;
        signer.finish()?;
        self.check_attributes(attributes, digest, certificate)?;
        // RFC 5652 §5.4: signed under the tag of a SET.
        let message = der::write(tag::SET, &[attributes.content]);
        signature::verify(
            &certificate.public_key,
            algorithm,
            Some(digest),
            &message,
            bytes,
        )?;
        Ok(Stamp {
            at: self.info.at,
            serial: self.info.serial.clone(),
            policy: self.info.policy.clone(),
            certificate: certificate.clone(),
        })
    }

    /// Checks that this very certificate stamped this digest, as [`Token::verify`] does, but without regard to issuers.
    ///
    /// # Errors
    /// Why the stamp does not hold.
    pub fn verify_by(
        &self,
        imprint: &Sha256,
        certificate: &Certificate,
    ) -> Result<Stamp, TimestampError> {
        let stamp = self.verify(imprint, None, certificate)?;
        if stamp.certificate == *certificate {
            Ok(stamp)
        } else {
            Err(TimestampError::WrongSigner)
        }
    }

    /// The certificate that `identifier` names, if it is the authority's or leads to it.
    fn signer_certificate<'a>(
        &'a self,
        identifier: Element<'_>,
        authority: &'a Certificate,
    ) -> Result<Option<&'a Certificate>, TimestampError> {
        if is_named(identifier, authority)? {
            return Ok(Some(authority));
        }
        for certificate in &self.certificates {
            if is_named(identifier, certificate)? && self.leads_to(certificate, authority) {
                return Ok(Some(certificate));
            }
        }
        Ok(None)
    }

    fn leads_to(&self, from: &Certificate, authority: &Certificate) -> bool {
        let at = self.info.at;
        let mut current = from;
        for _ in 0..CHAIN_MAX {
            if current.is_issued_by(authority) {
                return authority.is_valid_at(at);
            }
            let next = self.certificates.iter().find(|other| {
                *other != current && other.is_valid_at(at) && current.is_issued_by(other)
            });
            match next {
                Some(next) => current = next,
                None => return false,
            }
        }
        false
    }

    /// The signed attributes must be of this content and this certificate (RFC 5652 §11, RFC 5035).
    fn check_attributes(
        &self,
        attributes: Element<'_>,
        digest: Digest,
        certificate: &Certificate,
    ) -> Result<(), TimestampError> {
        let mut list = attributes.reader();
        let (mut has_type, mut has_digest, mut has_certificate) = (false, false, false);
        while !list.is_empty() {
            let mut attribute = list.expect(tag::SEQUENCE)?.reader();
            let kind = attribute.expect(tag::OID)?.content;
            let mut values = attribute.expect(tag::SET)?.reader();
            attribute.finish()?;
            let (slot, fits) = match kind {
                OID_CONTENT_TYPE => (
                    &mut has_type,
                    values.expect(tag::OID)?.content == OID_TST_INFO,
                ),
                OID_MESSAGE_DIGEST => (
                    &mut has_digest,
                    values.expect(tag::OCTET_STRING)?.content == digest.of(&self.content),
                ),
                OID_SIGNING_CERTIFICATE => (
                    &mut has_certificate,
                    names_by_sha1(values.expect(tag::SEQUENCE)?, certificate)?,
                ),
                OID_SIGNING_CERTIFICATE_V2 => (
                    &mut has_certificate,
                    names_by_digest(values.expect(tag::SEQUENCE)?, certificate)?,
                ),
                _ => continue,
            };
            values.finish()?;
            // A certificate may be named in both forms; nothing else comes twice.
            if !fits
                || (*slot && !matches!(kind, OID_SIGNING_CERTIFICATE | OID_SIGNING_CERTIFICATE_V2))
            {
                return Err(TimestampError::WrongAttributes);
            }
            *slot = true;
        }
        if has_type && has_digest && has_certificate {
            Ok(())
        } else {
            Err(TimestampError::WrongAttributes)
        }
    }
}

/// The digests that a token announces; unknown ones are passed over.
fn read_digests(set: Element<'_>) -> Result<Vec<Digest>, TimestampError> {
    let mut digests = Vec::new();
    let mut list = set.reader();
    while !list.is_empty() {
        digests.extend(Digest::read(list.expect(tag::SEQUENCE)?).ok());
    }
    Ok(digests)
}

fn read_certificates(set: Element<'_>) -> Result<Vec<Certificate>, TimestampError> {
    let mut certificates = Vec::new();
    let mut list = set.reader();
    while !list.is_empty() && certificates.len() < CERTIFICATES_MAX {
        let element = list.next()?;
        // Other choices (attribute certificates) are of no use here.
        if element.tag == tag::SEQUENCE {
            certificates.push(Certificate::parse(element.raw)?);
        }
    }
    Ok(certificates)
}

/// A signer is named by issuer and serial number, or by key identifier (RFC 5652 §5.3).
fn is_named(identifier: Element<'_>, certificate: &Certificate) -> Result<bool, TimestampError> {
    match identifier.tag {
        tag::SEQUENCE => {
            let mut parts = identifier.reader();
            let issuer = parts.expect(tag::SEQUENCE)?;
            let serial = parts.expect(tag::INTEGER)?;
            Ok(issuer.raw == certificate.issuer && serial.content == certificate.serial)
        }
        tag::CONTEXT_0_PRIMITIVE => {
            Ok(certificate.key_identifier.as_deref() == Some(identifier.content))
        }
        _ => Err(TimestampError::Malformed),
    }
}

/// `SigningCertificate`: the first id is the signer's, a SHA-1 (RFC 2634 §5.4). The certificate is known from elsewhere; this
/// only keeps another one for the same key from being put in its place.
fn names_by_sha1(value: Element<'_>, certificate: &Certificate) -> Result<bool, TimestampError> {
    let mut list = value.reader().expect(tag::SEQUENCE)?.reader();
    let mut id = list.expect(tag::SEQUENCE)?.reader();
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate.as_der());
    Ok(id.expect(tag::OCTET_STRING)?.content == hash.as_ref())
}

/// `SigningCertificateV2`: the same with a named digest, SHA-256 where none is named (RFC 5035 §4).
fn names_by_digest(value: Element<'_>, certificate: &Certificate) -> Result<bool, TimestampError> {
    let mut list = value.reader().expect(tag::SEQUENCE)?.reader();
    let mut id = list.expect(tag::SEQUENCE)?.reader();
    let digest = match id.optional(tag::SEQUENCE)? {
        Some(algorithm) => Digest::read(algorithm)?,
        None => Digest::Sha256,
    };
    Ok(id.expect(tag::OCTET_STRING)?.content == digest.of(certificate.as_der()))
}

impl Info {
    fn read(content: &[u8]) -> Result<Self, TimestampError> {
        let mut outer = Reader::new(content);
        let mut info = outer.expect(tag::SEQUENCE)?.reader();
        outer.finish()?;
        if info.expect(tag::INTEGER)?.content != [1] {
            return Err(TimestampError::Malformed);
        }
        let policy = oid_text(info.expect(tag::OID)?.content);
        let mut message = info.expect(tag::SEQUENCE)?.reader();
        let algorithm = Digest::read(message.expect(tag::SEQUENCE)?);
        let hash = message.expect(tag::OCTET_STRING)?.content;
        let serial = to_hex(info.expect(tag::INTEGER)?.content);
        let at = info.expect(tag::GENERALIZED_TIME)?.time()?;
        info.optional(tag::SEQUENCE)?;
        info.optional(tag::BOOLEAN)?;
        let nonce = info.optional(tag::INTEGER)?;
        Ok(Self {
            policy,
            imprint: match algorithm {
                Ok(Digest::Sha256) => Sha256::from_slice(hash),
                _ => None,
            },
            serial,
            at,
            nonce: nonce.map(|nonce| nonce.content.to_vec()),
        })
    }
}
