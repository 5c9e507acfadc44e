//! The store's promises, each on SQLite and, when a server is named, on PostgreSQL.

#[path = "suite/db.rs"]
mod db;
#[path = "suite/rows.rs"]
mod rows;
