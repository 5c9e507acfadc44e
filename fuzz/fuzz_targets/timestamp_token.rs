//! Answers, tokens and certificates of a time stamping authority: no panic, and nothing is a stamp of a digest that was never stamped.
#![no_main]

use lgsp_base::Sha256;
use lgsp_wire::tlog::timestamp::{Certificate, Token, parse_response};
use libfuzzer_sys::fuzz_target;

const AUTHORITY: &[u8] = include_bytes!("../corpus/timestamp_token/rsa.der");

fuzz_target!(|data: &[u8]| {
    let authority = Certificate::parse(AUTHORITY).expect("a certificate");
    if let Ok(certificate) = Certificate::parse(data) {
        assert!(!certificate.name().is_empty());
    }
    for token in [parse_response(data), Token::parse(data)]
        .into_iter()
        .flatten()
    {
        assert_eq!(Token::parse(token.as_der()).as_ref(), Ok(&token));
        assert!(token.verify(&Sha256([0x5a; 32]), None, &authority).is_err());
        if let Some(signer) = token.signer() {
            assert!(token.certificates().contains(signer));
        }
    }
});
