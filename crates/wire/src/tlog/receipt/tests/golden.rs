//! Bundles of each released version are kept for ever and must go on to verify.

use super::*;

const FULL: &[u8] = include_bytes!("../../../../fixtures/receipt/v1_full.lgsp-receipt");
const SMALL: &[u8] = include_bytes!("../../../../fixtures/receipt/v1_small.lgsp-receipt");

#[test]
fn kept_bundles_verify() {
    for (bytes, seed) in [(FULL, 2), (SMALL, 1)] {
        let report = verify(bytes, Some(log_key(seed).key()));
        assert!(report.is_valid() && report.is_pinned(), "{report:?}");
    }
}

#[test]
fn the_format_has_not_changed() {
    assert_eq!(full().encode(), FULL);
    assert_eq!(small().encode(), SMALL);
}
