//! Pages that come from code. Each is committed, and a test fails when it is out of date.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lgsp_base::problem::kinds;

/// Where the catalogue of problems stands.
pub(crate) const ERRORS_PAGE: &str = "docs/reference/errors.md";

/// Writes every generated page of this tool.
pub(crate) fn write(root: &Path) -> Result<()> {
    let path = root.join(ERRORS_PAGE);
    fs::write(&path, errors_page()).with_context(|| path.display().to_string())?;
    println!("wrote {ERRORS_PAGE}");
    Ok(())
}

/// The catalogue of problems as a page.
pub(crate) fn errors_page() -> String {
    let mut page = String::from(
        "# Problem codes\n\n\
         Generated from the catalogue in `base` by `cargo xtask generate`; do not edit.\n\n\
         Every error answer of the API is a problem document (RFC 9457, `application/problem+json`) with one of these codes; the code is\n\
         stable, texts may improve. \"Again\" says whether the same request may succeed later without a change. \"Axis\" is the error code\n\
         that the document axis gives for the same cause.\n\n\
         | Code | Status | Again | Axis | What happened · Chuyện gì xảy ra | What to do · Cách xử lý |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    let mut all: Vec<_> = kinds::ALL.iter().collect();
    all.sort_by_key(|kind| kind.code);
    for kind in all {
        let again = if kind.retryable { "yes" } else { "no" };
        let row = format!(
            "| `{}` | {} | {again} | {} | {} · {} | {} · {} |",
            kind.code,
            kind.status,
            kind.axis_code,
            kind.title_en,
            kind.title_vi,
            kind.fix_en,
            kind.fix_vi
        );
        // Writing to a String cannot fail.
        let _written = writeln!(page, "{row}");
    }
    page
}
