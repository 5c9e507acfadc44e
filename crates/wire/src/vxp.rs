//! VXP, the interface of the national document axis (protocols §2): HTTP POST with its parameters in signed headers.
//!
//! [`Method`] lists what can be called, [`SignedRequest`] reads and verifies the headers of a request, [`sign`] makes them,
//! [`file_hash_matches`] knows the SDK's defect, and the answers' types stand in [`response`].

mod method;
pub mod response;
mod sign;

#[cfg(test)]
mod tests;

pub use method::{Method, Verb};
pub use response::AxisCode;
pub use sign::{
    SignedRequest, VerifiedParams, VxpError, file_hash_matches, format_timestamp, parse_timestamp,
    sdk_hash, sign,
};
