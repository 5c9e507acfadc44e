//! All organisations with their codes and successions, as an immutable value that is built at once.

use std::collections::{HashMap, HashSet};

use lgsp_base::id::OrgId;
use lgsp_base::org_code::{self, Scheme};
use lgsp_base::time::Timestamp;

use crate::draft::Changes;
use crate::model::{Organisation, Succession};
use crate::search::SearchIndex;

/// The organisations' half of a snapshot. Memory is about one kilobyte per organisation.
#[derive(Debug, Default)]
pub struct Directory {
    version: i64,
    organisations: Vec<Organisation>,
    by_id: HashMap<OrgId, u32>,
    by_code: HashMap<Scheme, HashMap<String, u32>>,
    successions: HashMap<OrgId, Vec<Succession>>,
    predecessors: HashMap<OrgId, Vec<OrgId>>,
    children: HashMap<OrgId, Vec<OrgId>>,
    search: SearchIndex,
}

impl Directory {
    /// Puts organisations and successions in order. `version` is that of the stored state they were read from.
    pub fn build(
        version: i64,
        mut organisations: Vec<Organisation>,
        successions: Vec<Succession>,
    ) -> Self {
        organisations.sort_unstable_by(|a, b| {
            let code = |org: &Organisation| org.code_near(org.begins_at()).to_owned();
            code(a).cmp(&code(b)).then(a.id.cmp(&b.id))
        });
        let mut directory = Self {
            version,
            by_id: HashMap::with_capacity(organisations.len()),
            search: SearchIndex::build(&organisations),
            ..Self::default()
        };
        for (index, org) in organisations.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            directory.by_id.insert(org.id, index);
            for code in &org.codes {
                directory
                    .by_code
                    .entry(code.scheme)
                    .or_default()
                    .insert(code.key.clone(), index);
            }
            let mut parents: Vec<OrgId> = org.periods.iter().filter_map(|p| p.parent).collect();
            parents.dedup();
            for parent in parents {
                directory.children.entry(parent).or_default().push(org.id);
            }
        }
        for edge in successions {
            if let Some(successor) = edge.successor {
                let list = directory.predecessors.entry(successor).or_default();
                if !list.contains(&edge.predecessor) {
                    list.push(edge.predecessor);
                }
            }
            directory
                .successions
                .entry(edge.predecessor)
                .or_default()
                .push(edge);
        }
        directory.organisations = organisations;
        directory
    }

    /// The directory as it is after a change was stored.
    #[must_use]
    pub fn after(&self, changes: Changes) -> Self {
        let changed: HashSet<OrgId> = changes.organisations.iter().map(|org| org.id).collect();
        let mut organisations = changes.organisations;
        let kept = self.iter().filter(|org| !changed.contains(&org.id));
        organisations.extend(kept.cloned());
        let mut successions: Vec<Succession> = self.iter_successions().cloned().collect();
        successions.extend(changes.successions);
        Self::build(self.version + 1, organisations, successions)
    }

    /// The stored state this was built from.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// How many organisations there are, ended ones included.
    pub fn len(&self) -> usize {
        self.organisations.len()
    }

    /// True before the first organisation.
    pub fn is_empty(&self) -> bool {
        self.organisations.is_empty()
    }

    /// All organisations, by code.
    pub fn iter(&self) -> impl Iterator<Item = &Organisation> {
        self.organisations.iter()
    }

    /// All edges of the succession graph.
    pub fn iter_successions(&self) -> impl Iterator<Item = &Succession> {
        self.successions.values().flatten()
    }

    /// One organisation.
    pub fn organisation(&self, id: OrgId) -> Option<&Organisation> {
        self.by_id.get(&id).and_then(|index| self.at(*index))
    }

    /// The organisation that has or had this code in this scheme; `key` as from [`org_code::key`].
    pub fn by_key(&self, scheme: Scheme, key: &str) -> Option<&Organisation> {
        self.by_code
            .get(&scheme)?
            .get(key)
            .and_then(|index| self.at(*index))
    }

    /// The organisation that has or had this code in any addressable scheme.
    pub fn by_code(&self, code: &str) -> Option<&Organisation> {
        let key = org_code::key(code).ok()?;
        Scheme::ADDRESSABLE
            .into_iter()
            .find_map(|scheme| self.by_key(scheme, &key))
    }

    /// The edges in which this organisation is the predecessor, oldest recorded first.
    pub fn successions_of(&self, id: OrgId) -> &[Succession] {
        self.successions.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The organisations of which this one is a successor.
    pub fn predecessors_of(&self, id: OrgId) -> &[OrgId] {
        self.predecessors.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The organisations directly below this one at an instant.
    pub fn children_of(&self, id: OrgId, at: Timestamp) -> impl Iterator<Item = &Organisation> {
        self.children
            .get(&id)
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter_map(|child| self.organisation(*child))
            .filter(move |child| {
                child
                    .period_at(at)
                    .is_some_and(|period| period.parent == Some(id))
            })
    }

    /// The search index over the same organisations.
    pub(crate) fn search_index(&self) -> &SearchIndex {
        &self.search
    }

    pub(crate) fn at(&self, index: u32) -> Option<&Organisation> {
        self.organisations.get(usize::try_from(index).ok()?)
    }
}
