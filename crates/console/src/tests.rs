//! What holds of every page, and the door from outside.

mod markup;
mod pages;
mod style;
mod support;

mod documents;
mod dossiers;
mod events;
mod session;
mod systems;
