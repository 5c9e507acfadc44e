//! How a recipient's state moves when a status report comes in (protocols §1.10): a pure rule.
//!
//! Codes may be skipped, repeated or come out of order. A report is compared only with what the same recipient reported
//! before; it moves the state forward or not at all, and is forwarded either way.

use lgsp_base::Timestamp;
use lgsp_wire::edxml::StatusCode;

/// Where a recipient stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The last code of 01–06 that moved the state.
    pub(crate) code: Option<StatusCode>,
    /// The time that report named.
    pub(crate) at: Option<Timestamp>,
    /// The time of the last report that moved the side branch.
    pub(crate) side_at: Option<Timestamp>,
}

/// What a report does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Moves the state 01–06.
    Main,
    /// Moves the side branch 13, 15, 16.
    Side,
    /// Is only forwarded.
    Nothing,
}

/// The place of a code on the way from arrival to completion; a refusal ends what was not yet received.
const fn rank(code: StatusCode) -> Option<u8> {
    match code {
        StatusCode::Arrived => Some(1),
        StatusCode::Rejected => Some(2),
        StatusCode::Received => Some(3),
        StatusCode::Assigned => Some(4),
        StatusCode::Processing => Some(5),
        StatusCode::Completed => Some(6),
        StatusCode::TakeBack | StatusCode::RequestGranted | StatusCode::RequestRefused => None,
    }
}

/// True if `at` is older than what is known.
fn is_older(at: Option<Timestamp>, known: Option<Timestamp>) -> bool {
    matches!((at, known), (Some(at), Some(known)) if at < known)
}

/// What a report with this code and time does.
pub(crate) fn step(standing: &Standing, code: StatusCode, at: Option<Timestamp>) -> Step {
    let Some(next) = rank(code) else {
        return if is_older(at, standing.side_at) {
            Step::Nothing
        } else {
            Step::Side
        };
    };
    let goes_forward = match standing.code {
        None => true,
        Some(StatusCode::Rejected) => false,
        Some(known) => rank(known).is_none_or(|known| next > known),
    };
    if goes_forward && !is_older(at, standing.at) {
        Step::Main
    } else {
        Step::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp::from_millis(seconds * 1000))
    }

    fn code(text: &str) -> StatusCode {
        StatusCode::from_text(text).expect("a code")
    }

    /// Runs reports and gives the codes that moved the state.
    fn run(reports: &[(&str, i64)]) -> Vec<String> {
        let mut standing = Standing::default();
        let mut moved = Vec::new();
        for (text, seconds) in reports {
            match step(&standing, code(text), at(*seconds)) {
                Step::Main => {
                    standing.code = Some(code(text));
                    standing.at = at(*seconds);
                }
                Step::Side => standing.side_at = at(*seconds),
                Step::Nothing => continue,
            }
            moved.push((*text).to_owned());
        }
        moved
    }

    #[test]
    fn the_state_goes_forward_only() {
        for (reports, expected) in [
            (
                vec![("01", 1), ("03", 2), ("04", 3), ("05", 4), ("06", 5)],
                vec!["01", "03", "04", "05", "06"],
            ),
            (vec![("06", 5), ("05", 4), ("01", 1)], vec!["06"]),
            (vec![("01", 1), ("01", 2), ("06", 3)], vec!["01", "06"]),
            (vec![("01", 1), ("02", 2), ("03", 3)], vec!["01", "02"]),
            (vec![("03", 2), ("02", 3)], vec!["03"]),
            (vec![("03", 5), ("05", 4)], vec!["03"]),
            (vec![("02", 1), ("01", 2)], vec!["02"]),
        ] {
            assert_eq!(run(&reports), expected, "{reports:?}");
        }
    }

    #[test]
    fn the_side_branch_may_come_at_any_point_and_leaves_the_state_alone() {
        assert_eq!(
            run(&[("03", 1), ("13", 2), ("05", 3), ("15", 4), ("13", 3)]),
            ["03", "13", "05", "15"]
        );
        assert_eq!(run(&[("13", 1), ("16", 2), ("13", 3)]), ["13", "16", "13"]);
    }

    #[test]
    fn a_report_without_time_is_judged_by_its_code() {
        let standing = Standing {
            code: Some(StatusCode::Arrived),
            at: at(9),
            side_at: None,
        };
        assert_eq!(step(&standing, StatusCode::Received, None), Step::Main);
    }
}
