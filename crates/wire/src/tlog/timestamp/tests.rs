//! Tokens made by OpenSSL (`fixtures/timestamp/make.sh`); their certificates run out the day after they were made.

use lgsp_base::Sha256;
use proptest::prelude::*;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/timestamp/", $name))
    };
}

fn imprint() -> Sha256 {
    imprint_of(include_str!("../../../fixtures/timestamp/checkpoint.txt"))
}

fn certificate(bytes: &[u8]) -> Certificate {
    Certificate::parse(bytes).expect("a certificate")
}

fn token(bytes: &[u8]) -> Token {
    Token::parse(bytes).expect("a token")
}

#[test]
fn tokens_of_each_algorithm_verify_against_the_certificate_and_its_issuer() {
    let issuer = certificate(fixture!("issuer.pem"));
    for (bytes, der, name) in [
        (&fixture!("rsa.tst")[..], &fixture!("rsa.der")[..], "rsa"),
        (fixture!("p256.tst"), fixture!("p256.der"), "p256"),
        // Also signs its certificate with RSA-PSS, and digests with SHA-384.
        (fixture!("p384.tst"), fixture!("p384.der"), "p384"),
        // Names its certificate by SHA-1, as older authorities do.
        (fixture!("rsa_sha1_id.tst"), fixture!("rsa.der"), "rsa"),
    ] {
        let token = token(bytes);
        let certificate = certificate(der);
        let stamp = token.verify(&imprint(), None, &certificate).expect("holds");
        assert_eq!(stamp.policy, "1.3.6.1.4.1.99999.1");
        assert_eq!(stamp.certificate, certificate);
        assert!(stamp.at >= certificate.validity().0 && stamp.at <= certificate.validity().1);
        assert_eq!(certificate.name(), format!("Bình An test TSA ({name})"));
        assert_eq!(token.signer(), Some(&certificate));
        assert_eq!(token.verify(&imprint(), None, &issuer), Ok(stamp.clone()));
        assert_eq!(token.verify_by(&imprint(), &certificate), Ok(stamp));
        assert_eq!(
            token.verify_by(&imprint(), &issuer),
            Err(TimestampError::WrongSigner)
        );
    }
    let pem = certificate(fixture!("rsa.pem"));
    assert_eq!(pem.as_der(), fixture!("rsa.der"));
    assert_eq!(pem.fingerprint(), Sha256::of(fixture!("rsa.der")));
}

#[test]
fn each_reason_to_refuse_is_named() {
    let rsa = certificate(fixture!("rsa.der"));
    let refused = |bytes: &[u8], authority: &[u8]| {
        token(bytes).verify(&imprint(), None, &certificate(authority))
    };
    for (bytes, authority, error) in [
        (
            &fixture!("rsa.tst")[..],
            &fixture!("p256.der")[..],
            TimestampError::WrongSigner,
        ),
        // An issuer of the same name.
        (
            fixture!("rsa.tst"),
            fixture!("stranger.pem"),
            TimestampError::WrongSigner,
        ),
        (
            fixture!("past.tst"),
            fixture!("past.der"),
            TimestampError::CertificateNotValid,
        ),
        (
            fixture!("past.tst"),
            fixture!("issuer.pem"),
            TimestampError::CertificateNotValid,
        ),
        (
            fixture!("future.tst"),
            fixture!("future.der"),
            TimestampError::CertificateNotValid,
        ),
        (
            fixture!("sha384_imprint.tst"),
            fixture!("rsa.der"),
            TimestampError::WrongImprint,
        ),
        (
            fixture!("rsa.tst"),
            fixture!("purpose_authority.der"),
            TimestampError::WrongPurpose,
        ),
        (
            fixture!("rsa.tst"),
            fixture!("purpose_stamping_uncritical.der"),
            TimestampError::WrongPurpose,
        ),
        (
            fixture!("rsa.tst"),
            fixture!("purpose_stamping_and_more.der"),
            TimestampError::WrongPurpose,
        ),
    ] {
        assert_eq!(refused(bytes, authority), Err(error));
    }
    assert_eq!(
        token(fixture!("rsa.tst")).verify(&Sha256::of(b"else"), None, &rsa),
        Err(TimestampError::WrongImprint)
    );
}

#[test]
fn an_answer_belongs_to_its_request() {
    let rsa = certificate(fixture!("rsa.der"));
    let nonce = include_str!("../../../fixtures/timestamp/nonce.txt").trim();
    let nonce = u64::from_str_radix(nonce, 16).expect("hex");
    let token = parse_response(fixture!("nonce.tsr")).expect("granted");
    assert!(token.verify(&imprint(), Some(nonce), &rsa).is_ok());
    assert!(token.verify(&imprint(), None, &rsa).is_ok());
    assert_eq!(
        token.verify(&imprint(), Some(nonce ^ 1), &rsa),
        Err(TimestampError::WrongNonce)
    );
    assert_eq!(
        self::token(fixture!("rsa.tst")).verify(&imprint(), Some(nonce), &rsa),
        Err(TimestampError::WrongNonce)
    );
    assert_eq!(
        parse_response(fixture!("refused.tsr")),
        Err(TimestampError::Refused {
            status: 2,
            text: "Message digest algorithm is not supported.".to_owned()
        })
    );
}

#[test]
fn the_request_is_the_one_that_openssl_makes() {
    // openssl ts -query -sha256 -digest 5a…5a -cert, with nonces of each shape.
    let request = |nonce| lgsp_base::hash::to_hex(&request_der(&Sha256([0x5a; 32]), nonce));
    let head = format!(
        "020101 3031300d060960864801650304020105000420{}",
        "5a".repeat(32)
    )
    .replace(' ', "");
    for (nonce, length, encoded) in [
        (0, 0x3c, "020100"),
        (0x7f, 0x3c, "02017f"),
        (0x80, 0x3d, "02020080"),
        (u64::MAX, 0x44, "020900ffffffffffffffff"),
    ] {
        assert_eq!(
            request(nonce),
            format!("30{length:02x}{head}{encoded}0101ff")
        );
    }
}

/// Where a needle lies.
fn range_of(bytes: &[u8], needle: &[u8]) -> std::ops::Range<usize> {
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .expect("inside");
    at..at + needle.len()
}

#[test]
fn every_flipped_bit_of_what_is_signed_is_noticed() {
    for (bytes, der) in [
        (&fixture!("rsa.tst")[..], &fixture!("rsa.der")[..]),
        (fixture!("p256.tst"), fixture!("p256.der")),
    ] {
        let certificate = certificate(der);
        // The certificates that come along are not believed; a change in them is no change of the stamp.
        let along = range_of(bytes, der).start - 4;
        let issuer = self::certificate(fixture!("issuer.pem"));
        let along = along
            ..range_of(bytes, issuer.as_der())
                .end
                .max(range_of(bytes, der).end);
        let mut unnoticed = Vec::new();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 1 << bit;
                let holds = Token::parse(&flipped)
                    .and_then(|token| token.verify(&imprint(), None, &certificate))
                    .is_ok();
                if holds && !along.contains(&at) {
                    unnoticed.push(at);
                }
            }
        }
        unnoticed.dedup();
        assert_eq!(unnoticed, Vec::<usize>::new());
    }
}

#[test]
fn every_cut_is_refused() {
    let bytes = fixture!("rsa.tst");
    for length in 0..bytes.len() {
        assert_eq!(
            Token::parse(&bytes[..length]),
            Err(TimestampError::Malformed)
        );
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(Token::parse(&longer), Err(TimestampError::Malformed));
    assert_eq!(
        Token::parse(&vec![0x30; TOKEN_BYTES_MAX + 1]),
        Err(TimestampError::Malformed)
    );
    assert!(
        Certificate::parse(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
            .is_err()
    );
}

proptest! {
    #[test]
    fn reading_never_panics(at in 0usize..2_000, bytes in proptest::collection::vec(any::<u8>(), 1..8)) {
        let mut changed = fixture!("rsa.tst").to_vec();
        for (slot, byte) in changed.iter_mut().skip(at).zip(&bytes) {
            *slot = *byte;
        }
        let rsa = certificate(fixture!("rsa.der"));
        if let Ok(token) = Token::parse(&changed) {
            let _ = token.verify(&imprint(), Some(1), &rsa).is_ok();
            let _ = token.signer();
        }
        let _ = parse_response(&bytes).is_ok();
        let _ = Certificate::parse(&bytes).is_ok();
    }
}
