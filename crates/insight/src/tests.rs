//! The projector, the search and the overview over made-up histories, on both engines.

mod history;
mod overview;
mod projector;
mod search;
mod world;
