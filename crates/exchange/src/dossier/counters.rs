//! What the dossier service did since it started, for metrics.

use crate::counters::counters;

counters! {
    LiveCounters, DossierCounters:
    /// New dossiers.
    created,
    /// Pushes of a whole dossier that was known.
    updated,
    /// Pushes of steps.
    progressed,
    /// States sent again to one party.
    replayed,
    /// Repetitions that got the original answer.
    repeated,
    /// Pushes refused.
    refused,
    /// Looks at a dossier.
    viewed,
    /// Public look-ups that were answered.
    looked_up,
    /// Public look-ups with an unknown code or a wrong check.
    look_ups_failed,
    /// Dossiers erased.
    erased,
    /// Data keys wrapped anew.
    rewrapped,
    /// Files stored.
    files,
    /// Times that a route led to nobody.
    routes_broken,
}
