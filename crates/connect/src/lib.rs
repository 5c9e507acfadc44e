#![doc = include_str!("../README.md")]

pub mod axis;
pub mod webhook;

pub mod outbound;

#[cfg(test)]
mod testkit;
