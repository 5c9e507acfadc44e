//! The header signature (protocols §2.2): HMAC-SHA256 over a JSON copy of the headers, taken as the text that was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::hmac;
use lgsp_base::hash::{equal_in_constant_time, from_hex, to_hex};
use lgsp_base::limits::AXIS_SIGN_HEADER_BYTES_MAX;
use lgsp_base::problem::kinds;
use lgsp_base::{Problem, Sha256, Timestamp};
use serde::de::{MapAccess, Visitor};

use super::method::Method;

/// What every header of the axis begins with.
const PREFIX: &str = "XroadVnpt-";
/// The version that the SDK sends.
const VERSION: &str = "3.0.201608";

/// Headers that may come unsigned: they carry the signature itself, or are checked against `Content-Type`.
const UNSIGNED: [&str; 5] = [
    "version",
    "sign-header-key",
    "sign-header",
    "hash-header",
    "content-type",
];

/// Why the headers of a request are not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VxpError {
    /// A header that carries the signature is missing or stands twice; says which.
    #[error("header {0} must stand exactly once")]
    Header(&'static str),
    /// The signed text is longer than the limit.
    #[error("the signed text is too long")]
    TooLong,
    /// The signed text is not a JSON object of texts with each name once.
    #[error("the signed text is not a JSON object of texts with each name once")]
    Json,
    /// The list of names does not agree with the signed text.
    #[error("sign-header-key does not agree with sign-header")]
    Names,
    /// A signed name is not sent as a header exactly once with the same value.
    #[error("signed header {0} is not sent exactly once with the same value")]
    NotSent(String),
    /// A parameter that the method needs is not signed.
    #[error("parameter {0} is not signed")]
    NotSigned(&'static str),
    /// A parameter is sent without being signed.
    #[error("header {0} is sent but not signed")]
    Extra(String),
    /// The time stamp has another form.
    #[error("the time stamp is not ddMMyyyy'T'HHmmss+SSSS")]
    Timestamp,
    /// The signature is wrong.
    #[error("the signature is wrong")]
    Signature,
}

impl VxpError {
    /// The problem document: always `axis.signature`, with the reason.
    pub fn to_problem(&self) -> Problem {
        kinds::AXIS_SIGNATURE.with(self)
    }
}

/// The headers of a request, well-formed but not yet verified: only the claimed system may be read, to find its secret.
#[derive(Debug)]
pub struct SignedRequest {
    text: Vec<u8>,
    mac: Vec<u8>,
    system_id: String,
    timestamp: Timestamp,
    params: BTreeMap<String, String>,
}

impl SignedRequest {
    /// Reads the headers of a request; names are compared without regard to letter case.
    ///
    /// Checked are: size; each carrying header once; a JSON object of texts without double names; the same names in
    /// `sign-header-key`; every signed name sent as a header exactly once with an equal value; `systemid`, `timestamp` and
    /// [`Method::required`] signed; no further `XroadVnpt-` header except `version`, `sign-header-key`, `sign-header`,
    /// `hash-header` and `Content-Type`; and `Content-Type` equal to its copy where both are sent.
    ///
    /// # Errors
    /// The first of these that fails.
    pub fn read(method: Method, headers: &[(&str, &[u8])]) -> Result<Self, VxpError> {
        let headers = Headers::new(headers);
        let text = headers.one("sign-header")?;
        if text.len() > AXIS_SIGN_HEADER_BYTES_MAX {
            return Err(VxpError::TooLong);
        }
        let mac = std::str::from_utf8(headers.one("hash-header")?)
            .ok()
            .and_then(from_hex)
            .ok_or(VxpError::Signature)?;
        let params = read_signed(text)?;
        check_names(&params, headers.one("sign-header-key")?)?;
        headers.check(&params)?;
        for name in method.required() {
            if !params.contains_key(&name.to_ascii_lowercase()) {
                return Err(VxpError::NotSigned(name));
            }
        }
        let system_id = params
            .get("systemid")
            .ok_or(VxpError::NotSigned("systemid"))?;
        let timestamp = params
            .get("timestamp")
            .ok_or(VxpError::NotSigned("timestamp"))?;
        Ok(Self {
            text: text.to_vec(),
            mac,
            system_id: system_id.clone(),
            timestamp: parse_timestamp(timestamp).ok_or(VxpError::Timestamp)?,
            params,
        })
    }

    /// The system that the request claims to come from. Nothing may rest on it before [`SignedRequest::verify`].
    pub fn claimed_system_id(&self) -> &str {
        &self.system_id
    }

    /// Compares the signature in constant time and releases the parameters. The age of the time stamp is for the caller
    /// to judge: it has the clock.
    ///
    /// # Errors
    /// [`VxpError::Signature`].
    pub fn verify(self, secret: &[u8]) -> Result<VerifiedParams, VxpError> {
        let expected = mac(secret, &self.text);
        if !equal_in_constant_time(expected.as_ref(), &self.mac) {
            return Err(VxpError::Signature);
        }
        Ok(VerifiedParams {
            system_id: self.system_id,
            timestamp: self.timestamp,
            params: self.params,
        })
    }
}

/// The parameters of a request whose signature is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedParams {
    /// `systemid`.
    pub system_id: String,
    /// `timestamp`; clients may reuse one for as long as they live.
    pub timestamp: Timestamp,
    params: BTreeMap<String, String>,
}

impl VerifiedParams {
    /// A parameter by its name without prefix, in any letter case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }
}

fn mac(secret: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text)
}

/// The `XroadVnpt-` headers of a request by short name in lower case, and `Content-Type`.
struct Headers<'a> {
    prefixed: BTreeMap<String, Vec<&'a [u8]>>,
    content_types: Vec<&'a [u8]>,
}

impl<'a> Headers<'a> {
    fn new(headers: &[(&str, &'a [u8])]) -> Self {
        let mut found = Self {
            prefixed: BTreeMap::new(),
            content_types: Vec::new(),
        };
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("Content-Type") {
                found.content_types.push(value);
            } else if let Some(short) = short_name(name) {
                found.prefixed.entry(short).or_default().push(value);
            }
        }
        found
    }

    fn one(&self, name: &'static str) -> Result<&'a [u8], VxpError> {
        match self.prefixed.get(name).map(Vec::as_slice) {
            Some([value]) => Ok(value),
            _ => Err(VxpError::Header(name)),
        }
    }

    /// Signed and sent headers agree.
    fn check(&self, params: &BTreeMap<String, String>) -> Result<(), VxpError> {
        for (name, value) in params {
            match self.prefixed.get(name).map(Vec::as_slice) {
                Some([sent]) if *sent == value.as_bytes() => {}
                _ => return Err(VxpError::NotSent(name.clone())),
            }
        }
        for name in self.prefixed.keys() {
            if !params.contains_key(name) && !UNSIGNED.contains(&name.as_str()) {
                return Err(VxpError::Extra(name.clone()));
            }
        }
        match (
            self.prefixed.get("content-type").map(Vec::as_slice),
            self.content_types.as_slice(),
        ) {
            (None, _) | (Some([_]), []) => Ok(()),
            (Some([copy]), [sent]) if copy == sent => Ok(()),
            _ => Err(VxpError::NotSent("content-type".to_owned())),
        }
    }
}

fn short_name(name: &str) -> Option<String> {
    let (prefix, short) = name.split_at_checked(PREFIX.len())?;
    (prefix.eq_ignore_ascii_case(PREFIX) && !short.is_empty()).then(|| short.to_ascii_lowercase())
}

/// The signed text as short names and values.
fn read_signed(text: &[u8]) -> Result<BTreeMap<String, String>, VxpError> {
    let Pairs(pairs) = serde_json::from_slice(text).map_err(|_| VxpError::Json)?;
    let mut params = BTreeMap::new();
    for (name, value) in pairs {
        let short = short_name(&name).ok_or(VxpError::Json)?;
        if params.insert(short, value).is_some() {
            return Err(VxpError::Json);
        }
    }
    Ok(params)
}

fn check_names(params: &BTreeMap<String, String>, listed: &[u8]) -> Result<(), VxpError> {
    let listed = std::str::from_utf8(listed).map_err(|_| VxpError::Names)?;
    let names: Vec<String> = listed.split(';').map(str::to_ascii_lowercase).collect();
    let unique: BTreeSet<&String> = names.iter().collect();
    if unique.len() == names.len() && unique.into_iter().eq(params.keys()) {
        Ok(())
    } else {
        Err(VxpError::Names)
    }
}

/// A JSON object of texts, in order and with its double names.
struct Pairs(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry::<String, String>()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// The headers of a request, `User-Agent` and `Content-Type` included, in the SDK's form.
///
/// `params` are the method's parameters by short name (`from`, `hash-file`); arrays are JSON text. Each name may stand
/// once; `systemid`, `timestamp` and `Content-Type` are added here.
pub fn sign(
    system_id: &str,
    secret: &[u8],
    at: Timestamp,
    content_type: &str,
    params: &[(&str, &str)],
) -> Vec<(String, String)> {
    let timestamp = format_timestamp(at);
    let mut signed = vec![("systemid", system_id)];
    signed.extend_from_slice(params);
    signed.push(("timestamp", &timestamp));
    signed.push(("Content-Type", content_type));

    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    let pairs: Vec<String> = signed
        .iter()
        .map(|(name, value)| {
            format!(
                "{}:{}",
                serde_json::Value::from(format!("{PREFIX}{name}")),
                serde_json::Value::from(*value)
            )
        })
        .collect();
    let text = format!("{{{}}}", pairs.join(","));

    let mut headers: Vec<(String, String)> = signed
        .iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()))
        .collect();
    headers.push(("Content-Type".to_owned(), content_type.to_owned()));
    headers.push((format!("{PREFIX}sign-header-key"), names.join(";")));
    headers.push((
        format!("{PREFIX}hash-header"),
        to_hex(mac(secret, text.as_bytes()).as_ref()),
    ));
    headers.push((format!("{PREFIX}sign-header"), text));
    headers.push((format!("{PREFIX}version"), VERSION.to_owned()));
    headers.push((
        "User-Agent".to_owned(),
        "JAVASDKAgent/1.0.0 XRoad/VPCP".to_owned(),
    ));
    headers
}

/// `ddMMyyyy'T'HHmmss+SSSS` in Vietnamese time; what follows `+` are milliseconds, not a zone.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let (civil, millis) = text.split_once('+')?;
    let (date, time) = civil.split_once('T')?;
    let is_digits = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(date, 8) || !is_digits(time, 6) || !is_digits(millis, 4) {
        return None;
    }
    let (day, month, year) = (date.get(..2)?, date.get(2..4)?, date.get(4..)?);
    let (hour, minute, second) = (time.get(..2)?, time.get(2..4)?, time.get(4..)?);
    let whole = Timestamp::from_edxml(&format!("{year}/{month}/{day} {hour}:{minute}:{second}"))?;
    Some(whole.plus(std::time::Duration::from_millis(millis.parse().ok()?)))
}

/// The opposite of [`parse_timestamp`].
pub fn format_timestamp(at: Timestamp) -> String {
    let millis = at.as_millis().rem_euclid(1_000);
    // yyyy/MM/dd HH:mm:ss
    let civil = at.to_edxml();
    let part = |from: usize, to: usize| civil.get(from..to).unwrap_or_default();
    format!(
        "{}{}{}T{}{}{}+{millis:04}",
        part(8, 10),
        part(5, 7),
        part(0, 4),
        part(11, 13),
        part(14, 16),
        part(17, 19)
    )
}

/// The digest as the SDK writes it: each byte with `%x`, so leading zeros of bytes are lost (protocols §2.5).
pub fn sdk_hash(digest: &Sha256) -> String {
    digest.0.iter().map(|byte| format!("{byte:x}")).collect()
}

/// True if `sent` is the digest in its right form or in the SDK's. Both forms are computed and compared; the short one is
/// never parsed, because it is ambiguous (EX04).
pub fn file_hash_matches(sent: &str, digest: &Sha256) -> bool {
    let sent = sent.to_ascii_lowercase();
    let is = |form: String| equal_in_constant_time(sent.as_bytes(), form.as_bytes());
    is(digest.to_string()) | is(sdk_hash(digest))
}
