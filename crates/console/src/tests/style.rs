//! The style sheet: contrast of every pair of colours, in every theme, and nothing from elsewhere.

use std::collections::BTreeMap;

use crate::assets::Assets;

/// WCAG 2.2 §1.4.3, for text of any size.
const CONTRAST_MIN: f64 = 4.5;

type Theme = BTreeMap<String, String>;

fn css() -> String {
    String::from_utf8(Assets::load().body("console.css").to_vec()).expect("UTF-8")
}

/// The custom properties of the block that begins at an offset.
fn tokens(css: &str, at: usize) -> Theme {
    let open = css[at..].find('{').expect("a block") + at + 1;
    let close = css[open..].find('}').expect("its end") + open;
    css[open..close]
        .split(';')
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// Usual, dark, high contrast: the later ones over the first.
fn themes(css: &str) -> Vec<(&'static str, Theme)> {
    let light = tokens(css, css.find("\n:root {").expect("tokens"));
    let over = |selector: &str| {
        let mut theme = light.clone();
        theme.extend(tokens(css, css.find(selector).expect(selector)));
        theme
    };
    vec![
        ("dark", over("  :root {")),
        ("high", over(":root[data-contrast=\"high\"]")),
        ("light", light),
    ]
}

fn pairs(css: &str) -> Vec<(String, String)> {
    let start = css.find("pairs:").expect("a list of pairs") + "pairs:".len();
    let end = css[start..].find("*/").expect("its end") + start;
    css[start..end]
        .split_whitespace()
        .map(|pair| pair.split_once('/').expect("text/ground"))
        .map(|(text, ground)| (text.to_owned(), ground.to_owned()))
        .collect()
}

fn luminance(colour: &str) -> f64 {
    let hex = colour
        .strip_prefix('#')
        .unwrap_or_else(|| panic!("{colour}"));
    assert_eq!(hex.len(), 6, "{colour}");
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Pairs that are too close, in words.
fn too_close(css: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, theme) in themes(css) {
        for (text, ground) in pairs(css) {
            let ratio = contrast(&theme[&text], &theme[&ground]);
            if ratio < CONTRAST_MIN {
                found.push(format!("{name}: {text} on {ground} is {ratio:.2}"));
            }
        }
    }
    found
}

#[test]
fn contrast_is_computed_as_the_guideline_says() {
    assert!((contrast("#000000", "#FFFFFF") - 21.0).abs() < 1e-9);
    // The pale brown that portals like, on white.
    assert!((contrast("#CE7A58", "#FFFFFF") - 3.21).abs() < 0.01);
}

#[test]
fn every_text_can_be_read_on_its_ground() {
    let css = css();
    assert_eq!(too_close(&css), Vec::<String>::new());
    let planted = css.replacen("--chu-phu: #4A4844", "--chu-phu: #8A8680", 1);
    assert!(!too_close(&planted).is_empty(), "the check has gone blind");
}

#[test]
fn rules_name_tokens_and_no_colours() {
    let css = css();
    let rules = &css[css.find("*, *::before").expect("the first rule")..];
    let colours: Vec<&str> = rules
        .match_indices('#')
        .map(|(at, _)| &rules[at..at + 8])
        .collect();
    assert_eq!(colours, Vec::<&str>::new());
    for text in rules.split("color: var(--").skip(1) {
        let name = text.split(')').next().expect("a name");
        let known = pairs(&css).into_iter().any(|(t, g)| t == name || g == name);
        // Borders and outlines are no text.
        assert!(
            known || matches!(name, "vien" | "vien-nhat" | "nhan" | "vong" | "nhan-chu"),
            "{name}"
        );
    }
}

#[test]
fn everything_comes_from_here() {
    let css = css();
    for (at, _) in css.match_indices("url(") {
        assert!(
            css[at..].starts_with("url(\"/assets/"),
            "{}",
            &css[at..at + 40]
        );
    }
    assert!(!css.contains("asset("), "an asset that is not there");
    assert!(!css.contains("@import") && !css.contains("http"));
    let script = String::from_utf8(Assets::load().body("console.js").to_vec()).expect("UTF-8");
    for word in [
        "http:",
        "https:",
        "eval(",
        "new Function",
        "innerHTML",
        ".style",
    ] {
        assert!(!script.contains(word), "{word}");
    }
}
