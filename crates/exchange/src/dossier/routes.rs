//! Routes: who gets dossiers besides their parties, as data.

use lgsp_base::id::OrgId;
use lgsp_base::problem::{kinds, rules};
use lgsp_base::{Actor, Timestamp, limits};
use lgsp_store::dossier::{DossierRoute, RouteKind};
use lgsp_store::{StoreError, Tx};
use lgsp_wire::dossier::Dossier;

use super::error::DossierError;
use super::service::Dossiers;
use crate::counters::count;
use crate::directory::Resolved;
use crate::error::SubmitError;

/// Characters of what a route looks for.
const VALUE_CHARS_MAX: usize = 64;

/// The organisations that routes lead to for a dossier. A route to a code that nobody has any more is passed by and counted: it must not
/// keep dossiers from being taken.
pub(crate) fn recipients(
    tx: &mut Tx<'_>,
    dossiers: &Dossiers,
    dossier: &Dossier,
    now: Timestamp,
) -> Result<Vec<OrgId>, StoreError> {
    let mut found = Vec::new();
    for route in tx.dossier_routes(limits::DOSSIER_ROUTES_MAX)? {
        if !leads(&route, dossier) {
            continue;
        }
        let directory = &dossiers.exchange().inner.directory;
        match directory.resolve(&route.recipient_code, now) {
            Resolved::Found { org, .. } if !found.contains(&org) => found.push(org),
            Resolved::Found { .. } => {}
            Resolved::Closed { .. } | Resolved::Unknown => {
                count(&dossiers.inner.counters.routes_broken, 1);
                tracing::warn!(org.code = %route.recipient_code, "a route leads to nobody");
            }
        }
    }
    Ok(found)
}

fn leads(route: &DossierRoute, dossier: &Dossier) -> bool {
    match route.kind {
        RouteKind::All => true,
        RouteKind::Field => dossier.sector.code.starts_with(&route.value),
        RouteKind::Procedure => dossier.procedure.code.base() == route.value,
    }
}

impl Dossiers {
    /// Every route.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`] unless the actor sees all dossiers; the store's.
    pub async fn routes(&self, actor: &Actor) -> Result<Vec<DossierRoute>, DossierError> {
        self.check_all(actor)?;
        self.exchange()
            .inner
            .db
            .read("dossier_routes", |tx| {
                Ok(tx.dossier_routes(limits::DOSSIER_ROUTES_MAX)?)
            })
            .await
    }

    /// Adds a route: `value` is a procedure's code without its agency, the beginning of a sector's code, or empty for every dossier.
    /// False if it was there.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], [`DossierError::Invalid`] for a value of another form or too many routes,
    /// [`SubmitError::RecipientUnknown`] for a code that leads to nobody.
    pub async fn route_add(
        &self,
        actor: &Actor,
        kind: RouteKind,
        value: &str,
        recipient_code: &str,
    ) -> Result<bool, DossierError> {
        self.check_admin(actor)?;
        check_value(kind, value)?;
        let now = self.now();
        let resolved = self.exchange().inner.directory.resolve(recipient_code, now);
        if !matches!(resolved, Resolved::Found { .. }) {
            return Err(SubmitError::RecipientUnknown {
                codes: vec![recipient_code.to_owned()],
            }
            .into());
        }
        let (value, code, by) = (value.to_owned(), recipient_code.to_owned(), actor.label());
        self.exchange()
            .inner
            .db
            .write("dossier_route_add", move |tx| {
                let known = tx.dossier_routes(limits::DOSSIER_ROUTES_MAX)?;
                if known.len() >= limits::DOSSIER_ROUTES_MAX {
                    let max = rules::TOO_MANY.with(&[("max", &limits::DOSSIER_ROUTES_MAX)]);
                    let problem = kinds::INPUT_INVALID.problem().breaks("routes", max);
                    return Err(DossierError::Invalid(problem));
                }
                Ok(tx.dossier_route_insert(kind, &value, &code, now, &by)?)
            })
            .await
    }

    /// Removes a route. False if there was none.
    ///
    /// # Errors
    /// [`DossierError::Forbidden`], the store's.
    pub async fn route_remove(
        &self,
        actor: &Actor,
        kind: RouteKind,
        value: &str,
        recipient_code: &str,
    ) -> Result<bool, DossierError> {
        self.check_admin(actor)?;
        let (value, code) = (value.to_owned(), recipient_code.to_owned());
        self.exchange()
            .inner
            .db
            .write("dossier_route_remove", move |tx| {
                Ok(tx.dossier_route_remove(kind, &value, &code)?)
            })
            .await
    }
}

fn check_value(kind: RouteKind, value: &str) -> Result<(), DossierError> {
    let is_good = match kind {
        RouteKind::All => value.is_empty(),
        RouteKind::Field => !value.is_empty(),
        RouteKind::Procedure => value
            .parse::<lgsp_wire::dossier::ProcedureCode>()
            .is_ok_and(|code| code.suffix().is_none()),
    };
    if is_good && value.len() <= VALUE_CHARS_MAX && !value.chars().any(char::is_control) {
        return Ok(());
    }
    let problem = kinds::INPUT_INVALID.problem();
    Err(DossierError::Invalid(
        problem.breaks("value", rules::FORM.plain()),
    ))
}
