//! What proxies are said to have said: whatever the bytes, no more hops than are read, and no panic.
#![no_main]

use lgsp_wire::forwarded::{HOPS_MAX, forwarded, is_https, x_forwarded_for};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let fields = || text.lines();
    assert!(x_forwarded_for(fields()).len() <= HOPS_MAX);
    assert!(forwarded(fields()).len() <= HOPS_MAX);
    is_https(fields());
});
