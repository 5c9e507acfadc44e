//! The checks hold on this tree, and each catches what it is for.

use super::packages::{Graph, Package};
use super::*;

fn graph() -> Graph {
    Graph::read(&metadata(&crate::root()).expect("cargo metadata")).expect("readable")
}

fn package(name: &str, depends_on: &[&str]) -> Package {
    Package {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        licence: Some("MIT".to_owned()),
        source: None,
        depends_on: depends_on.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn stranger(name: &str, version: &str) -> Package {
    Package {
        version: version.to_owned(),
        source: Some("registry+https://example".to_owned()),
        ..package(name, &[])
    }
}

#[test]
fn crates_point_in_one_direction() {
    assert_eq!(direction::findings(&graph()), Vec::<Finding>::new());
}

#[test]
fn a_wrong_edge_is_caught() {
    for (from, to) in [
        ("lgsp-base", "lgsp-wire"),
        ("lgsp-registry", "lgsp-exchange"),
        ("lgsp-exchange", "lgsp-registry"),
        ("lgsp-insight", "lgsp-exchange"),
        ("lgsp-console", "lgsp-api"),
        ("lgsp-sim", "lgsp-store"),
        ("lgsp-store", "lgsp-server"),
        ("lgsp-exchange", "rusqlite"),
        ("lgsp-registry", "axum"),
        ("lgsp-api", "hyper"),
        ("lgsp-wire", "tokio"),
        ("lgsp-exchange", "anyhow"),
    ] {
        let mut planted = graph();
        for known in &mut planted.packages {
            if known.name == from {
                known.depends_on.insert(to.to_owned());
            }
        }
        let findings = direction::findings(&planted);
        assert!(
            findings
                .iter()
                .any(|finding| finding.contains(from) && finding.contains(to)),
            "{from} -> {to}: {findings:?}"
        );
    }
    let unnamed = Graph {
        packages: vec![package("lgsp-cellar", &[])],
    };
    assert_eq!(direction::findings(&unnamed).len(), 1);
}

#[test]
fn dependencies_are_licensed_known_and_single() {
    let graph = graph();
    assert_eq!(packages::licence_findings(&graph), Vec::<Finding>::new());
    assert_eq!(packages::source_findings(&graph), Vec::<Finding>::new());
    assert_eq!(packages::native_findings(&graph), Vec::<Finding>::new());
    assert_eq!(packages::duplicate_findings(&graph), Vec::<Finding>::new());
}

#[test]
fn licence_expressions_are_evaluated() {
    for good in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR GPL-2.0-only) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(packages::may_use(good), "{good}");
    }
    for bad in [
        "GPL-3.0-only",
        "MIT AND AGPL-3.0-only",
        "Apache-2.0 WITH Strange-exception",
        "(MIT",
        "MIT Apache-2.0",
        "",
    ] {
        assert!(!packages::may_use(bad), "{bad}");
    }
}

#[test]
fn strange_packages_are_caught() {
    let planted = Graph {
        packages: vec![
            stranger("openssl-sys", "1.0.0"),
            stranger("digest", "1.0.0"),
            stranger("digest", "2.0.0"),
            Package {
                source: Some("git+https://example".to_owned()),
                licence: None,
                ..stranger("borrowed", "1.0.0")
            },
        ],
    };
    assert_eq!(packages::native_findings(&planted).len(), 1);
    assert_eq!(packages::source_findings(&planted).len(), 1);
    assert_eq!(packages::licence_findings(&planted).len(), 1);
    let duplicates = packages::duplicate_findings(&planted);
    assert!(duplicates.iter().any(|finding| finding.contains("digest")));
}

#[test]
fn every_whole_system_test_is_declared() {
    let findings = files::test_module_findings(&crate::root()).expect("readable");
    assert_eq!(findings, Vec::<Finding>::new());
    let names = ["main".to_owned(), "crash".to_owned(), "lost".to_owned()];
    assert_eq!(files::undeclared("mod crash;\n", &names).len(), 1);
}

#[test]
fn an_unused_limit_is_caught() {
    let declared = "pub const USED: usize = 1;\npub const FORGOTTEN: u64 = 2;\n";
    let findings = files::unused_limits(declared, &["limits::USED".to_owned()]);
    assert_eq!(findings, ["limits::FORGOTTEN is kept nowhere"]);
}

#[test]
fn generated_page_of_problems_is_fresh() {
    let root = crate::root();
    let page = std::fs::read_to_string(root.join(crate::generate::ERRORS_PAGE)).expect("readable");
    assert!(
        page == crate::generate::errors_page(),
        "out of date: cargo xtask generate"
    );
}

#[test]
fn links_are_found_outside_code() {
    let text = "see [a](x/y.md#z), [b](https://example)\n```\n[c](no)\n```\n[d](../q.md)";
    assert_eq!(pages::relative_links(text), ["x/y.md", "../q.md"]);
}
