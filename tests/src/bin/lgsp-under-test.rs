//! The product with deliberate faults compiled in; `LGSP_PLANTED_BUG` switches one on by its name.

use std::process::ExitCode;

use lgsp_base::planted::{Bug, Planted};

fn main() -> ExitCode {
    let planted = match std::env::var("LGSP_PLANTED_BUG").as_deref() {
        Err(_) | Ok("") => Planted::NONE,
        Ok(name) => match bug(name) {
            Some(bug) => Planted::with(bug),
            None => return ExitCode::from(2),
        },
    };
    lgsp_server::run_with(std::env::args_os(), planted)
}

fn bug(name: &str) -> Option<Bug> {
    Some(match name {
        "AckBeforeCommit" => Bug::AckBeforeCommit,
        "NoSync" => Bug::NoSync,
        "ForgetIdempotencyKey" => Bug::ForgetIdempotencyKey,
        "IgnoreKeyConflict" => Bug::IgnoreKeyConflict,
        "NoPairOrder" => Bug::NoPairOrder,
        "RowBeforeBlob" => Bug::RowBeforeBlob,
        "NoDiskReserve" => Bug::NoDiskReserve,
        "RetryAfterFailedSync" => Bug::RetryAfterFailedSync,
        "ServeUnchecked" => Bug::ServeUnchecked,
        "InventDelivery" => Bug::InventDelivery,
        "SealSkipsEntry" => Bug::SealSkipsEntry,
        "CheckpointBeforeReread" => Bug::CheckpointBeforeReread,
        "ForkAtEqualSize" => Bug::ForkAtEqualSize,
        "LeavesByClock" => Bug::LeavesByClock,
        "SignDespiteSkew" => Bug::SignDespiteSkew,
        "SkipSuccession" => Bug::SkipSuccession,
        "SealLate" => Bug::SealLate,
        "StampsAlwaysFresh" => Bug::StampsAlwaysFresh,
        "LogSecrets" => Bug::LogSecrets,
        "DossierInClear" => Bug::DossierInClear,
        "DossierWithoutDocument" => Bug::DossierWithoutDocument,
        "LookUnrecorded" => Bug::LookUnrecorded,
        _ => return None,
    })
}
