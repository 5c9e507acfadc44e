//! Words that must stand nowhere, looked for in texts and in the raw bytes of a folder.

use std::fs;
use std::path::Path;

/// Every file below a folder but the keys, with its bytes.
///
/// # Panics
/// If the folder cannot be read.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.ends_with("keys") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
    found
}

/// True if these bytes stand among others.
pub fn holds(bytes: &[u8], wanted: impl AsRef<[u8]>) -> bool {
    let wanted = wanted.as_ref();
    bytes
        .windows(wanted.len().max(1))
        .any(|window| window == wanted)
}
