#![doc = include_str!("../README.md")]

pub mod agency;
pub mod catalogue;
pub mod civil_status;
pub mod control;
pub mod criminal_record;
pub mod door;
pub mod dossier_book;
mod expired;
pub mod fault;
mod host;
pub mod http;
pub mod journal;
pub mod letter;
pub mod ministry;
pub mod offices;
pub mod one_stop;
pub mod pdf;
pub mod platform;
pub mod portal;
pub mod province;
pub mod rest;
pub mod units;
pub mod vxp;
pub mod webhook;

#[cfg(test)]
mod codecs;

pub use agency::{AgencySystem, Manners, Receive, World};
pub use civil_status::CivilStatus;
pub use control::{AgencyState, Breakable, Control};
pub use criminal_record::CriminalRecord;
pub use door::Door;
pub use dossier_book::{DossierBook, DossierVerdict, meaning};
pub use fault::{Fault, Faults, How};
pub use http::CallError;
pub use journal::{Journal, Verdict};
pub use letter::{Agency, Letter, Purpose};
pub use offices::Offices;
pub use one_stop::{DossierDoor, OfficeConfig, OfficeWorld, OneStop, Service, Shape};
pub use platform::{Platform, Platforms};
pub use portal::{Portal, PortalConfig};
pub use province::Province;
pub use rest::RestClient;
pub use units::{Habit, TestUnit};
pub use vxp::VxpClient;
