//! Rows of the document exchange: documents, deliveries with their pair counters, attempts, status reports, keys.
//!
//! Every query of the crate `exchange` stands here as a method of [`Tx`](crate::Tx), noun first. The words of a state or a
//! kind are the enums of [`model`]; nothing else writes them.

mod attempts;
mod deliveries;
pub(crate) mod documents;
mod erasures;
mod keys;
mod leases;
pub(crate) mod lists;
pub mod model;
mod resends;
mod statuses;
mod troubled;

pub use deliveries::{DeliveryForConfirm, NewDelivery, PairHead, PairPlace};
pub use documents::{NewDocument, StoredContent};
pub use leases::{LeaseClaim, LeasedDelivery};
pub use lists::{DeliveryFilter, DocumentFilter, InboxRow, InboxWanted, SentRow};
pub use model::{
    Attempt, Delivery, DeliveryState, Document, DocumentKind, Erasure, ResendItem, ResendJob,
    ResendOutcome, ResendState, Status,
};
pub use resends::{NewResend, ResendAdvance, ResendTurn};
pub use statuses::{NewStatus, StatusTarget};
pub use troubled::{TroubledFilter, TroubledOrder, TroubledRow};
