//! Finding documents by what people remember of them: number, subject, unit, code, date; newest first.

use lgsp_base::Timestamp;
use lgsp_base::id::{DocumentId, OrgId};
use lgsp_base::limits::{INSIGHT_SCOPE_MAX, PAGE_SIZE_MAX};
use lgsp_store::StoreError;
use lgsp_store::exchange::DocumentKind;
use lgsp_store::insight::search::Side;
use lgsp_store::insight::{Cursor, FoundRow, Outcome, Search};

use crate::{Insight, InsightError, Progress, words};

/// Whose documents may be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's: the people who run the platform.
    All,
    /// Those in which one of these organisations takes part.
    Organisations(Vec<OrgId>),
}

/// An organisation as a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// It sent the document.
    Sender(OrgId),
    /// It is a recipient.
    Recipient(OrgId),
    /// It takes part on either side.
    Either(OrgId),
}

/// Which documents are wanted; everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentQuery {
    /// Words of the number, the subject and the parties' names, with or without marks, the last one also in part; a code;
    /// the sender's own id; or the id of a document.
    pub text: Option<String>,
    /// Only where this organisation takes part.
    pub unit: Option<Unit>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Only these kinds; empty: all but notices.
    pub kinds: Vec<DocumentKind>,
    /// Only accepted at or after this time.
    pub from: Option<Timestamp>,
    /// Only accepted before this time.
    pub to: Option<Timestamp>,
    /// Behind the page that gave this cursor.
    pub cursor: Option<u64>,
    /// Rows of the page, 1 to `limits::PAGE_SIZE_MAX`.
    pub limit: usize,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPage {
    /// The documents, newest first.
    pub rows: Vec<FoundRow>,
    /// The cursor of the next page; none: this was the last one.
    pub next: Option<u64>,
    /// How far the search index is.
    pub progress: Progress,
}

struct Found {
    rows: Vec<FoundRow>,
    cursor: Cursor,
}

impl Insight {
    /// A page of the documents that fit, newest first. A text without any letter or digit, and a kind or an outcome that
    /// nothing has, find nothing.
    ///
    /// # Errors
    /// [`InsightError::TooManyOrganisations`], or the store's.
    pub async fn search(
        &self,
        scope: &Scope,
        query: &DocumentQuery,
    ) -> Result<DocumentPage, InsightError> {
        let limit = query.limit.clamp(1, PAGE_SIZE_MAX);
        let Some(mut search) = plan(scope, query)? else {
            let progress = self.progress().await?;
            return Ok(DocumentPage {
                rows: Vec::new(),
                next: None,
                progress,
            });
        };
        // One more than asked for says whether there is a next page.
        search.limit = limit + 1;
        let found = self
            .inner
            .db
            .read::<_, StoreError, _>("insight_search", move |tx| {
                Ok(Found {
                    rows: tx.insight_search(&search)?,
                    cursor: tx.insight_cursor()?,
                })
            })
            .await?;
        let mut rows = found.rows;
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| !is_last)
            .map(|row| row.transaction.leaf);
        Ok(DocumentPage {
            rows,
            next,
            progress: self.progress_of(found.cursor),
        })
    }
}

/// What the store is asked; none: nothing can fit.
fn plan(scope: &Scope, query: &DocumentQuery) -> Result<Option<Search>, InsightError> {
    let text = query.text.as_deref().map(str::trim).unwrap_or_default();
    let document: Option<DocumentId> = text.parse().ok();
    let wanted = match text {
        text if text.is_empty() || document.is_some() => None,
        text => match words::question(text) {
            Some(wanted) => Some(wanted),
            None => return Ok(None),
        },
    };
    let mut parties = Vec::new();
    if let Scope::Organisations(orgs) = scope {
        if orgs.len() > INSIGHT_SCOPE_MAX {
            return Err(InsightError::TooManyOrganisations);
        }
        parties.push(orgs.iter().map(|org| (Side::Either, *org)).collect());
    }
    if let Some(unit) = query.unit {
        parties.push(vec![match unit {
            Unit::Sender(org) => (Side::Sender, org),
            Unit::Recipient(org) => (Side::Recipient, org),
            Unit::Either(org) => (Side::Either, org),
        }]);
    }
    Ok(Some(Search {
        document,
        text: wanted,
        parties,
        kinds: query.kinds.clone(),
        outcome: query.outcome,
        from: query.from,
        to: query.to,
        before: query.cursor,
        limit: 0,
    }))
}
