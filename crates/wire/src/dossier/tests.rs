//! Tests of the dossier formats, by subject.

mod attacks;
mod foreign;
mod kit;
mod portal;
mod properties;
mod samples;
