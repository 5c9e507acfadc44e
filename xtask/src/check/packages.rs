//! Strangers' code: licences, origin, native builds, and versions that stand twice in the lock file.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::Finding;

/// Licences under which a dependency may stand.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that compile C or assembly, or bind to the system.
const NATIVE: &[(&str, &str)] = &[
    ("aws-lc-sys", "the one cryptography back end"),
    (
        "libmimalloc-sys",
        "the allocator: a tenth of the time of a document was malloc and free",
    ),
    ("libsqlite3-sys", "SQLite, bundled"),
    ("linux-raw-sys", "constants of Linux, no native code"),
];

/// Packages that may stand in more than one version.
const DUPLICATES: &[(&str, &str)] = &[
    (
        "fallible-iterator",
        "rusqlite uses 0.3, postgres-protocol 0.2; a few hundred lines",
    ),
    (
        "getrandom",
        "0.2 comes with aws-lc-rs and ring's users, 0.4 with newer crates",
    ),
    ("syn", "derive macros move from 2 to 3 one by one"),
];

/// One package of the build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// SPDX expression, if it declares one.
    pub(crate) licence: Option<String>,
    /// Where it comes from; `None` for our own.
    pub(crate) source: Option<String>,
    /// Names of what its manifest depends on, of every kind.
    pub(crate) depends_on: BTreeSet<String>,
}

/// The packages that take part in the build.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// In cargo's order.
    pub(crate) packages: Vec<Package>,
}

impl Graph {
    /// Reads `cargo metadata`.
    pub(crate) fn read(metadata: &Value) -> Result<Self> {
        let list = |value: &Value, key: &str| -> Result<Vec<Value>> {
            Ok(value
                .get(key)
                .and_then(Value::as_array)
                .with_context(|| format!("cargo metadata without {key}"))?
                .clone())
        };
        let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
        let resolve = metadata.get("resolve").context("no resolve")?;
        let taking_part: BTreeSet<String> = list(resolve, "nodes")?
            .iter()
            .filter_map(|node| text(node, "id"))
            .collect();
        let mut packages = Vec::new();
        for package in list(metadata, "packages")? {
            if !text(&package, "id").is_some_and(|id| taking_part.contains(&id)) {
                continue;
            }
            packages.push(Package {
                name: text(&package, "name").context("package without name")?,
                version: text(&package, "version").context("package without version")?,
                licence: text(&package, "license"),
                source: text(&package, "source"),
                depends_on: list(&package, "dependencies")?
                    .iter()
                    .filter_map(|dependency| text(dependency, "name"))
                    .collect(),
            });
        }
        Ok(Self { packages })
    }

    /// Our own packages.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|p| p.source.is_none())
    }

    fn strangers(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|p| p.source.is_some())
    }
}

/// Every dependency stands under a licence of the list.
pub(crate) fn licence_findings(graph: &Graph) -> Vec<Finding> {
    graph
        .packages
        .iter()
        .filter_map(|package| match package.licence.as_deref() {
            None => Some(format!("{} declares no licence", package.name)),
            Some(expression) if may_use(expression) => None,
            Some(expression) => Some(format!("{} is under {expression}", package.name)),
        })
        .collect()
}

/// True if an SPDX expression can be met with licences of the list.
pub(crate) fn may_use(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any_of(&mut words);
    met && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> bool {
    let mut met = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        met |= all_of(words);
    }
    met
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut met = one(words);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words);
    }
    met
}

fn one(words: &mut Words<'_>) -> bool {
    match words.next() {
        Some("(") => {
            let met = any_of(words);
            words.next_if_eq(&")").is_some() && met
        }
        Some(name) => match words.next_if_eq(&"WITH").and_then(|_with| words.next()) {
            Some(exception) => LICENCES.contains(&format!("{name} WITH {exception}").as_str()),
            None => LICENCES.contains(&name),
        },
        None => false,
    }
}

/// Dependencies come from the public crate registry, never from a code host or another registry.
pub(crate) fn source_findings(graph: &Graph) -> Vec<Finding> {
    graph
        .strangers()
        .filter(|package| {
            !package
                .source
                .as_deref()
                .is_some_and(|source| source.starts_with("registry+"))
        })
        .map(|package| {
            format!(
                "{} comes from {}",
                package.name,
                package.source.as_deref().unwrap_or_default()
            )
        })
        .collect()
}

/// No native code beyond the list.
pub(crate) fn native_findings(graph: &Graph) -> Vec<Finding> {
    graph
        .packages
        .iter()
        .filter(|package| package.name.ends_with("-sys"))
        .filter(|package| !NATIVE.iter().any(|(name, _why)| *name == package.name))
        .map(|package| {
            format!(
                "{} {} is native code that the list does not name",
                package.name, package.version
            )
        })
        .collect()
}

/// A package stands once in the build, or in the list with the reason; the list holds nothing that is over.
pub(crate) fn duplicate_findings(graph: &Graph) -> Vec<Finding> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &graph.packages {
        versions
            .entry(&package.name)
            .or_default()
            .insert(&package.version);
    }
    versions.retain(|_name, versions| versions.len() > 1);
    let unknown = versions
        .iter()
        .filter(|(name, _versions)| !DUPLICATES.iter().any(|(known, _why)| known == *name))
        .map(|(name, versions)| {
            let versions: Vec<_> = versions.iter().copied().collect();
            format!("{name} stands in versions {}", versions.join(", "))
        });
    let over = DUPLICATES
        .iter()
        .filter(|(name, _why)| !versions.contains_key(name))
        .map(|(name, _why)| format!("{name} stands once now: take it off the list of duplicates"));
    unknown.chain(over).collect()
}
