//! The exchange over a real store, with a manual clock, a directory in memory and a transport that does as it is told.

mod history;
mod packets;
mod push;
mod receive;
mod simulation;
mod submit;
mod time;
mod world;
