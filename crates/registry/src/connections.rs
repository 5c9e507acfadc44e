//! Systems, tokens, push endpoints and registrations as an immutable value, with the secrets that signatures need.

use std::collections::HashMap;

use lgsp_base::hash::Sha256;
use lgsp_base::id::{OrgId, SystemId, WebhookId};
use lgsp_base::secret::Secret;
use lgsp_base::time::Timestamp;
use lgsp_store::registry::{AgencyRow, ConnectorRow, SystemRow, TokenRow, WebhookRow};

use crate::connectors;
use crate::model::{Connector, Protocol, System, TokenRecord, Webhook, WebhookState};
use crate::vault::{Vault, VaultError};

/// Everything about systems that is stored, as it was read in one transaction.
#[derive(Debug, Default)]
pub(crate) struct ConnectionRows {
    pub(crate) version: i64,
    pub(crate) systems: Vec<SystemRow>,
    pub(crate) agencies: Vec<AgencyRow>,
    pub(crate) tokens: Vec<TokenRow>,
    pub(crate) webhooks: Vec<WebhookRow>,
    pub(crate) connectors: Vec<ConnectorRow>,
}

/// The systems' half of a snapshot.
#[derive(Debug, Default)]
pub struct Connections {
    version: i64,
    systems: HashMap<SystemId, System>,
    by_org: HashMap<OrgId, Vec<SystemId>>,
    by_vxp_id: HashMap<String, SystemId>,
    vxp_secrets: HashMap<SystemId, Secret<Vec<u8>>>,
    tokens: HashMap<Sha256, TokenRecord>,
    webhooks: HashMap<WebhookId, Webhook>,
    webhooks_by_system: HashMap<SystemId, Vec<WebhookId>>,
    webhook_secrets: HashMap<WebhookId, WebhookSecrets>,
    connectors: HashMap<SystemId, (Connector, Secret<Vec<u8>>)>,
    agencies: HashMap<SystemId, Vec<OrgId>>,
    /// The active system that registered first for an organisation.
    served_by: HashMap<OrgId, SystemId>,
}

/// The symmetric secrets of an endpoint.
#[derive(Debug, Default)]
struct WebhookSecrets {
    current: Option<Secret<Vec<u8>>>,
    old: Option<(Secret<Vec<u8>>, Timestamp)>,
}

impl WebhookSecrets {
    fn open(row: &WebhookRow, vault: &Vault) -> Result<Self, VaultError> {
        let owner = row.id.to_string();
        let open = |sealed: &Option<Vec<u8>>| {
            sealed
                .as_deref()
                .map(|sealed| vault.unseal(&owner, sealed))
                .transpose()
        };
        Ok(Self {
            current: open(&row.secret_sealed)?,
            old: open(&row.old_secret_sealed)?.zip(row.old_secret_until),
        })
    }
}

impl Connections {
    /// Puts the rows in order and opens the sealed secrets of active systems.
    ///
    /// # Errors
    /// A secret that this vault does not open.
    pub(crate) fn build(rows: ConnectionRows, vault: &Vault) -> Result<Self, VaultError> {
        let mut built = Self {
            version: rows.version,
            ..Self::default()
        };
        for row in rows.systems {
            let is_active = row.state == "active";
            if let Some(sealed) = row.vxp_secret_sealed.as_deref().filter(|_| is_active) {
                let secret = vault.unseal(&row.id.to_string(), sealed)?;
                built.vxp_secrets.insert(row.id, secret);
            }
            if let Some(vxp_id) = &row.vxp_system_id {
                built.by_vxp_id.insert(vxp_id.clone(), row.id);
            }
            built.by_org.entry(row.org_id).or_default().push(row.id);
            built.systems.insert(
                row.id,
                System {
                    id: row.id,
                    org: row.org_id,
                    name: row.name,
                    protocol: Protocol::from_name(&row.protocol).unwrap_or(Protocol::Rest),
                    is_active,
                    is_receiver: row.is_receiver && is_active,
                    vxp_id: row.vxp_system_id,
                    version: u64::try_from(row.version).unwrap_or(0),
                    created_at: row.created_at,
                    closed_at: row.closed_at,
                },
            );
        }
        let mut agencies = rows.agencies;
        agencies.sort_by_key(|row| (row.registered_at, row.system_id));
        for row in agencies {
            if built
                .system(row.system_id)
                .is_some_and(|system| system.is_active)
            {
                built.served_by.entry(row.org_id).or_insert(row.system_id);
            }
            built
                .agencies
                .entry(row.system_id)
                .or_default()
                .push(row.org_id);
        }
        for row in rows.tokens {
            let is_usable = row.system_id.is_none_or(|id| {
                built
                    .systems
                    .get(&id)
                    .is_some_and(|system| system.is_active)
            });
            if is_usable {
                built.tokens.insert(
                    row.token_sha256,
                    TokenRecord {
                        id: row.id,
                        system: row.system_id,
                        name: row.name,
                        created_at: row.created_at,
                    },
                );
            }
        }
        for row in rows.webhooks {
            built
                .webhook_secrets
                .insert(row.id, WebhookSecrets::open(&row, vault)?);
            built
                .webhooks_by_system
                .entry(row.system_id)
                .or_default()
                .push(row.id);
            built.webhooks.insert(
                row.id,
                Webhook {
                    id: row.id,
                    system: row.system_id,
                    url: row.url,
                    // A word that this version does not know must not cause sending.
                    state: WebhookState::from_name(&row.state).unwrap_or(WebhookState::Disabled),
                    approved_by: row.approved_by,
                    approved_at: row.approved_at,
                    failing_since: row.failing_since,
                    version: u64::try_from(row.version).unwrap_or(0),
                    created_at: row.created_at,
                },
            );
        }
        for row in rows.connectors {
            let is_active = built
                .system(row.system_id)
                .is_some_and(|system| system.is_active);
            if is_active {
                let opened = connectors::open(row, vault)?;
                built.connectors.insert(opened.0.system, opened);
            }
        }
        Ok(built)
    }

    /// The stored state this was built from.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Every system, closed ones included, in no particular order.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values()
    }

    /// One system.
    pub fn system(&self, id: SystemId) -> Option<&System> {
        self.systems.get(&id)
    }

    /// The systems of an organisation, oldest first, closed ones included.
    pub fn systems_of(&self, org: OrgId) -> impl Iterator<Item = &System> {
        self.by_org
            .get(&org)
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|id| self.systems.get(id))
    }

    /// The system that receives for an organisation: its own receiver, else the one that registered first for it.
    pub fn receiver(&self, org: OrgId) -> Option<&System> {
        self.systems_of(org)
            .find(|system| system.is_receiver)
            .or_else(|| self.system(*self.served_by.get(&org)?))
    }

    /// The system that signs with this id on the document axis, active or not.
    pub fn by_vxp_id(&self, vxp_id: &str) -> Option<&System> {
        self.by_vxp_id
            .get(vxp_id)
            .and_then(|id| self.systems.get(id))
    }

    /// The secret with which an active system signs on the document axis.
    pub fn vxp_secret(&self, id: SystemId) -> Option<&Secret<Vec<u8>>> {
        self.vxp_secrets.get(&id)
    }

    /// The symmetric secrets with which a push to an endpoint is signed at a time: its own, and for a while the one before.
    pub fn webhook_secrets(
        &self,
        id: WebhookId,
        at: Timestamp,
    ) -> impl Iterator<Item = &Secret<Vec<u8>>> {
        let known = self.webhook_secrets.get(&id).into_iter();
        known.flat_map(move |secrets| {
            let old = secrets.old.iter().filter(move |(_, until)| at < *until);
            secrets.current.iter().chain(old.map(|(secret, _)| secret))
        })
    }

    /// The usable token with this digest.
    pub fn token(&self, digest: &Sha256) -> Option<&TokenRecord> {
        self.tokens.get(digest)
    }

    /// The usable tokens of a system (`None`: the operators').
    pub fn tokens_of(&self, system: Option<SystemId>) -> Vec<&TokenRecord> {
        let mut found: Vec<&TokenRecord> = self
            .tokens
            .values()
            .filter(|token| token.system == system)
            .collect();
        found.sort_unstable_by_key(|token| token.id);
        found
    }

    /// One push endpoint.
    pub fn webhook(&self, id: WebhookId) -> Option<&Webhook> {
        self.webhooks.get(&id)
    }

    /// The push endpoints of a system, oldest first.
    pub fn webhooks_of(&self, system: SystemId) -> impl Iterator<Item = &Webhook> {
        self.webhooks_by_system
            .get(&system)
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|id| self.webhooks.get(id))
    }

    /// Where an active system stands that we call by its own protocol, and its password or key.
    pub fn connector(&self, system: SystemId) -> Option<(&Connector, &Secret<Vec<u8>>)> {
        self.connectors
            .get(&system)
            .map(|(connector, secret)| (connector, secret))
    }

    /// The organisations for which a system registered itself on the document axis.
    pub fn agencies_of(&self, system: SystemId) -> &[OrgId] {
        self.agencies.get(&system).map_or(&[], Vec::as_slice)
    }
}
