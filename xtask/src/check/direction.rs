//! Crate direction: who may depend on whom, and who may know which outside library.
//!
//! ```text
//! base <- wire <- store <- { registry, exchange, insight } <- { connect, api, console } <- server
//! sim uses base and wire only
//! ```

use super::Finding;
use super::packages::Graph;

/// What each room may know of the others. A room that is not named may not exist.
const ROOMS: &[(&str, &[&str])] = &[
    ("lgsp-base", &[]),
    ("lgsp-wire", &["lgsp-base"]),
    ("lgsp-store", &["lgsp-base", "lgsp-wire"]),
    ("lgsp-registry", &["lgsp-base", "lgsp-wire", "lgsp-store"]),
    ("lgsp-exchange", &["lgsp-base", "lgsp-wire", "lgsp-store"]),
    ("lgsp-insight", &["lgsp-base", "lgsp-wire", "lgsp-store"]),
    (
        "lgsp-connect",
        &[
            "lgsp-base",
            "lgsp-wire",
            "lgsp-store",
            "lgsp-registry",
            "lgsp-exchange",
        ],
    ),
    (
        "lgsp-api",
        &[
            "lgsp-base",
            "lgsp-wire",
            "lgsp-store",
            "lgsp-registry",
            "lgsp-exchange",
            "lgsp-insight",
        ],
    ),
    (
        "lgsp-console",
        &[
            "lgsp-base",
            "lgsp-wire",
            "lgsp-store",
            "lgsp-registry",
            "lgsp-exchange",
            "lgsp-insight",
        ],
    ),
    ("lgsp-sim", &["lgsp-base", "lgsp-wire"]),
    (
        "lgsp-server",
        &[
            "lgsp-base",
            "lgsp-wire",
            "lgsp-store",
            "lgsp-registry",
            "lgsp-exchange",
            "lgsp-insight",
            "lgsp-connect",
            "lgsp-api",
            "lgsp-console",
            "lgsp-sim",
        ],
    ),
    (
        "lgsp-tests",
        &[
            "lgsp-base",
            "lgsp-wire",
            "lgsp-store",
            "lgsp-console",
            "lgsp-server",
        ],
    ),
    // Peers are measured over the network; search and dossiers are measured in place, over more of them than a client could send.
    (
        "lgsp-bench",
        &[
            "lgsp-base",
            "lgsp-wire",
            "lgsp-store",
            "lgsp-exchange",
            "lgsp-registry",
            "lgsp-insight",
        ],
    ),
    ("xtask", &["lgsp-base"]),
];

/// Outside libraries that only some rooms may know.
const OUTSIDE: &[(&str, &[&str], &str)] = &[
    ("rusqlite", &["lgsp-store"], "only store knows SQL"),
    ("tokio-postgres", &["lgsp-store"], "only store knows SQL"),
    (
        "axum",
        &[
            "lgsp-api",
            "lgsp-connect",
            "lgsp-console",
            "lgsp-server",
            "lgsp-tests",
        ],
        "domain crates do not know HTTP",
    ),
    (
        "hyper",
        &[
            "lgsp-connect",
            "lgsp-server",
            "lgsp-sim",
            "lgsp-tests",
            "lgsp-bench",
        ],
        "one guarded outbound client, in connect",
    ),
    (
        "hyper-util",
        &[
            "lgsp-connect",
            "lgsp-server",
            "lgsp-sim",
            "lgsp-tests",
            "lgsp-bench",
        ],
        "one guarded outbound client, in connect",
    ),
    (
        "hyper-rustls",
        &["lgsp-connect", "lgsp-server"],
        "one guarded outbound client, in connect; the command line is a client of its own server",
    ),
    (
        "quick-xml",
        &["lgsp-wire"],
        "XML is read and written in wire",
    ),
    ("flate2", &["lgsp-wire"], "archives are read in wire"),
    (
        "clap",
        &["lgsp-server", "lgsp-bench"],
        "the command line is server's",
    ),
    (
        "anyhow",
        &["lgsp-server", "lgsp-tests", "lgsp-bench", "xtask"],
        "libraries have typed errors",
    ),
];

/// Rooms that do no I/O.
const PURE: &[&str] = &["lgsp-base", "lgsp-wire"];

/// Libraries that do I/O or run tasks.
const IMPURE: &[&str] = &["tokio", "axum", "hyper", "rusqlite", "tracing-subscriber"];

/// Every edge that goes the wrong way.
pub(crate) fn findings(graph: &Graph) -> Vec<Finding> {
    let ours: Vec<&str> = graph.ours().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in graph.ours() {
        let name = package.name.as_str();
        let Some((_, may_know)) = ROOMS.iter().find(|(room, _)| *room == name) else {
            findings.push(format!("{name} is a room that no rule names"));
            continue;
        };
        for target in &package.depends_on {
            let target = target.as_str();
            if ours.contains(&target) && !may_know.contains(&target) {
                findings.push(format!("{name} may not depend on {target}"));
            }
            if let Some((_, who, why)) = OUTSIDE.iter().find(|(library, _, _)| *library == target)
                && !who.contains(&name)
            {
                findings.push(format!("{name} may not depend on {target}: {why}"));
            }
            if PURE.contains(&name) && IMPURE.contains(&target) {
                findings.push(format!("{name} does no I/O and may not depend on {target}"));
            }
        }
    }
    findings
}
