//! What the tests share: a directory without a database, and a registry with one.

use std::sync::Arc;
use std::time::Duration;

use lgsp_base::actor::Actor;
use lgsp_base::entropy::SeededEntropy;
use lgsp_base::id::{OrgEventId, OrgId, SystemId, TokenId};
use lgsp_base::org_code::Scheme;
use lgsp_base::time::{ManualClock, Timestamp};
use lgsp_base::{Entropy, limits};
use lgsp_store::testing::TestDb;

use crate::directory::Directory;
use crate::draft::{Draft, NewCode, NewOrganisation, Occasion, Strictness};
use crate::error::EventRule;
use crate::import::{self, ImportOptions, ImportReport};
use crate::model::EventKind;
use crate::resolve::{self, Resolution};
use crate::service::{Registry, RegistryConfig};
use crate::vault::Vault;

pub(super) fn day(text: &str) -> Timestamp {
    Timestamp::from_civil_date(text).unwrap()
}

pub(super) fn before(text: &str) -> Timestamp {
    Timestamp::from_micros(day(text).as_micros() - 1)
}

pub(super) fn on(text: &str) -> Occasion {
    Occasion {
        effective_at: day(text),
        ..Occasion::default()
    }
}

pub(super) fn new_org(code: &str, name: &str, parent: Option<OrgId>) -> NewOrganisation {
    NewOrganisation {
        name: name.to_owned(),
        kind: "so".to_owned(),
        level: 1 + u32::try_from(code.matches('.').count()).unwrap(),
        parent,
        admin_unit_code: None,
        province: None,
        codes: vec![NewCode {
            scheme: Scheme::Qd20,
            code: code.to_owned(),
            is_official: true,
            legal_basis: None,
        }],
    }
}

/// A directory that grows in memory.
pub(super) struct World {
    pub(super) directory: Directory,
    pub(super) entropy: SeededEntropy,
    pub(super) now: Timestamp,
    pub(super) transition: Duration,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            directory: Directory::default(),
            entropy: SeededEntropy::new(1),
            now: day("2026-11-21"),
            transition: limits::TRANSITION_PERIOD,
        }
    }

    /// Applies a change and keeps it, unless it breaks a rule.
    pub(super) fn apply<T>(
        &mut self,
        change: impl FnOnce(&mut Draft<'_>, OrgEventId) -> Result<T, EventRule>,
    ) -> Result<T, EventRule> {
        let mut draft = Draft::new(&self.directory, self.now, &self.entropy);
        let event = draft.event(
            EventKind::Create,
            &Occasion::default(),
            serde_json::Value::Null,
        );
        let answer = change(&mut draft, event)?;
        let changes = draft.into_changes();
        self.keep(changes);
        Ok(answer)
    }

    pub(super) fn keep(&mut self, changes: crate::draft::Changes) {
        self.directory = self.directory.after(changes);
    }

    pub(super) fn create(&mut self, code: &str) -> OrgId {
        self.create_at(code, None, Timestamp::BEGINNING)
    }

    pub(super) fn create_at(&mut self, code: &str, parent: Option<OrgId>, at: Timestamp) -> OrgId {
        let new = new_org(code, &format!("Đơn vị {code}"), parent);
        self.apply(|draft, event| draft.create(&new, at, event, Strictness::Issued))
            .unwrap()
    }

    pub(super) fn import(&mut self, csv: &str) -> ImportReport {
        self.import_with(csv.as_bytes(), ImportOptions::default())
    }

    pub(super) fn import_with(&mut self, csv: &[u8], options: ImportOptions) -> ImportReport {
        let (report, changes) = import::plan(
            &self.directory,
            csv,
            options,
            self.now,
            &self.entropy,
            &mut |_, _| {},
        );
        self.keep(changes);
        report
    }

    pub(super) fn resolve(&self, code: &str, at: Timestamp) -> Resolution {
        resolve::resolve(&self.directory, code, at, self.transition)
    }

    pub(super) fn id(&self, code: &str) -> OrgId {
        self.directory
            .by_code(code)
            .unwrap_or_else(|| panic!("{code}"))
            .id
    }

    /// `active H99`, `forwarded H99.02`, `closed several_successors H99.03 H99.04`, `not_yet`, `unknown`.
    pub(super) fn says(&self, code: &str, at: Timestamp) -> String {
        match self.resolve(code, at) {
            Resolution::Active { code, .. } => format!("active {code}"),
            Resolution::Forwarded { code, .. } => format!("forwarded {code}"),
            Resolution::Closed {
                candidates, reason, ..
            } => {
                let mut text = format!("closed {}", reason.name());
                for candidate in candidates {
                    text.push(' ');
                    text.push_str(&candidate.code);
                }
                text
            }
            other => other.status().to_owned(),
        }
    }
}

pub(super) fn operator() -> Actor {
    Actor::Operator {
        token: TokenId::from_bits(1),
    }
}

pub(super) fn system_actor(system: SystemId, org: OrgId) -> Actor {
    Actor::System { system, org }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// A registry over a test database; the key file stands in the test's folder.
pub(super) async fn open(test: &TestDb, clock: &Arc<ManualClock>) -> Registry {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(clock_seed(clock)));
    let path = test.folder().join("vault.key");
    let vault = if path.exists() {
        Vault::open(&path).unwrap()
    } else {
        Vault::create(&path, &*entropy).unwrap()
    };
    let clock: Arc<dyn lgsp_base::Clock> = Arc::clone(clock) as Arc<dyn lgsp_base::Clock>;
    Registry::open(
        test.db().clone(),
        clock,
        entropy,
        vault,
        RegistryConfig::default(),
    )
    .await
    .unwrap()
}

/// Another seed for each opening, so that two nodes of one test do not make the same ids.
fn clock_seed(clock: &ManualClock) -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static OPENED: AtomicU64 = AtomicU64::new(0);
    let _ = clock;
    OPENED.fetch_add(1, Ordering::Relaxed).wrapping_mul(7919)
}
