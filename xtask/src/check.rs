//! The checks of the house: one module per subject, each a pure function from facts to findings.

mod direction;
mod files;
mod packages;
mod pages;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Something that breaks a rule of the house, in words that say what to do.
pub(crate) type Finding = String;

/// Runs every check and lists all findings before it fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    let metadata = metadata(root)?;
    let graph = packages::Graph::read(&metadata)?;
    let subjects: [(&str, Vec<Finding>); 9] = [
        ("crate direction", direction::findings(&graph)),
        ("licences", packages::licence_findings(&graph)),
        ("sources", packages::source_findings(&graph)),
        ("native code", packages::native_findings(&graph)),
        ("duplicates", packages::duplicate_findings(&graph)),
        ("file length", files::length_findings(root)?),
        ("whole-system tests", files::test_module_findings(root)?),
        ("limits", files::limit_findings(root)?),
        ("pages", pages::findings(root)?),
    ];
    let mut count = 0;
    for (subject, findings) in &subjects {
        println!(
            "{} {subject}",
            if findings.is_empty() { "ok  " } else { "FAIL" }
        );
        for finding in findings {
            println!("       {finding}");
        }
        count += findings.len();
    }
    ensure!(count == 0, "{count} findings");
    Ok(())
}

/// What cargo knows about the workspace on the platform we ship for.
fn metadata(root: &Path) -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version=1",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests;
