//! The store's promises, each on SQLite and, when a server is named, on PostgreSQL.

#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

#[path = "suite/db.rs"]
mod db;
#[path = "suite/dossier_erasure.rs"]
mod dossier_erasure;
#[path = "suite/dossier_lists.rs"]
mod dossier_lists;
#[path = "suite/dossier_portals.rs"]
mod dossier_portals;
#[path = "suite/dossier_rows.rs"]
mod dossier_rows;
#[path = "suite/dossier_world.rs"]
mod dossier_world;
#[path = "suite/insight.rs"]
mod insight;
#[path = "suite/ledger.rs"]
mod ledger;
#[path = "suite/ledger_evidence.rs"]
mod ledger_evidence;
#[path = "suite/rows.rs"]
mod rows;
