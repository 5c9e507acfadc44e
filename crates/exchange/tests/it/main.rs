//! The exchange over a real store, with a manual clock, a directory in memory and a transport that does as it is told.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects and stops when it is wrong"
)]

mod dossiers;
mod dossiers_files;
mod dossiers_keeping;
mod dossiers_kit;
mod dossiers_outgoing;
mod dossiers_progress;
mod dossiers_read;
mod dossiers_reconcile;
mod erase;
mod history;
mod mergers;
mod packets;
mod push;
mod receive;
mod resends;
mod simulation;
mod submit;
mod time;
mod troubled;
mod world;
