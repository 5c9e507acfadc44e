//! Rows of insight: transactions, recipients, counters, health, and the search index over documents.
//!
//! Every query of the crate `insight` stands here as a method of [`Tx`](crate::Tx), with `insight_` in front. All of it is
//! derived: the projector is the only writer, and what it writes goes with its cursor in one transaction.

mod figures;
pub mod model;
mod project;
pub mod search;

pub use figures::{CounterSum, LeafSpan, SpanSum, WaitingSum};
pub use model::{
    Agency, Counter, Cursor, Direction, DocumentFacts, HealthTick, Hour, Outcome, Recipient,
    RecipientState, Transaction,
};
pub use project::Projected;
pub use search::{FoundRow, Search};
