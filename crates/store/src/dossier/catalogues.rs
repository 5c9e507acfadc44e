//! What the national side publishes: procedures and catalogues; and what local codes mean there.

use lgsp_base::id::OrgId;
use lgsp_base::{Sha256, Timestamp, vi};

use crate::exchange::lists::{Conditions, like_pattern};
use crate::{Row, StoreError, Tx, params};

/// A procedure as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// Its code without the agency's part: `2.000488`.
    pub code: String,
    /// The agency that has it for itself; empty for all.
    pub agency: String,
    /// Its name.
    pub name: String,
    /// The code of its field; empty where unknown.
    pub field_code: String,
    /// The name of its field.
    pub field_name: String,
    /// How much of it works online, as the record says.
    pub level: String,
    /// All that was published, JSON.
    pub record: String,
    /// When it was fetched last.
    pub synced_at: Timestamp,
    /// How often its record changed, from 1.
    pub version: i64,
}

/// Which procedures are wanted.
#[derive(Debug, Clone, Default)]
pub struct ProcedureFilter {
    /// Only of this field.
    pub field: Option<String>,
    /// Only with this in its name or its code; folded here.
    pub text: Option<String>,
    /// Only behind this code and agency.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: usize,
}

/// What a local code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureMapping {
    /// The code that local systems write.
    pub local_code: String,
    /// Only for the systems of this organisation; none: for all.
    pub org: Option<OrgId>,
    /// The national code.
    pub national_code: String,
    /// When this was said.
    pub mapped_at: Timestamp,
    /// By whom, as the ledger names actors.
    pub mapped_by: String,
}

/// An entry of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its code.
    pub code: String,
    /// Its words.
    pub label: String,
    /// What else it says, JSON.
    pub extra: Option<String>,
}

const PROCEDURE: &str = "SELECT code, agency, name, field_code, field_name, level, record, synced_at, version FROM procedures WHERE 1 = 1";

fn procedure_row(row: &Row<'_>) -> Result<Procedure, StoreError> {
    Ok(Procedure {
        code: row.text(0)?,
        agency: row.text(1)?,
        name: row.text(2)?,
        field_code: row.text(3)?,
        field_name: row.text(4)?,
        level: row.text(5)?,
        record: row.text(6)?,
        synced_at: row.time(7)?,
        version: row.int(8)?,
    })
}

fn mapping_row(row: &Row<'_>) -> Result<ProcedureMapping, StoreError> {
    let org = row.text_ref(1)?;
    Ok(ProcedureMapping {
        local_code: row.text(0)?,
        org: if org.is_empty() {
            None
        } else {
            Some(row.id(1)?)
        },
        national_code: row.text(2)?,
        mapped_at: row.time(3)?,
        mapped_by: row.text(4)?,
    })
}

/// An organisation as a part of a key: empty for all.
fn scope(org: Option<OrgId>) -> String {
    org.map_or_else(String::new, |org| org.to_string())
}

impl Tx<'_> {
    /// Stores a procedure as it was fetched now, and gives its version: the given one is ignored, the stored one grows if the record
    /// is another.
    pub fn procedure_put(&mut self, procedure: &Procedure) -> Result<i64, StoreError> {
        let folded = vi::fold(&format!("{} {}", procedure.code, procedure.name));
        self.query_one(
            "INSERT INTO procedures (code, agency, name, name_folded, field_code, field_name, level, record, record_sha256, \
             synced_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) ON CONFLICT (code, agency) DO UPDATE SET \
             name = excluded.name, name_folded = excluded.name_folded, field_code = excluded.field_code, \
             field_name = excluded.field_name, level = excluded.level, record = excluded.record, \
             version = procedures.version + CASE WHEN procedures.record_sha256 = excluded.record_sha256 THEN 0 ELSE 1 END, \
             record_sha256 = excluded.record_sha256, synced_at = excluded.synced_at RETURNING version",
            params![
                &procedure.code,
                &procedure.agency,
                &procedure.name,
                folded,
                &procedure.field_code,
                &procedure.field_name,
                &procedure.level,
                &procedure.record,
                Sha256::of(procedure.record.as_bytes()),
                procedure.synced_at
            ],
            |row| row.int(0),
        )
    }

    /// The procedure of this code that the agency has for itself, or else the one for all.
    pub fn procedure_lookup(
        &mut self,
        code: &str,
        agency: &str,
    ) -> Result<Option<Procedure>, StoreError> {
        let mut wanted = Conditions::new(PROCEDURE);
        wanted.when(" AND code = $?", Some(code));
        wanted.when(" AND (agency = $? OR agency = '')", Some(agency));
        wanted.sql.push_str(" ORDER BY agency DESC LIMIT 1");
        let found = self.query_dyn(&wanted.sql, &wanted.params, procedure_row)?;
        Ok(found.into_iter().next())
    }

    /// Procedures in order of code and agency.
    pub fn procedure_list(
        &mut self,
        filter: &ProcedureFilter,
    ) -> Result<Vec<Procedure>, StoreError> {
        let mut page = Conditions::new(PROCEDURE);
        page.when(" AND field_code = $?", filter.field.as_ref());
        let text = filter.text.as_deref().map(vi::fold);
        page.when(
            " AND name_folded LIKE $? ESCAPE '\\'",
            text.as_deref().map(like_pattern),
        );
        if let Some((code, agency)) = &filter.after {
            let (code, agency) = (page.param(code), page.param(agency));
            page.sql
                .push_str(&format!(" AND (code, agency) > ({code}, {agency})"));
        }
        let limit = page.param(filter.limit);
        page.sql
            .push_str(&format!(" ORDER BY code, agency LIMIT {limit}"));
        self.query_dyn(&page.sql, &page.params, procedure_row)
    }

    /// How many procedures there are, and when the one fetched last was fetched.
    pub fn procedure_count(&mut self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.query_one(
            "SELECT COUNT(*), MAX(synced_at) FROM procedures",
            params![],
            |row| Ok((row.int(0)?.unsigned_abs(), row.opt_time(1)?)),
        )
    }

    /// Says what a local code means, in the place of what was said before.
    pub fn procedure_mapping_put(&mut self, mapping: &ProcedureMapping) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO procedure_mappings (local_code, org_id, national_code, mapped_at, mapped_by) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (local_code, org_id) DO UPDATE SET \
             national_code = excluded.national_code, mapped_at = excluded.mapped_at, mapped_by = excluded.mapped_by",
            params![
                &mapping.local_code,
                scope(mapping.org),
                &mapping.national_code,
                mapping.mapped_at,
                &mapping.mapped_by
            ],
        )?;
        Ok(())
    }

    /// Forgets what a local code means. False if nothing was said.
    pub fn procedure_mapping_remove(
        &mut self,
        local_code: &str,
        org: Option<OrgId>,
    ) -> Result<bool, StoreError> {
        let removed = self.execute(
            "DELETE FROM procedure_mappings WHERE local_code = $1 AND org_id = $2",
            params![local_code, scope(org)],
        )?;
        Ok(removed > 0)
    }

    /// What a local code means to an organisation: its own word first, then that for all.
    pub fn procedure_mapping_lookup(
        &mut self,
        local_code: &str,
        org: OrgId,
    ) -> Result<Option<ProcedureMapping>, StoreError> {
        self.query_opt(
            "SELECT local_code, org_id, national_code, mapped_at, mapped_by FROM procedure_mappings \
             WHERE local_code = $1 AND (org_id = $2 OR org_id = '') ORDER BY org_id DESC LIMIT 1",
            params![local_code, org],
            mapping_row,
        )
    }

    /// What local codes mean, in their order, behind a code and an organisation.
    pub fn procedure_mappings(
        &mut self,
        after: Option<(&str, Option<OrgId>)>,
        limit: usize,
    ) -> Result<Vec<ProcedureMapping>, StoreError> {
        let (code, org) = after.unwrap_or_default();
        let select = "SELECT local_code, org_id, national_code, mapped_at, mapped_by FROM procedure_mappings \
             WHERE (local_code, org_id) > ($1, $2) ORDER BY local_code, org_id LIMIT $3";
        self.query(select, params![code, scope(org), limit], mapping_row)
    }

    /// Replaces a whole catalogue.
    pub fn catalogue_replace(
        &mut self,
        name: &str,
        entries: &[CatalogueEntry],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute("DELETE FROM catalogues WHERE name = $1", params![name])?;
        for entry in entries {
            self.execute(
                "INSERT INTO catalogues (name, code, label, extra, synced_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (name, code) DO UPDATE SET label = excluded.label, extra = excluded.extra",
                params![name, &entry.code, &entry.label, &entry.extra, at],
            )?;
        }
        Ok(())
    }

    /// Entries of a catalogue in order of their codes, behind one of them.
    pub fn catalogue_entries(
        &mut self,
        name: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CatalogueEntry>, StoreError> {
        self.query(
            "SELECT code, label, extra FROM catalogues WHERE name = $1 AND code > $2 ORDER BY code LIMIT $3",
            params![name, after.unwrap_or(""), limit],
            |row| {
                Ok(CatalogueEntry {
                    code: row.text(0)?,
                    label: row.text(1)?,
                    extra: row.opt_text(2)?,
                })
            },
        )
    }

    /// The words of an entry.
    pub fn catalogue_label(
        &mut self,
        name: &str,
        code: &str,
    ) -> Result<Option<String>, StoreError> {
        self.query_opt(
            "SELECT label FROM catalogues WHERE name = $1 AND code = $2",
            params![name, code],
            |row| row.text(0),
        )
    }

    /// The catalogues, how many entries each has, and when it was fetched.
    pub fn catalogue_list(&mut self) -> Result<Vec<(String, u64, Timestamp)>, StoreError> {
        self.query(
            "SELECT name, COUNT(*), MAX(synced_at) FROM catalogues GROUP BY name ORDER BY name",
            params![],
            |row| Ok((row.text(0)?, row.int(1)?.unsigned_abs(), row.time(2)?)),
        )
    }
}
