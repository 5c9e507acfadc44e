//! What stands on every page while it lasts: the ledger is not sealed, not stamped, not witnessed, the clock is off, or the figures stand still.

use lgsp_base::Timestamp;
use serde::Serialize;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// Entries are not made leaves.
    Sealing,
    /// The clock is off.
    Clock,
    /// The same, and so far that nothing is signed.
    ClockStops,
    /// The time-stamp authority gives no stamps.
    Timestamp,
    /// The same, and the end of the countdown refuses new documents.
    TimestampStops,
    /// A witness does not cosign.
    Witness,
    /// Figures and search do not follow.
    Figures,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// What.
    pub kind: AlarmKind,
    /// Since when.
    pub since: Timestamp,
    /// When its countdown ends, if it has one.
    pub until: Option<Timestamp>,
    /// Whose or by how much: the name of a witness, the skew of the clock; empty for the platform's own parts.
    pub about: String,
}

/// Tells what is wrong now; asked for every page, so it must answer from memory.
pub trait Alarms: Send + Sync + std::fmt::Debug {
    /// Everything that is wrong, the worst first.
    fn alarms(&self) -> Vec<Alarm>;
}

/// One of each, for samples.
pub(crate) fn samples() -> Vec<Alarm> {
    let since = Timestamp::from_micros(1_793_844_000_000_000);
    [
        AlarmKind::Sealing,
        AlarmKind::ClockStops,
        AlarmKind::Clock,
        AlarmKind::TimestampStops,
        AlarmKind::Timestamp,
        AlarmKind::Witness,
        AlarmKind::Figures,
    ]
    .into_iter()
    .map(|kind| Alarm {
        kind,
        since,
        until: matches!(kind, AlarmKind::TimestampStops | AlarmKind::Timestamp)
            .then(|| since.plus(std::time::Duration::from_secs(14_400))),
        about: match kind {
            AlarmKind::Witness => "witness.example",
            AlarmKind::ClockStops | AlarmKind::Clock => "-301,5 s",
            _ => "",
        }
        .to_owned(),
    })
    .collect()
}
