//! Tests of the whole registry: pure ones over drafts, and those over a database on each engine.

mod data;
mod support;
