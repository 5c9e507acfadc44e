//! The pages, one file each: what they show, how it is gathered, and samples of it.

pub(crate) mod overview;

pub(crate) mod documents;
pub(crate) mod trace;
mod trace_samples;

pub(crate) mod dossier;
pub(crate) mod dossier_ageing;
pub(crate) mod dossiers;
pub(crate) mod look_up;
pub(crate) mod portal;
pub(crate) mod procedures;

pub(crate) mod cause;
pub(crate) mod dead_letters;

pub(crate) mod ledger;

pub(crate) mod organisation_history;
pub(crate) mod organisations;

pub(crate) mod system_actions;
pub(crate) mod systems;

pub(crate) mod account;
pub(crate) mod search;
