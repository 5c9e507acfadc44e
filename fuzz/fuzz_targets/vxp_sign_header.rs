//! Whatever the headers: reading a signed request does not panic, and nothing passes whose signed text is not what was
//! sent. The input is lines `name: value`; the first byte picks the method.
#![no_main]

use lgsp_wire::vxp::{Method, SignedRequest, parse_timestamp, sign};
use libfuzzer_sys::fuzz_target;

const SECRET: &[u8] = b"test-secret";

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let Some(method) = Method::ALL.get(usize::from(*first) % Method::ALL.len()) else {
        return;
    };
    let lines: Vec<(String, Vec<u8>)> = rest
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let name = std::str::from_utf8(line.get(..at)?).ok()?;
            Some((name.to_owned(), line.get(at + 1..)?.trim_ascii().to_vec()))
        })
        .collect();
    let headers: Vec<(&str, &[u8])> = lines
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    if let Ok(request) = SignedRequest::read(*method, &headers) {
        let system = request.claimed_system_id().to_owned();
        if let Ok(params) = request.verify(SECRET) {
            assert_eq!(params.system_id, system);
            for name in method.required() {
                let value = params.get(name).expect("required");
                let sent = format!("XroadVnpt-{name}");
                let mut same = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(&sent));
                assert_eq!(same.next().map(|(_, v)| *v), Some(value.as_bytes()));
                assert!(same.next().is_none());
            }
        }
    }

    // Our own signature over any texts verifies, unless a name is given twice or the text is too long.
    let Some((name, value)) = lines.first() else {
        return;
    };
    let (Ok(value), Some(at)) = (
        std::str::from_utf8(value),
        parse_timestamp("21112026T191239+0009"),
    ) else {
        return;
    };
    let is_known = ["systemid", "timestamp", "content-type", "sign-header", "sign-header-key", "hash-header", "version"]
        .contains(&name.to_ascii_lowercase().as_str());
    if is_known || name.is_empty() || name.contains(';') || value.len() + name.len() > 4_000 {
        return;
    }
    let signed = sign("S", SECRET, at, "text/plain", &[(name.as_str(), value)]);
    let signed: Vec<(&str, &[u8])> = signed
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let request = SignedRequest::read(Method::GetAgenciesList, &signed).expect("own request");
    let params = request.verify(SECRET).expect("own signature");
    assert_eq!(params.get(name), Some(value));
});
