#![doc = include_str!("../README.md")]

pub mod axis;
pub mod connector;
pub mod dvcqg;
pub mod ministries;
pub mod timestamp;
pub mod webhook;
pub mod witness;

pub mod outbound;

#[cfg(test)]
mod testkit;
