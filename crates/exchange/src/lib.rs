#![doc = include_str!("../README.md")]

pub mod model;

pub mod directory;
pub mod dossier;
pub mod error;
pub mod transport;

mod accept;
mod acknowledge;
mod bulk;
mod content;
mod counters;
mod erase;
mod evidence;
mod expiry;
mod gate;
mod inbox;
mod intake;
mod lineage;
mod lists;
mod notice;
mod order;
mod packet;
mod recall;
mod report;
mod resend;
mod schedule;
mod service;
mod shown;
mod status;
mod submit;
mod trace;
mod troubled;
mod worker;

pub use bulk::{BatchPreview, BatchQuery, BatchStarted, ResendStep, seconds_left};
pub use content::{ContentBody, ContentStream, ContentTarget};
pub use counters::{Counters, ExchangeCounters};
pub use directory::{Channel, ConnectorKind, Directory, Party, Receiver, Resolved};
pub use erase::{EraseReason, NotAReason};
pub use error::{EraseError, ReceiveError, ResendError, SubmitError};
pub use gate::Gate;
pub use intake::{Content, Intake, IntakeKind};
pub use lgsp_store::exchange::{
    Attempt, Delivery, DeliveryFilter, DeliveryState, Document, DocumentFilter, DocumentKind,
    Erasure, ResendItem, ResendJob, ResendOutcome, ResendState, SentRow, Status,
};
pub use model::*;
pub use service::{Exchange, ExchangeConfig};
pub use shown::{EventView, OwnReceipt};
pub use transport::{HandOver, HandOverOutcome, Transport};
pub use troubled::{TroubledGroup, TroubledGroups, TroubledQuery};
pub use worker::Worker;
