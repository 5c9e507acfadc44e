//! Every page, in every state, in both languages.

use std::collections::BTreeSet;
use std::sync::Mutex;

use lgsp_base::Lang;

use super::markup;
use crate::files;
use crate::gallery::{Gallery, Look, done_shells};
use crate::i18n::Catalogue;
use crate::page::Mode;
use crate::render::{Asked, Recorder};

const LOOKS: [(Mode, bool); 3] = [(Mode::Live, false), (Mode::Demo, true), (Mode::Test, false)];

#[test]
fn every_page_renders_in_every_state_and_breaks_no_rule() {
    let asked = Recorder::new(Mutex::new(Asked::default()));
    let gallery = Gallery::recorded(Some(&asked)).expect("compiled in");
    let mut problems = Vec::new();
    for lang in [Lang::Vi, Lang::En] {
        for sample in gallery.samples() {
            for (mode, is_strong) in LOOKS {
                let look = Look {
                    lang,
                    mode,
                    is_strong,
                };
                match gallery.render(sample, None, look) {
                    Ok(html) => {
                        for finding in markup::findings(&html) {
                            problems.push(format!("{} {lang:?}: {finding}", sample.name));
                        }
                    }
                    Err(error) => problems.push(error),
                }
                for fragment in sample.fragments {
                    match gallery.render(sample, Some(fragment), look) {
                        Ok(html) => {
                            assert!(!html.contains("<html"), "{} {fragment}", sample.name);
                        }
                        Err(error) => problems.push(error),
                    }
                }
            }
        }
        for done in done_shells(&gallery, lang) {
            problems.extend(done.err());
        }
    }
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn every_text_is_there_in_both_languages_and_none_is_unused() {
    let asked = Recorder::new(Mutex::new(Asked::default()));
    let gallery = Gallery::recorded(Some(&asked)).expect("compiled in");
    for lang in [Lang::Vi, Lang::En] {
        for sample in gallery.samples() {
            for (mode, is_strong) in LOOKS {
                let look = Look {
                    lang,
                    mode,
                    is_strong,
                };
                gallery.render(sample, None, look).expect("renders");
            }
        }
        for done in done_shells(&gallery, lang) {
            done.expect("renders");
        }
    }
    let asked = asked.lock().expect("nobody panicked");
    assert_eq!(asked.missing, BTreeSet::new(), "texts that pages ask for");

    let (vi, en) = (
        Catalogue::load(Lang::Vi).expect("vi"),
        Catalogue::load(Lang::En).expect("en"),
    );
    let vi_keys: BTreeSet<&str> = vi.keys().collect();
    let en_keys: BTreeSet<&str> = en.keys().collect();
    assert_eq!(vi_keys, en_keys, "both languages have the same keys");
    for key in &vi_keys {
        let arguments = |catalogue: &Catalogue| -> Vec<String> {
            let message = catalogue.message(key).expect("there");
            message
                .arguments()
                .into_iter()
                .map(ToOwned::to_owned)
                .collect()
        };
        assert_eq!(arguments(&vi), arguments(&en), "{key}");
    }
    let unused: Vec<&&str> = vi_keys
        .iter()
        .filter(|key| !asked.keys.contains(**key))
        .collect();
    assert_eq!(unused, Vec::<&&str>::new(), "texts that no sample shows");
}

#[test]
fn templates_hold_no_text() {
    for (name, source) in files::TEMPLATES {
        assert_eq!(markup::raw_texts(source), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_template_is_listed_and_every_listed_text_is_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |path: &str, ending: &str| -> BTreeSet<String> {
        std::fs::read_dir(folder.join(path))
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("plain")
            })
            .filter(|name| name.ends_with(ending))
            .collect()
    };
    let listed = |list: &[(&str, &str)]| -> BTreeSet<String> {
        list.iter()
            .map(|(name, _)| name.rsplit('/').next().unwrap_or(name).to_owned())
            .collect()
    };
    assert_eq!(names("templates", ".html"), listed(files::TEMPLATES));
    assert_eq!(names("i18n/vi", ".json"), listed(files::VI));
    assert_eq!(names("i18n/en", ".json"), listed(files::EN));
}

#[test]
fn a_first_visit_loads_at_most_300_kilobytes() {
    let gallery = Gallery::new().expect("compiled in");
    let look = Look {
        lang: Lang::Vi,
        mode: Mode::Live,
        is_strong: false,
    };
    let assets = crate::assets::Assets::load();
    let fonts: usize = ["latin-400", "latin-600", "vietnamese-400", "vietnamese-600"]
        .iter()
        .map(|part| {
            assets
                .body(&format!("be-vietnam-pro-{part}-normal.woff2"))
                .len()
        })
        .sum();
    let files: usize = ["console.css", "console.js", "mark.svg"]
        .iter()
        .map(|name| assets.body(name).len())
        .sum();
    assert!(assets.body("console.js").len() < 20_000);
    for sample in gallery.samples() {
        let html = gallery.render(sample, None, look).expect("renders");
        assert!(html.len() + fonts + files < 300_000, "{}", sample.name);
    }
}

#[test]
fn the_gallery_has_every_page_of_every_place() {
    let gallery = Gallery::new().expect("compiled in");
    let names: BTreeSet<&str> = gallery.samples().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names.len(), gallery.samples().len(), "names are unique");
}
