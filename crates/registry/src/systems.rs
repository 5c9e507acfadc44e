//! Connected systems and their credentials: added and closed by operators; secrets are shown once.

use lgsp_base::actor::{Actor, Permission};
use lgsp_base::hash::to_hex;
use lgsp_base::id::{OrgId, SystemId, TokenId};
use lgsp_base::limits;
use lgsp_base::secret::Secret;
use lgsp_base::vi;
use lgsp_store::StoreError;
use lgsp_store::registry::{AgencyRow, SystemRow, TokenRow};
use lgsp_wire::record::Record;
use zeroize::Zeroize;

use crate::connectors::{self, NewConnector};
use crate::error::{SystemError, permit};
use crate::model::Protocol;
use crate::service::{LedgerEntry, Registry};
use crate::snapshot::Snapshot;
use crate::tokens::Token;

/// Bytes of a secret of the document axis, before it is written as hexadecimal text.
const VXP_SECRET_BYTES: usize = 32;
/// Characters of the readable part of an id on the document axis.
const VXP_NAME_CHARS_MAX: usize = 40;
/// How often another id is tried when one is taken.
const VXP_ID_TRIES: usize = 1_000;
/// Characters of the name of a system or token.
const NAME_CHARS_MAX: usize = 100;

/// A system that was added, with the credential that is shown this once.
#[derive(Debug)]
pub struct NewSystem {
    /// Its id.
    pub system: SystemId,
    /// The id under which it signs on the document axis; only for [`Protocol::Vxp`].
    pub vxp_id: Option<String>,
    /// The secret with which it signs there, as text; only for [`Protocol::Vxp`].
    pub secret: Option<Secret<String>>,
    /// The token with which it calls the API; only for [`Protocol::Rest`].
    pub token: Option<Secret<String>>,
}

/// Why a system's row was not written.
enum AddError {
    Taken,
    Store(StoreError),
}

impl From<StoreError> for AddError {
    fn from(error: StoreError) -> Self {
        AddError::Store(error)
    }
}

impl From<AddError> for SystemError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Taken => SystemError::Exists(String::new()),
            AddError::Store(error) => SystemError::Store(error),
        }
    }
}

/// A change found nothing to change.
pub(crate) enum ChangeError {
    Nothing,
    Store(StoreError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        ChangeError::Store(error)
    }
}

impl From<ChangeError> for SystemError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Nothing => SystemError::SystemUnknown(String::new()),
            ChangeError::Store(error) => SystemError::Store(error),
        }
    }
}

impl Registry {
    /// Adds a system to an organisation. The first active one becomes the organisation's receiver.
    ///
    /// # Errors
    /// The actor may not, the organisation has ended, the name is taken, or the store fails.
    pub async fn add_system(
        &self,
        actor: &Actor,
        org: OrgId,
        name: &str,
        protocol: Protocol,
    ) -> Result<NewSystem, SystemError> {
        self.add(actor, org, name, protocol, None).await
    }

    /// Adds a system that we call by its own protocol.
    ///
    /// # Errors
    /// As [`Registry::add_system`]; [`SystemError::Connector`] or [`SystemError::Url`] for what the protocol cannot use.
    pub async fn add_connector(
        &self,
        actor: &Actor,
        org: OrgId,
        name: &str,
        protocol: Protocol,
        connector: NewConnector,
    ) -> Result<NewSystem, SystemError> {
        self.add(actor, org, name, protocol, Some(connector)).await
    }

    async fn add(
        &self,
        actor: &Actor,
        org: OrgId,
        name: &str,
        protocol: Protocol,
        connector: Option<NewConnector>,
    ) -> Result<NewSystem, SystemError> {
        permit(actor, Permission::SystemWrite)?;
        let name = checked_name(name)?;
        let connector = connectors::check(protocol, connector, self.config().has_plain_webhooks)?;
        let now = self.clock().now();
        let snapshot = self.snapshot();
        let organisation = snapshot
            .organisation(org)
            .filter(|organisation| organisation.period_at(now).is_some())
            .ok_or_else(|| SystemError::OrganisationUnknown(org.to_string()))?;
        let is_taken = snapshot
            .connections()
            .systems_of(org)
            .any(|system| system.is_active && system.name == name);
        if is_taken {
            return Err(SystemError::Exists(name));
        }
        let id = SystemId::generate(now, self.entropy());
        let mut row = SystemRow {
            id,
            org_id: org,
            name: name.clone(),
            protocol: protocol.name().to_owned(),
            state: "active".to_owned(),
            is_receiver: false,
            vxp_system_id: None,
            vxp_secret_sealed: None,
            version: 1,
            created_at: now,
            closed_at: None,
        };
        let mut added = NewSystem {
            system: id,
            vxp_id: None,
            secret: None,
            token: None,
        };
        let mut token_row = None;
        match protocol {
            Protocol::Vxp => {
                let vxp_id = free_vxp_id(&snapshot, organisation.code_near(now), &name)
                    .ok_or_else(|| SystemError::Exists(name.clone()))?;
                let secret = self.new_vxp_secret();
                let sealed = self.vault().seal(
                    &id.to_string(),
                    secret.expose().as_bytes(),
                    self.entropy(),
                )?;
                row.vxp_system_id = Some(vxp_id.clone());
                row.vxp_secret_sealed = Some(sealed);
                added.vxp_id = Some(vxp_id);
                added.secret = Some(secret);
            }
            Protocol::Rest => {
                let token = Token::generate(self.config().environment, self.entropy());
                token_row = Some(TokenRow {
                    id: TokenId::generate(now, self.entropy()),
                    token_sha256: token.hash(),
                    system_id: Some(id),
                    name: name.clone(),
                    created_at: now,
                });
                added.token = Some(token.into_secret());
            }
            Protocol::Dvcqg | Protocol::CivilStatus | Protocol::CriminalRecord => {}
        }
        let connector_row = connector
            .map(|connector| connectors::seal(id, &connector, self.vault(), self.entropy(), now))
            .transpose()?;
        let entry = LedgerEntry {
            kind: "system.added",
            record: Record::new()
                .with("actor", actor.label())
                .with("system", id.to_string())
                .with("organisation", org.to_string())
                .with("name", name.as_str())
                .with("protocol", protocol.name()),
        };
        self.write("system_add", entry, move |tx| {
            row.is_receiver = tx.system_receiver_lookup(org)?.is_none();
            if !tx.system_insert(&row)? {
                return Err(AddError::Taken);
            }
            if let Some(token) = &token_row {
                tx.token_insert(token)?;
            }
            if let Some(connector) = &connector_row {
                tx.connector_put(connector)?;
            }
            Ok(())
        })
        .await
        .map_err(|error| match error {
            SystemError::Exists(_) => SystemError::Exists(name),
            other => other,
        })?;
        Ok(added)
    }

    /// Closes a system: its tokens and endpoints stop at once. What waits for its organisation waits for the next receiver.
    ///
    /// # Errors
    /// The actor may not, there is no such active system, or the store fails.
    pub async fn close_system(&self, actor: &Actor, id: SystemId) -> Result<(), SystemError> {
        permit(actor, Permission::SystemWrite)?;
        let at = self.clock().now();
        let entry = LedgerEntry {
            kind: "system.closed",
            record: Record::new()
                .with("actor", actor.label())
                .with("system", id.to_string()),
        };
        self.write("system_close", entry, move |tx| {
            if !tx.system_close(id, at)? {
                return Err(ChangeError::Nothing);
            }
            tx.token_revoke_by_system(id, at)?;
            tx.webhook_disable_by_system(id)?;
            Ok(())
        })
        .await
        .map_err(|error| name_system(error, id))
    }

    /// Makes another system of the same organisation its receiver.
    ///
    /// # Errors
    /// The actor may not, there is no such active system, or the store fails.
    pub async fn set_receiver(&self, actor: &Actor, id: SystemId) -> Result<(), SystemError> {
        permit(actor, Permission::SystemWrite)?;
        let org = self
            .snapshot()
            .system(id)
            .filter(|system| system.is_active)
            .map(|system| system.org)
            .ok_or_else(|| SystemError::SystemUnknown(id.to_string()))?;
        let entry = LedgerEntry {
            kind: "system.receiver_set",
            record: Record::new()
                .with("actor", actor.label())
                .with("system", id.to_string())
                .with("organisation", org.to_string()),
        };
        self.write("system_set_receiver", entry, move |tx| {
            if tx.system_set_receiver(org, id)? {
                Ok(())
            } else {
                Err(ChangeError::Nothing)
            }
        })
        .await
        .map_err(|error| name_system(error, id))
    }

    /// Issues a token: for a system, or with `None` for an operator. It is shown this once.
    ///
    /// # Errors
    /// The actor may not, there is no such active system, or the store fails.
    pub async fn issue_token(
        &self,
        actor: &Actor,
        system: Option<SystemId>,
        name: &str,
    ) -> Result<(TokenId, Secret<String>), SystemError> {
        permit(actor, Permission::SystemWrite)?;
        let name = checked_name(name)?;
        if let Some(id) = system {
            let is_active = self
                .snapshot()
                .system(id)
                .is_some_and(|system| system.is_active);
            if !is_active {
                return Err(SystemError::SystemUnknown(id.to_string()));
            }
        }
        let now = self.clock().now();
        let token = Token::generate(self.config().environment, self.entropy());
        let row = TokenRow {
            id: TokenId::generate(now, self.entropy()),
            token_sha256: token.hash(),
            system_id: system,
            name,
            created_at: now,
        };
        let id = row.id;
        let entry = LedgerEntry {
            kind: "token.issued",
            record: Record::new()
                .with("actor", actor.label())
                .with("token", id.to_string())
                .with("system", system.map_or(String::new(), |id| id.to_string())),
        };
        self.write("token_issue", entry, move |tx| tx.token_insert(&row))
            .await?;
        Ok((id, token.into_secret()))
    }

    /// Revokes a token at once.
    ///
    /// # Errors
    /// The actor may not, there is no such usable token, or the store fails.
    pub async fn revoke_token(&self, actor: &Actor, id: TokenId) -> Result<(), SystemError> {
        permit(actor, Permission::SystemWrite)?;
        let at = self.clock().now();
        let entry = LedgerEntry {
            kind: "token.revoked",
            record: Record::new()
                .with("actor", actor.label())
                .with("token", id.to_string()),
        };
        self.write("token_revoke", entry, move |tx| {
            if tx.token_revoke(id, at)? {
                Ok(())
            } else {
                Err(ChangeError::Nothing)
            }
        })
        .await
        .map_err(|error| match error {
            SystemError::SystemUnknown(_) => SystemError::TokenUnknown(id.to_string()),
            other => other,
        })
    }

    /// Lets a system speak for an organisation, as an agency registers on the document axis. A system may do this itself for its own
    /// organisation and those below it; an operator for any. False when it did so already.
    ///
    /// # Errors
    /// The actor may not, system or organisation are not active, or the store fails.
    pub async fn register_agency(
        &self,
        actor: &Actor,
        system: SystemId,
        org: OrgId,
    ) -> Result<bool, SystemError> {
        self.permit_agency(actor, system, org)?;
        if self.snapshot().agencies_of(system).contains(&org) {
            return Ok(false);
        }
        let row = AgencyRow {
            system_id: system,
            org_id: org,
            registered_at: self.clock().now(),
        };
        let entry = agency_entry("agency.registered", actor, system, org);
        self.write("system_agency_register", entry, move |tx| {
            tx.system_agency_insert(&row)
        })
        .await
    }

    /// Takes a registration back. False when there was none.
    ///
    /// # Errors
    /// As [`Registry::register_agency`].
    pub async fn delete_agency(
        &self,
        actor: &Actor,
        system: SystemId,
        org: OrgId,
    ) -> Result<bool, SystemError> {
        self.permit_agency(actor, system, org)?;
        if !self.snapshot().agencies_of(system).contains(&org) {
            return Ok(false);
        }
        let entry = agency_entry("agency.deleted", actor, system, org);
        self.write("system_agency_delete", entry, move |tx| {
            tx.system_agency_delete(system, org)
        })
        .await
    }

    fn permit_agency(
        &self,
        actor: &Actor,
        system: SystemId,
        org: OrgId,
    ) -> Result<(), SystemError> {
        let now = self.clock().now();
        let snapshot = self.snapshot();
        let owner = snapshot
            .system(system)
            .filter(|system| system.is_active)
            .map(|system| system.org)
            .ok_or_else(|| SystemError::SystemUnknown(system.to_string()))?;
        let forbidden = || SystemError::Forbidden {
            actor: actor.label(),
            permission: Permission::AgencyRegister,
        };
        match actor {
            Actor::System { system: own, .. } => {
                permit(actor, Permission::AgencyRegister)?;
                if *own != system || !snapshot.is_within(org, owner, now) {
                    return Err(forbidden());
                }
            }
            Actor::Operator { .. } | Actor::Platform { .. } => {
                permit(actor, Permission::SystemWrite)?;
            }
        }
        snapshot
            .organisation(org)
            .filter(|organisation| organisation.period_at(now).is_some())
            .map(drop)
            .ok_or_else(|| SystemError::OrganisationUnknown(org.to_string()))
    }

    fn new_vxp_secret(&self) -> Secret<String> {
        let mut bytes = [0u8; VXP_SECRET_BYTES];
        self.entropy().fill(&mut bytes);
        let text = to_hex(&bytes);
        bytes.zeroize();
        Secret::new(text)
    }
}

fn agency_entry(kind: &'static str, actor: &Actor, system: SystemId, org: OrgId) -> LedgerEntry {
    LedgerEntry {
        kind,
        record: Record::new()
            .with("actor", actor.label())
            .with("system", system.to_string())
            .with("organisation", org.to_string()),
    }
}

fn name_system(error: SystemError, id: SystemId) -> SystemError {
    match error {
        SystemError::SystemUnknown(_) => SystemError::SystemUnknown(id.to_string()),
        other => other,
    }
}

fn checked_name(name: &str) -> Result<String, SystemError> {
    let name = vi::nfc(name.trim());
    let length = name.chars().count();
    if length == 0
        || length > NAME_CHARS_MAX.min(limits::ORG_NAME_CHARS_MAX)
        || name.chars().any(char::is_control)
    {
        return Err(SystemError::Name);
    }
    Ok(name)
}

/// A readable id: the organisation's code and the system's name in plain capitals, `H99.14-QLVB`; numbered when taken. Ids of closed systems stay
/// taken, because old signatures name them.
fn free_vxp_id(snapshot: &Snapshot, code: &str, name: &str) -> Option<String> {
    let plain: String = vi::fold(name)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '-'
            }
        })
        .take(VXP_NAME_CHARS_MAX)
        .collect();
    let plain = plain.trim_matches('-');
    let base = if plain.is_empty() {
        code.to_owned()
    } else {
        format!("{code}-{plain}")
    };
    (1..=VXP_ID_TRIES)
        .map(|number| {
            if number == 1 {
                base.clone()
            } else {
                format!("{base}-{number}")
            }
        })
        .find(|candidate| snapshot.system_by_vxp(candidate).is_none())
}
