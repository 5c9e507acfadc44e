#![doc = include_str!("../README.md")]

pub mod dossier;
pub mod edxml;
pub mod record;
pub mod tlog;
pub mod vxp;
pub mod webhook;
