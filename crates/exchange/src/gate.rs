//! Whether new documents are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Closed by whoever runs the platform while nothing new may begin: what was accepted still goes out, notices of the platform
/// still come in. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    /// Opens or closes it; true if that changed anything.
    pub fn set_closed(&self, is_closed: bool) -> bool {
        self.0.swap(is_closed, Ordering::Relaxed) != is_closed
    }

    /// True while new documents are refused.
    pub fn is_closed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
