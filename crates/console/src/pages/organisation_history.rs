//! Where an organisation came from and where it went: a graph of predecessors and successors, and the same as a table.

use std::collections::HashMap;

use lgsp_base::id::OrgId;
use lgsp_base::{Lang, Timestamp, vi};
use lgsp_registry::Snapshot;
use lgsp_registry::model::{Organisation, Succession, SuccessionKind};
use serde::Serialize;

use crate::chart::{Edge, Graph, Node};
use crate::pages::organisations::{Party, known};

/// Steps back and forth that are drawn.
const STEPS: u32 = 2;
/// Organisations in one column; more are told by the table.
const COLUMN_MAX: usize = 12;

/// One step of the history, in words.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    at: Option<Timestamp>,
    /// The last part of a key `succession.…`.
    kind: &'static str,
    from: Party,
    to: Option<Party>,
    note: Option<String>,
}

/// A graph that is being gathered: columns relative to the organisation itself.
struct Gathering<'s> {
    snapshot: &'s Snapshot,
    at: Timestamp,
    lang: Lang,
    columns: HashMap<i64, Vec<OrgId>>,
    places: HashMap<OrgId, i64>,
    edges: Vec<Succession>,
}

/// The graph around an organisation and its rows, oldest first; both empty without predecessor and successor.
pub(crate) fn of(
    snapshot: &Snapshot,
    org: &Organisation,
    at: Timestamp,
    lang: Lang,
) -> (Graph, Vec<Row>) {
    let mut gathering = Gathering {
        snapshot,
        at,
        lang,
        columns: HashMap::from([(0, vec![org.id])]),
        places: HashMap::from([(org.id, 0)]),
        edges: Vec::new(),
    };
    gathering.back(org.id, 0);
    gathering.forth(org.id, 0);
    gathering.edges.sort_by_key(|edge| edge.effective_at);
    let rows = gathering
        .edges
        .iter()
        .filter_map(|edge| gathering.row(edge));
    let rows: Vec<Row> = rows.collect();
    (gathering.graph(org.id), rows)
}

impl Gathering<'_> {
    /// Puts an organisation into a column; false when it stands somewhere already or the column is full.
    fn place(&mut self, org: OrgId, column: i64) -> bool {
        let line = self.columns.entry(column).or_default();
        if self.places.contains_key(&org) || line.len() >= COLUMN_MAX {
            return false;
        }
        line.push(org);
        self.places.insert(org, column);
        true
    }

    fn keep(&mut self, edge: &Succession) {
        if !self.edges.contains(edge) {
            self.edges.push(edge.clone());
        }
    }

    fn back(&mut self, org: OrgId, column: i64) {
        if column <= -i64::from(STEPS) {
            return;
        }
        let snapshot = self.snapshot;
        for predecessor in snapshot.directory().predecessors_of(org) {
            for edge in snapshot.directory().successions_of(*predecessor) {
                if edge.successor == Some(org) {
                    self.keep(edge);
                }
            }
            if self.place(*predecessor, column - 1) {
                self.back(*predecessor, column - 1);
            }
        }
    }

    fn forth(&mut self, org: OrgId, column: i64) {
        if column >= i64::from(STEPS) {
            return;
        }
        let snapshot = self.snapshot;
        for edge in snapshot.directory().successions_of(org) {
            self.keep(edge);
            if let Some(successor) = edge.successor
                && self.place(successor, column + 1)
            {
                self.forth(successor, column + 1);
            }
        }
    }

    fn row(&self, edge: &Succession) -> Option<Row> {
        Some(Row {
            at: known(edge.effective_at),
            kind: edge.kind.name(),
            from: Party::of(self.snapshot, edge.predecessor, edge.effective_at)?,
            to: edge
                .successor
                .and_then(|org| Party::of(self.snapshot, org, self.at)),
            note: edge.note.clone(),
        })
    }

    fn graph(&self, main: OrgId) -> Graph {
        let first = self.columns.keys().min().copied().unwrap_or(0);
        let mut order: Vec<(i64, OrgId)> = self
            .columns
            .iter()
            .flat_map(|(column, line)| line.iter().map(|org| (*column, *org)))
            .collect();
        // Within a column the order of finding keeps relatives together.
        order.sort_by_key(|(column, _)| *column);
        let mut rows: HashMap<i64, u32> = HashMap::new();
        let mut graph = Graph::default();
        let mut index = HashMap::new();
        for (column, id) in order {
            let Some(org) = self.snapshot.organisation(id) else {
                continue;
            };
            let row = rows.entry(column).or_default();
            index.insert(id, graph.nodes.len());
            graph.nodes.push(Node {
                title: org.name_near(self.at).to_owned(),
                note: self.note(org),
                href: if id == main {
                    String::new()
                } else {
                    format!("/don-vi/{id}")
                },
                column: u32::try_from(column - first).unwrap_or(0),
                row: *row,
                is_main: id == main,
            });
            *row += 1;
        }
        for edge in &self.edges {
            let to = edge.successor.and_then(|to| index.get(&to));
            if let (Some(from), Some(to)) = (index.get(&edge.predecessor), to) {
                graph.edges.push(Edge {
                    from: *from,
                    to: *to,
                    label: known(edge.effective_at)
                        .map(|at| vi::date(at, self.lang))
                        .unwrap_or_default(),
                    is_partial: edge.kind == SuccessionKind::Transfer
                        || edge.kind == SuccessionKind::Split,
                });
            }
        }
        graph
    }

    /// Its code and, if it ended, when.
    fn note(&self, org: &Organisation) -> String {
        let code = org.code_near(self.at);
        match org.ended_at() {
            Some(end) => format!("{code} · † {}", vi::date(end, self.lang)),
            None => code.to_owned(),
        }
    }
}

/// One row of every kind, for samples.
pub(crate) fn samples(at: Timestamp) -> Vec<Row> {
    [
        SuccessionKind::Merge,
        SuccessionKind::Rename,
        SuccessionKind::Split,
        SuccessionKind::Transfer,
        SuccessionKind::Dissolve,
    ]
    .into_iter()
    .map(|kind| Row {
        at: (kind != SuccessionKind::Rename).then_some(at),
        kind: kind.name(),
        from: Party::sample(1, "H99.130", "UBND xã An Hòa"),
        to: (kind != SuccessionKind::Dissolve)
            .then(|| Party::sample(2, "H99.131", "UBND phường Trần Hưng Đạo")),
        note: (kind == SuccessionKind::Transfer).then(|| "Phần diện tích phía bắc".to_owned()),
    })
    .collect()
}

/// Three organisations that became one, for samples.
pub(crate) fn sample_graph() -> Graph {
    let node = |title: &str, note: &str, column, row| Node {
        title: title.to_owned(),
        note: note.to_owned(),
        href: if column == 0 {
            "/don-vi/org_x".to_owned()
        } else {
            String::new()
        },
        column,
        row,
        is_main: column == 1,
    };
    let edge = |from, is_partial| Edge {
        from,
        to: 3,
        label: "01/07/2025".to_owned(),
        is_partial,
    };
    Graph {
        nodes: vec![
            node("UBND xã An Hòa", "H99.130 · † 01/07/2025", 0, 0),
            node("UBND xã An Thịnh", "H99.132 · † 01/07/2025", 0, 1),
            node("UBND phường Lê Lợi", "H99.133", 0, 2),
            node("UBND phường Trần Hưng Đạo", "H99.131", 1, 1),
        ],
        edges: vec![edge(0, false), edge(1, false), edge(2, true)],
    }
}
