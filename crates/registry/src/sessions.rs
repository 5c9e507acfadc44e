//! Sessions on the REST flavour of the document axis: a token that every node recognises and none stores.
//!
//! `lgsp_axis_` and hexadecimal text of 56 bytes: the system's id (16), the end in microseconds since 1970 (8, both big-endian),
//! and a mark of the vault (32) over them and the digest of the system's secret. So a token outlives a restart, and stops
//! with its time, with its system and with its secret.

use lgsp_base::hash::{Sha256, equal_in_constant_time, from_hex, to_hex};
use lgsp_base::id::SystemId;
use lgsp_base::limits;
use lgsp_base::secret::Secret;
use lgsp_base::time::Timestamp;

use crate::model::System;
use crate::service::Registry;
use crate::snapshot::Snapshot;

/// What stands before a token, so that scanners of code find leaked ones.
const PREFIX: &str = "lgsp_axis_";
/// What the vault's mark is for.
const PURPOSE: &str = "axis session";
/// Bytes of id and end.
const FACTS_BYTES: usize = 24;
/// Bytes of the mark.
const MARK_BYTES: usize = 32;
/// Takes the place of the secret of a system that does not exist, so that its refusal costs the same.
const NO_SECRET: &[u8] = b"no system has this as its secret";

/// A session that was opened, with the token that is shown this once.
#[derive(Debug)]
pub struct AxisSession {
    /// Whose it is.
    pub system: SystemId,
    /// The token.
    pub token: Secret<String>,
    /// When it ends.
    pub ends_at: Timestamp,
}

impl Registry {
    /// The active system with this id and secret of the document axis. A wrong secret and an unknown system are told apart
    /// neither by the answer nor by its time.
    pub fn axis_system(&self, vxp_id: &str, secret: &[u8]) -> Option<System> {
        let snapshot = self.snapshot();
        let found = snapshot
            .system_by_vxp(vxp_id)
            .filter(|system| system.is_active)
            .and_then(|system| Some((system, snapshot.vxp_secret(system.id)?)));
        let expected = found.map_or(NO_SECRET, |(_, secret)| secret.expose());
        // Digests have one length, so that the comparison does not tell that of the secret.
        let is_right = equal_in_constant_time(&Sha256::of(expected).0, &Sha256::of(secret).0);
        found.filter(|_| is_right).map(|(system, _)| system.clone())
    }

    /// Opens a session for a system that showed its secret; none if it is closed or has no secret.
    pub fn open_axis_session(&self, system: SystemId) -> Option<AxisSession> {
        let ends_at = self.clock().now().plus(limits::AXIS_SESSION_LIFE);
        let mut facts = system.bits().to_be_bytes().to_vec();
        facts.extend_from_slice(&ends_at.as_micros().to_be_bytes());
        let statement = statement(&self.snapshot(), system, &facts)?;
        let mark = self.vault().vouch(PURPOSE, &statement);
        let token = format!("{PREFIX}{}{}", to_hex(&facts), to_hex(&mark));
        Some(AxisSession {
            system,
            token: Secret::new(token),
            ends_at,
        })
    }

    /// The active system whose session a token opens now.
    pub fn axis_session(&self, token: &str) -> Option<System> {
        let bytes = token
            .strip_prefix(PREFIX)
            .filter(|text| text.len() == 2 * (FACTS_BYTES + MARK_BYTES))
            .and_then(from_hex)?;
        let (facts, mark) = bytes.split_at_checked(FACTS_BYTES)?;
        let (id, end) = facts.split_first_chunk::<16>()?;
        let id = SystemId::from_bits(u128::from_be_bytes(*id));
        let ends_at = Timestamp::from_micros(i64::from_be_bytes(end.try_into().ok()?));
        let snapshot = self.snapshot();
        let statement = statement(&snapshot, id, facts)?;
        let is_ours = self.vault().has_vouched(PURPOSE, &statement, mark);
        snapshot
            .system(id)
            .filter(|_| is_ours && self.clock().now() < ends_at)
            .cloned()
    }
}

/// What the vault marks; none for a system without a secret, as closed ones are.
fn statement(snapshot: &Snapshot, system: SystemId, facts: &[u8]) -> Option<Vec<u8>> {
    snapshot.system(system).filter(|system| system.is_active)?;
    let secret = snapshot.vxp_secret(system)?;
    Some([facts, &Sha256::of(secret.expose()).0].concat())
}
