//! Tests of the dossier formats, by subject.

mod kit;
mod samples;
