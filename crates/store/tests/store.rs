//! The store's promises, each on SQLite and, when a server is named, on PostgreSQL.

#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

#[path = "suite/db.rs"]
mod db;
#[path = "suite/insight.rs"]
mod insight;
#[path = "suite/ledger.rs"]
mod ledger;
#[path = "suite/ledger_evidence.rs"]
mod ledger_evidence;
#[path = "suite/rows.rs"]
mod rows;
