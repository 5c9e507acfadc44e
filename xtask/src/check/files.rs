//! Our own files: their length, tests that nobody declared, limits that nobody keeps.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Finding;

/// Lines after which a file wants a second room.
const LINES_MAX: usize = 700;

/// Longer files, with the reason.
const LONG_FILES: &[(&str, &str)] = &[(
    "crates/base/src/problem/kinds.rs",
    "the catalogue of problems: one table, read by code",
)];

/// Folders that hold no source of ours.
const SKIPPED: &[&str] = &["target", ".git", "corpus", "artifacts", ".work"];

/// Every file with this extension below a folder, in order.
pub(crate) fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                let name = entry.file_name();
                if !SKIPPED.iter().any(|skipped| name == *skipped) {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|known| known == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

/// Files are short, or in the list with the reason.
pub(crate) fn length_findings(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in with_extension(root, "rs")? {
        let lines = fs::read_to_string(&path)?.lines().count();
        let name = relative(root, &path);
        if lines > LINES_MAX && !LONG_FILES.iter().any(|(known, _why)| *known == name) {
            findings.push(format!(
                "{name} has {lines} lines: is there a second room inside?"
            ));
        }
    }
    Ok(findings)
}

/// Every file of `tests/it` is declared in its `main.rs`; an undeclared one would never run.
pub(crate) fn test_module_findings(root: &Path) -> Result<Vec<Finding>> {
    let folder = root.join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs"))?;
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) {
            names.push(stem.to_owned());
        }
    }
    Ok(undeclared(&main, &names))
}

/// The names that `main.rs` declares as no module.
pub(crate) fn undeclared(main: &str, names: &[String]) -> Vec<Finding> {
    names
        .iter()
        .filter(|name| *name != "main")
        .filter(|name| {
            let declaration = format!("mod {name};");
            !main.lines().any(|line| line.trim() == declaration)
        })
        .map(|name| format!("tests/it/{name} is not declared in tests/it/main.rs and never runs"))
        .collect()
}

/// Every limit of the one place for limits is kept somewhere.
pub(crate) fn limit_findings(root: &Path) -> Result<Vec<Finding>> {
    let limits = root.join("crates/base/src/limits.rs");
    let declared = fs::read_to_string(&limits)?;
    let mut sources = Vec::new();
    for path in with_extension(&root.join("crates"), "rs")? {
        if path != limits {
            sources.push(fs::read_to_string(&path)?);
        }
    }
    Ok(unused_limits(&declared, &sources))
}

/// The limits that no source names.
pub(crate) fn unused_limits(declared: &str, sources: &[String]) -> Vec<Finding> {
    declared
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "))
        .filter_map(|rest| rest.split(':').next())
        .filter(|name| !sources.iter().any(|source| source.contains(name)))
        .map(|name| format!("limits::{name} is kept nowhere"))
        .collect()
}
