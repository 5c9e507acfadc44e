//! The way from an entry to the root of the log, drawn as a small tree: the computed hashes stand on a ladder, from the
//! entry below to the root above, and each is made with the sibling beside it.

use lgsp_base::Sha256;
use serde::{Deserialize, Serialize};

use crate::chart::Svg;

/// Characters of a hash that are shown; the whole one stands in the list behind the drawing.
const HASH_CHARS: usize = 10;
/// As wide as a small telephone shows it without making it smaller.
const WIDTH: f64 = 300.0;
const MIDDLE: f64 = WIDTH / 2.0;
const SIDE: f64 = 104.0;
const STEP: f64 = 40.0;
const BOX_WIDTH: f64 = 86.0;
const BOX_HEIGHT: f64 = 26.0;

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rung {
    /// What came out of it.
    pub(crate) hash: Sha256,
    /// The sibling that was needed.
    pub(crate) sibling: Sha256,
    /// True if the sibling is hashed first.
    pub(crate) is_left: bool,
}

/// A proof as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ladder {
    /// The hash of the entry's leaf.
    pub(crate) leaf: Sha256,
    /// From below; the last hash is the root.
    pub(crate) rungs: Vec<Rung>,
    /// True if the last hash is the root of the checkpoint.
    pub(crate) is_root: bool,
}

fn short(hash: &Sha256) -> String {
    hash.to_string()
        .chars()
        .take(HASH_CHARS)
        .collect::<String>()
        + "…"
}

fn hash_box(svg: &mut Svg, class: &str, x: f64, y: f64, text: &str) {
    svg.add(format_args!(
        "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"4\"/>",
        x - BOX_WIDTH / 2.0,
        y - BOX_HEIGHT / 2.0
    ));
    svg.text("ma-hinh", x, y + 4.0, "middle", text);
}

/// Draws it.
pub(crate) fn ladder(ladder: &Ladder, title: &str, description: &str) -> String {
    let levels = u32::try_from(ladder.rungs.len()).unwrap_or(0);
    let height = STEP * (f64::from(levels) + 1.0) + 12.0;
    let at = |level: u32| height - STEP * (f64::from(level) + 0.5) - 6.0;
    let mut svg = Svg::new(WIDTH, height, title, description);
    for (rung, level) in ladder.rungs.iter().zip(0_u32..) {
        let (below, above) = (at(level), at(level + 1));
        let side = if rung.is_left {
            MIDDLE - SIDE
        } else {
            MIDDLE + SIDE
        };
        svg.add(format_args!(
            "<path class=\"canh\" d=\"M{MIDDLE:.1} {below:.1}V{above:.1}\"/>\
             <path class=\"canh canh-dut\" d=\"M{side:.1} {below:.1}L{MIDDLE:.1} {above:.1}\"/>"
        ));
    }
    for (rung, level) in ladder.rungs.iter().zip(0_u32..) {
        let side = if rung.is_left {
            MIDDLE - SIDE
        } else {
            MIDDLE + SIDE
        };
        hash_box(&mut svg, "nut-cay", side, at(level), &short(&rung.sibling));
        let is_last = level + 1 == levels;
        let class = match (is_last, ladder.is_root) {
            (true, true) => "nut-cay-tinh",
            (true, false) => "nut-cay-hong",
            (false, _) => "nut-cay",
        };
        hash_box(&mut svg, class, MIDDLE, at(level + 1), &short(&rung.hash));
    }
    hash_box(
        &mut svg,
        "nut-cay-chinh",
        MIDDLE,
        at(0),
        &short(&ladder.leaf),
    );
    format!("<figure class=\"hinh hinh-bac\">{}</figure>", svg.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_has_its_sibling_on_its_side_and_the_root_says_whether_it_fits() {
        let rung = |text: &str, is_left| Rung {
            hash: Sha256::of(text.as_bytes()),
            sibling: Sha256::of(b"sibling"),
            is_left,
        };
        let mut proof = Ladder {
            leaf: Sha256::of(b"leaf"),
            rungs: vec![rung("a", true), rung("b", false)],
            is_root: true,
        };
        let drawn = ladder(&proof, "t", "d");
        assert_eq!(drawn.matches("<rect").count(), 5);
        assert!(drawn.contains("nut-cay-tinh") && !drawn.contains("nut-cay-hong"));
        proof.is_root = false;
        assert!(ladder(&proof, "t", "d").contains("nut-cay-hong"));
        proof.rungs.clear();
        assert_eq!(ladder(&proof, "t", "d").matches("<rect").count(), 1);
    }
}
