//! Tests of the dossier formats, by subject.

mod kit;
mod portal;
mod samples;
