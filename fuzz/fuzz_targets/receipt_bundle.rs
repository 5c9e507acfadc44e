//! A receipt bundle: what is read is written the same, a verdict is always reached and always has words, and a bundle that the key of
//! the corpus did not sign is not valid under it.
#![no_main]

use lgsp_base::Lang;
use lgsp_wire::tlog::note::{Algorithm, Signer, SoftSigner};
use lgsp_wire::tlog::receipt::{Bundle, cover, verify};
use libfuzzer_sys::fuzz_target;

const GOOD: [&[u8]; 2] = [
    include_bytes!("../corpus/receipt_bundle/v1_full.lgsp-receipt"),
    include_bytes!("../corpus/receipt_bundle/v1_small.lgsp-receipt"),
];

fuzz_target!(|data: &[u8]| {
    let log = SoftSigner::from_seed("lgsp.binhan.example/ledger", Algorithm::Ed25519, &[1; 32])
        .expect("a key");
    let report = verify(data, Some(log.key()));
    assert_eq!(report.is_valid(), GOOD.contains(&data));
    for lang in [Lang::Vi, Lang::En] {
        assert!(!report.text(lang).is_empty());
        assert!(
            report
                .checks
                .iter()
                .all(|check| !check.text(lang).is_empty())
        );
    }
    if let Ok(bundle) = Bundle::decode(data) {
        assert_eq!(bundle.encode(), data);
        assert!(!cover(&bundle, Lang::Vi).lines.is_empty());
    }
});
