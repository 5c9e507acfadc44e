#![doc = include_str!("../README.md")]

pub mod edxml;
pub mod record;
pub mod tlog;
pub mod vxp;
pub mod webhook;
