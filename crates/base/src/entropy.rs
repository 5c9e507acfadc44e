//! Randomness as a value, so that a test can be replayed from its seed.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Random bytes that a thread fetches at once: a call into the generator costs as much for 16 bytes as for these.
const STOCK_BYTES: usize = 512;

/// The only source of randomness.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills the buffer with bytes nobody can guess (in production).
    fn fill(&self, buffer: &mut [u8]);

    /// A number below `bound` (0 when `bound` is 0); for jitter, not for secrets.
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0u8; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }
}

/// The operating system's generator. Each thread keeps a small stock of its bytes; every byte is given out once and wiped.
#[derive(Debug, Default, Clone, Copy)]
pub struct OsEntropy;

/// Random bytes of one thread that nobody has seen yet.
struct Stock {
    bytes: [u8; STOCK_BYTES],
    left: usize,
}

thread_local! {
    static STOCK: RefCell<Stock> = const {
        RefCell::new(Stock {
            bytes: [0; STOCK_BYTES],
            left: 0,
        })
    };
}

impl Stock {
    /// Moves the next bytes out; false if more are wanted than a stock holds.
    fn take(&mut self, out: &mut [u8]) -> bool {
        if out.len() > self.left {
            if out.len() > STOCK_BYTES {
                return false;
            }
            ask_system(&mut self.bytes);
            self.left = STOCK_BYTES;
        }
        let Some(from) = self.left.checked_sub(out.len()) else {
            return false;
        };
        let Some(fresh) = self.bytes.get_mut(from..self.left) else {
            return false;
        };
        out.copy_from_slice(fresh);
        fresh.fill(0);
        self.left = from;
        true
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks the system for randomness"
)]
#[expect(
    clippy::panic,
    reason = "without randomness no id and no salt may be made: failing closed is the only answer"
)]
fn ask_system(buffer: &mut [u8]) {
    if aws_lc_rs::rand::fill(buffer).is_err() {
        panic!("the operating system gives no randomness");
    }
}

impl Entropy for OsEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // A thread that ends has no stock any more.
        let is_filled = STOCK.try_with(|stock| stock.borrow_mut().take(buffer));
        if !is_filled.unwrap_or(false) {
            ask_system(buffer);
        }
    }
}

/// A repeatable sequence (SplitMix64): tests and simulations only.
#[derive(Debug)]
pub struct SeededEntropy {
    state: AtomicU64,
}

impl SeededEntropy {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self
            .state
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            for (slot, byte) in chunk.iter_mut().zip(bytes) {
                *slot = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        let (mut a, mut b) = ([0u8; 20], [0u8; 20]);
        SeededEntropy::new(7).fill(&mut a);
        SeededEntropy::new(7).fill(&mut b);
        assert_eq!(a, b);
        OsEntropy.fill(&mut a);
        OsEntropy.fill(&mut b);
        assert_ne!(a, b);
        assert_eq!(OsEntropy.below(0), 0);
    }

    #[test]
    fn a_stock_never_gives_the_same_bytes_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..4 * STOCK_BYTES / 16 {
            let mut bytes = [0u8; 16];
            OsEntropy.fill(&mut bytes);
            assert!(seen.insert(bytes));
        }
        let mut large = [0u8; STOCK_BYTES + 1];
        OsEntropy.fill(&mut large);
        assert!(large.iter().any(|byte| *byte != 0));
        assert!(OsEntropy.below(3) < 3);
    }
}
