//! Push endpoints: proposed by a system's owner, approved by an operator, switched off by either. Nothing is sent before the approval.

use lgsp_base::actor::{Actor, Permission};
use lgsp_base::id::{SystemId, WebhookId};
use lgsp_base::secret::Secret;
use lgsp_base::{Timestamp, limits};
use lgsp_store::registry::WebhookRow;
use lgsp_wire::record::Record;
use lgsp_wire::webhook::{SECRET_BYTES, secret_text};
use zeroize::Zeroize;

use crate::error::{SystemError, UrlRule, permit};
use crate::model::WebhookState;
use crate::service::{LedgerEntry, Registry};
use crate::systems::ChangeError;

/// Characters of an endpoint's address.
const URL_CHARS_MAX: usize = 2_000;

/// An endpoint that was proposed, with the secret that is shown this once.
#[derive(Debug)]
pub struct NewWebhook {
    /// Its id.
    pub webhook: WebhookId,
    /// The symmetric secret with which its pushes are signed beside the platform's key: `whsec_` and base64.
    pub secret: Secret<String>,
}

/// Another secret of an endpoint, shown this once.
#[derive(Debug)]
pub struct RotatedSecret {
    /// `whsec_` and base64.
    pub secret: Secret<String>,
    /// Until when pushes are signed with the secret before, too.
    pub old_until: Timestamp,
}

impl Registry {
    /// Proposes an endpoint for a system. Only the shape of the address is checked here; to where it leads is checked at each call.
    ///
    /// # Errors
    /// The actor may not or it is another one's system, the address is not one to which we send, or the store fails.
    pub async fn propose_webhook(
        &self,
        actor: &Actor,
        system: SystemId,
        url: &str,
    ) -> Result<NewWebhook, SystemError> {
        self.permit_webhook(actor, system)?;
        check_url(url, self.config().has_plain_webhooks)?;
        let now = self.clock().now();
        let id = WebhookId::generate(now, self.entropy());
        let (secret, sealed) = self.new_webhook_secret(id)?;
        let row = WebhookRow {
            id,
            system_id: system,
            url: url.to_owned(),
            state: WebhookState::Proposed.name().to_owned(),
            approved_by: None,
            approved_at: None,
            failing_since: None,
            version: 1,
            created_at: now,
            secret_sealed: Some(sealed),
            old_secret_sealed: None,
            old_secret_until: None,
        };
        let entry = LedgerEntry {
            kind: "webhook.proposed",
            record: webhook_record(actor, id)
                .with("system", system.to_string())
                .with("url", url),
        };
        self.write("webhook_propose", entry, move |tx| tx.webhook_insert(&row))
            .await?;
        Ok(NewWebhook {
            webhook: id,
            secret,
        })
    }

    /// Gives an endpoint another secret. Pushes are signed with the one before, too, for `limits::WEBHOOK_SECRET_OVERLAP`, so that
    /// the receiver changes over without a gap.
    ///
    /// # Errors
    /// The actor may not or it is another one's, there is no such endpoint, or the store fails.
    pub async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        id: WebhookId,
    ) -> Result<RotatedSecret, SystemError> {
        let system = self
            .snapshot()
            .connections()
            .webhook(id)
            .map(|webhook| webhook.system)
            .ok_or_else(|| SystemError::WebhookUnknown(id.to_string()))?;
        self.permit_webhook(actor, system)?;
        let (secret, sealed) = self.new_webhook_secret(id)?;
        let old_until = self.clock().now().plus(limits::WEBHOOK_SECRET_OVERLAP);
        let entry = LedgerEntry {
            kind: "webhook.secret_rotated",
            record: webhook_record(actor, id),
        };
        self.write("webhook_rotate", entry, move |tx| {
            if tx.webhook_rotate_secret(id, &sealed, old_until)? {
                Ok(())
            } else {
                Err(ChangeError::Nothing)
            }
        })
        .await
        .map_err(|error| name_webhook(error, id))?;
        Ok(RotatedSecret { secret, old_until })
    }

    /// A fresh secret as text and sealed.
    fn new_webhook_secret(&self, id: WebhookId) -> Result<(Secret<String>, Vec<u8>), SystemError> {
        let mut bytes = [0u8; SECRET_BYTES];
        self.entropy().fill(&mut bytes);
        let sealed = self.vault().seal(&id.to_string(), &bytes, self.entropy());
        let text = secret_text(&bytes);
        bytes.zeroize();
        Ok((Secret::new(text), sealed?))
    }

    /// Approves an endpoint, also one that was switched off.
    ///
    /// # Errors
    /// The actor may not, there is no such endpoint, or the store fails.
    pub async fn approve_webhook(&self, actor: &Actor, id: WebhookId) -> Result<(), SystemError> {
        permit(actor, Permission::WebhookApprove)?;
        let at = self.clock().now();
        let by = actor.label();
        let entry = LedgerEntry {
            kind: "webhook.approved",
            record: webhook_record(actor, id),
        };
        self.write("webhook_approve", entry, move |tx| {
            if tx.webhook_approve(id, &by, at)? {
                Ok(())
            } else {
                Err(ChangeError::Nothing)
            }
        })
        .await
        .map_err(|error| name_webhook(error, id))
    }

    /// Switches an endpoint off; what waits is then fetched from the inbox.
    ///
    /// # Errors
    /// The actor may not or it is another one's, there is no such endpoint, or the store fails.
    pub async fn disable_webhook(&self, actor: &Actor, id: WebhookId) -> Result<(), SystemError> {
        let snapshot = self.snapshot();
        let webhook = snapshot
            .connections()
            .webhook(id)
            .ok_or_else(|| SystemError::WebhookUnknown(id.to_string()))?;
        self.permit_webhook(actor, webhook.system)?;
        if webhook.state == WebhookState::Disabled {
            return Ok(());
        }
        let entry = LedgerEntry {
            kind: "webhook.disabled",
            record: webhook_record(actor, id),
        };
        self.write("webhook_disable", entry, move |tx| tx.webhook_disable(id))
            .await
            .map(drop)
    }

    /// An operator may act for any active system, a system for itself.
    fn permit_webhook(&self, actor: &Actor, system: SystemId) -> Result<(), SystemError> {
        permit(actor, Permission::WebhookWrite)?;
        if let Actor::System { system: own, .. } = actor
            && *own != system
        {
            return Err(SystemError::Forbidden {
                actor: actor.label(),
                permission: Permission::WebhookWrite,
            });
        }
        self.snapshot()
            .system(system)
            .filter(|found| found.is_active)
            .map(drop)
            .ok_or_else(|| SystemError::SystemUnknown(system.to_string()))
    }
}

fn webhook_record(actor: &Actor, id: WebhookId) -> Record {
    Record::new()
        .with("actor", actor.label())
        .with("webhook", id.to_string())
}

fn name_webhook(error: SystemError, id: WebhookId) -> SystemError {
    match error {
        SystemError::SystemUnknown(_) => SystemError::WebhookUnknown(id.to_string()),
        other => other,
    }
}

/// Checks the shape of an address: absolute, https (or http where allowed), without user name and fragment.
///
/// # Errors
/// The first [`UrlRule`] that is broken.
pub fn check_url(url: &str, has_plain: bool) -> Result<(), UrlRule> {
    if url.len() > URL_CHARS_MAX
        || !url.bytes().all(|byte| byte.is_ascii_graphic())
        || url.contains(['\\', '"', '<', '>', '{', '}', '|', '^', '`'])
    {
        return Err(UrlRule::Form);
    }
    let (scheme, rest) = url.split_once("://").ok_or(UrlRule::Form)?;
    let is_allowed =
        scheme.eq_ignore_ascii_case("https") || (has_plain && scheme.eq_ignore_ascii_case("http"));
    if !is_allowed {
        return Err(UrlRule::Scheme);
    }
    if rest.contains('#') {
        return Err(UrlRule::Fragment);
    }
    let authority = rest.split(['/', '?']).next().unwrap_or("");
    if authority.contains('@') {
        return Err(UrlRule::UserInfo);
    }
    let (host, port) = split_port(authority);
    let is_host = if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        inner.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
    if is_host && is_port {
        Ok(())
    } else {
        Err(UrlRule::Form)
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}
