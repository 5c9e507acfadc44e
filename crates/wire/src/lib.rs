#![doc = include_str!("../README.md")]

pub mod axis_rest;
pub mod dossier;
pub mod edxml;
pub mod forwarded;
pub mod multipart;
pub mod record;
pub mod tlog;
pub mod vxp;
pub mod webhook;
