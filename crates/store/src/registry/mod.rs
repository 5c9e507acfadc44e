//! The rows of the registry: organisations over time, systems, tokens, webhooks, connectors.
//!
//! Statements only; what may be written is decided in the registry crate.

pub mod connectors;
pub mod organisations;
pub mod systems;
pub mod tokens;
pub mod webhooks;

pub use connectors::ConnectorRow;
pub use organisations::{CodeRow, EventRow, OrganisationRow, PeriodRow, SuccessionRow};
pub use systems::{AgencyRow, SystemRow};
pub use tokens::TokenRow;
pub use webhooks::WebhookRow;

#[cfg(test)]
mod tests;
