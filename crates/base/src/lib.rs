#![doc = include_str!("../README.md")]

pub mod actor;
pub mod entropy;
pub mod failures;
pub mod hash;
pub mod id;
pub mod limits;
pub mod org_code;
pub mod places;
pub mod planted;
pub mod problem;
pub mod secret;
pub mod time;
pub mod vi;

pub use actor::{Actor, Permission};
pub use entropy::Entropy;
pub use hash::Sha256;
pub use problem::{Lang, Problem, ProblemKind};
pub use secret::Secret;
pub use time::{Clock, Timestamp};
