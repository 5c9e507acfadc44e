//! Tests of the edXML reader, writer and checks, by subject.

mod attachments;
mod attacks;
mod differential;
mod fixtures;
mod kit;
mod properties;
mod validation;
