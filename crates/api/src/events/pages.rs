//! Pages of sealed entries that streams share: all of them read the same entries at the same moment, and those never change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lgsp_base::{Problem, limits};
use lgsp_store::ledger::{Ledger, LedgerError, SealedEntry};
use tokio::sync::OnceCell;

/// Entries from one leaf on.
pub(crate) type Page = Arc<[SealedEntry]>;

/// The newest pages; at most `limits::EVENT_PAGES_MAX`.
#[derive(Default)]
pub(crate) struct Pages {
    by_first: Mutex<BTreeMap<u64, Arc<OnceCell<Page>>>>,
}

impl Pages {
    /// The entries from a leaf on, at most `limits::EVENTS_AT_ONCE`. Streams that ask at the same time read once.
    ///
    /// # Errors
    /// The ledger's.
    pub(crate) async fn read(&self, ledger: &Ledger, from: u64) -> Result<Page, Problem> {
        let cell = self.cell(from);
        let page = cell
            .get_or_try_init(|| async {
                let page = ledger.leaves(from, limits::EVENTS_AT_ONCE).await?;
                Ok::<Page, LedgerError>(page.into())
            })
            .await?
            .clone();
        if page.is_empty() {
            // What is not there yet must not be remembered.
            self.lock().remove(&from);
        }
        Ok(page)
    }

    fn cell(&self, from: u64) -> Arc<OnceCell<Page>> {
        let mut pages = self.lock();
        let cell = Arc::clone(pages.entry(from).or_default());
        while pages.len() > limits::EVENT_PAGES_MAX {
            // The oldest page is asked for by one that catches up, if at all.
            pages.pop_first();
        }
        cell
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<OnceCell<Page>>>> {
        self.by_first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("pages", &self.lock().len())
            .finish()
    }
}
