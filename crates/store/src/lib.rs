#![doc = include_str!("../README.md")]

pub mod db;
pub mod error;
pub mod tx;
pub mod value;

pub mod blobs;
pub mod idempotency;
pub mod jobs;
pub mod ledger;
pub mod seal;
pub mod settings;

pub mod console;
pub mod dossier;
pub mod exchange;
pub mod insight;
pub mod registry;

pub mod dialect;
pub mod migrate;
pub mod testing;

mod postgres;
mod queue;
mod room;
mod sqlite;

pub use blobs::{BlobReader, BlobRef, BlobWriter, Blobs};
pub use db::{Db, DbOptions, DbTarget, Health, Pending};
pub use dialect::Engine;
pub use error::{OpenError, StoreError};
pub use tx::Tx;
pub use value::{Param, Row};
