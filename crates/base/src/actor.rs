//! Who acts, and what an action needs.
//!
//! A door turns a credential into an [`Actor`]; an operation names the [`Permission`] it needs. The committed table is
//! `docs/specs/permissions.md`; a test compares it with [`Actor::may`].

use crate::id::{OrgId, SystemId, TokenId};

/// Who is behind a request or a background step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The people who run the platform, by an operator's token.
    Operator {
        /// The token that was shown.
        token: TokenId,
    },
    /// A connected application that acts for its organisation.
    System {
        /// The application.
        system: SystemId,
        /// The organisation it belongs to.
        org: OrgId,
    },
    /// The platform itself: workers, expiry, import at start.
    Platform {
        /// Which part, for the ledger.
        part: &'static str,
    },
}

/// What an operation needs. `ALL` lists every one; the table has a row for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Hand a document in, in the name of the own organisation.
    DocumentSubmit,
    /// See documents, deliveries and traces in which the own organisation takes part.
    DocumentRead,
    /// See the documents of every organisation.
    DocumentReadAll,
    /// Fetch from the own inbox, acknowledge, refuse.
    InboxReceive,
    /// Report a status as the recipient, or take back as the sender.
    StatusReport,
    /// Put a dead or parked delivery on its way again.
    DeliveryResend,
    /// Look organisations up and resolve codes.
    OrganisationRead,
    /// Import organisations and record events.
    OrganisationWrite,
    /// Register an agency through the document axis.
    AgencyRegister,
    /// See all systems.
    SystemRead,
    /// Add and close systems, hand out credentials.
    SystemWrite,
    /// Propose and see the own webhook endpoints.
    WebhookWrite,
    /// Approve a webhook endpoint.
    WebhookApprove,
    /// Read the ledger of every organisation: entries, proofs.
    LedgerRead,
    /// Erase the content of a document; its metadata and its proof stay.
    DocumentErase,
    /// Push dossiers and progress steps in the name of the own organisation.
    DossierSubmit,
    /// See dossiers to which the own organisation is a party.
    DossierRead,
    /// See the dossiers of every organisation, persons masked.
    DossierReadAll,
    /// See who the persons of a dossier are; each look is recorded.
    DossierReadPersonal,
    /// Change routes, procedures, transitions and retention of dossiers, send again, compare with a portal.
    DossierAdmin,
}

impl Permission {
    /// Every permission, in the order of the table.
    pub const ALL: [Permission; 20] = [
        Permission::DocumentSubmit,
        Permission::DocumentRead,
        Permission::DocumentReadAll,
        Permission::InboxReceive,
        Permission::StatusReport,
        Permission::DeliveryResend,
        Permission::OrganisationRead,
        Permission::OrganisationWrite,
        Permission::AgencyRegister,
        Permission::SystemRead,
        Permission::SystemWrite,
        Permission::WebhookWrite,
        Permission::WebhookApprove,
        Permission::LedgerRead,
        Permission::DocumentErase,
        Permission::DossierSubmit,
        Permission::DossierRead,
        Permission::DossierReadAll,
        Permission::DossierReadPersonal,
        Permission::DossierAdmin,
    ];

    /// The stable name used in the table and in the ledger.
    pub const fn name(self) -> &'static str {
        match self {
            Permission::DocumentSubmit => "document.submit",
            Permission::DocumentRead => "document.read",
            Permission::DocumentReadAll => "document.read_all",
            Permission::InboxReceive => "inbox.receive",
            Permission::StatusReport => "status.report",
            Permission::DeliveryResend => "delivery.resend",
            Permission::OrganisationRead => "organisation.read",
            Permission::OrganisationWrite => "organisation.write",
            Permission::AgencyRegister => "agency.register",
            Permission::SystemRead => "system.read",
            Permission::SystemWrite => "system.write",
            Permission::WebhookWrite => "webhook.write",
            Permission::WebhookApprove => "webhook.approve",
            Permission::LedgerRead => "ledger.read",
            Permission::DocumentErase => "document.erase",
            Permission::DossierSubmit => "dossier.submit",
            Permission::DossierRead => "dossier.read",
            Permission::DossierReadAll => "dossier.read_all",
            Permission::DossierReadPersonal => "dossier.read_personal",
            Permission::DossierAdmin => "dossier.admin",
        }
    }
}

impl Actor {
    /// True if this kind of actor holds the permission; whose object it is, is the operation's own question.
    pub const fn may(&self, permission: Permission) -> bool {
        match self {
            Actor::Platform { .. } => true,
            Actor::Operator { .. } => matches!(
                permission,
                Permission::DocumentRead
                    | Permission::DocumentReadAll
                    | Permission::DocumentSubmit
                    | Permission::InboxReceive
                    | Permission::StatusReport
                    | Permission::DeliveryResend
                    | Permission::OrganisationRead
                    | Permission::OrganisationWrite
                    | Permission::SystemRead
                    | Permission::SystemWrite
                    | Permission::WebhookWrite
                    | Permission::WebhookApprove
                    | Permission::LedgerRead
                    | Permission::DocumentErase
                    | Permission::DossierSubmit
                    | Permission::DossierRead
                    | Permission::DossierReadAll
                    | Permission::DossierAdmin
            ),
            Actor::System { .. } => matches!(
                permission,
                Permission::DocumentSubmit
                    | Permission::DocumentRead
                    | Permission::InboxReceive
                    | Permission::StatusReport
                    | Permission::DeliveryResend
                    | Permission::OrganisationRead
                    | Permission::AgencyRegister
                    | Permission::WebhookWrite
                    | Permission::DossierSubmit
                    | Permission::DossierRead
                    | Permission::DossierReadPersonal
            ),
        }
    }

    /// The organisation this actor speaks for, if it is bound to one.
    pub const fn org(&self) -> Option<OrgId> {
        match self {
            Actor::System { org, .. } => Some(*org),
            Actor::Operator { .. } | Actor::Platform { .. } => None,
        }
    }

    /// How the ledger and the logs name this actor: an id or `platform:part`, never a person's name or a secret.
    pub fn label(&self) -> String {
        match self {
            Actor::Operator { token } => token.to_string(),
            Actor::System { system, .. } => system.to_string(),
            Actor::Platform { part } => format!("platform:{part}"),
        }
    }
}
