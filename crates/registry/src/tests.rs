//! Tests of the whole registry: pure ones over drafts, and those over a database on each engine.

mod connections;
mod data;
mod events;
mod import;
mod invariants;
mod search;
mod service;
mod sessions;
mod support;
