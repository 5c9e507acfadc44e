//! The status of a dossier and which status may follow which (protocols §4.3).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use lgsp_base::Lang;
use serde::{Deserialize, Serialize};

/// `TrangThaiHoSo`. As JSON the number's text, `"1"` to `"10"`, without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DossierStatus {
    /// 1, mới đăng ký.
    Registered,
    /// 2, được tiếp nhận.
    Received,
    /// 3, không được tiếp nhận.
    Refused,
    /// 4, đang xử lý.
    Processing,
    /// 5, yêu cầu bổ sung giấy tờ.
    SupplementAsked,
    /// 6, yêu cầu thực hiện nghĩa vụ tài chính.
    PaymentAsked,
    /// 7, công dân yêu cầu rút hồ sơ.
    Withdrawn,
    /// 8, dừng xử lý.
    Stopped,
    /// 9, đã xử lý xong.
    Finished,
    /// 10, đã trả kết quả.
    Returned,
}

/// The text is no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a status from 1 to 10")]
pub struct UnknownStatus;

impl DossierStatus {
    /// Every status in ascending order.
    pub const ALL: [DossierStatus; 10] = [
        Self::Registered,
        Self::Received,
        Self::Refused,
        Self::Processing,
        Self::SupplementAsked,
        Self::PaymentAsked,
        Self::Withdrawn,
        Self::Stopped,
        Self::Finished,
        Self::Returned,
    ];

    /// The number's text, which is what stands on the wire.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// A stable word for keys of messages, metrics and addresses: `supplement_asked`.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// The name that OpenCPS uses inside: `waiting`.
    pub const fn opencps(self) -> &'static str {
        self.row().2
    }

    /// The words for people.
    pub const fn label(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Vi => self.row().3,
            Lang::En => self.row().4,
        }
    }

    /// The status of an OpenCPS name.
    pub fn from_opencps(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|status| status.opencps() == name)
    }

    /// True if nothing follows: refused, withdrawn, stopped, returned.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Withdrawn | Self::Stopped | Self::Returned
        )
    }

    /// Code, name, name in OpenCPS, Vietnamese, English.
    const fn row(
        self,
    ) -> (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    ) {
        match self {
            Self::Registered => (
                "1",
                "registered",
                "receiving",
                "Mới đăng ký",
                "Newly registered",
            ),
            Self::Received => ("2", "received", "new", "Được tiếp nhận", "Received"),
            Self::Refused => (
                "3",
                "refused",
                "denied",
                "Không được tiếp nhận",
                "Not received",
            ),
            Self::Processing => (
                "4",
                "processing",
                "processing",
                "Đang xử lý",
                "Being handled",
            ),
            Self::SupplementAsked => (
                "5",
                "supplement_asked",
                "waiting",
                "Yêu cầu bổ sung giấy tờ",
                "Further papers asked for",
            ),
            Self::PaymentAsked => (
                "6",
                "payment_asked",
                "paying",
                "Yêu cầu thực hiện nghĩa vụ tài chính",
                "Payment asked for",
            ),
            Self::Withdrawn => (
                "7",
                "withdrawn",
                "cancelled",
                "Công dân yêu cầu rút hồ sơ",
                "Withdrawn by the applicant",
            ),
            Self::Stopped => (
                "8",
                "stopped",
                "unresolved",
                "Dừng xử lý",
                "Handling stopped",
            ),
            Self::Finished => (
                "9",
                "finished",
                "releasing",
                "Đã xử lý xong",
                "Handling finished",
            ),
            Self::Returned => (
                "10",
                "returned",
                "done",
                "Đã trả kết quả",
                "Result handed over",
            ),
        }
    }
}

impl FromStr for DossierStatus {
    type Err = UnknownStatus;

    /// Reads the exact text, `1` to `10`.
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.code() == text)
            .ok_or(UnknownStatus)
    }
}

impl TryFrom<String> for DossierStatus {
    type Error = UnknownStatus;

    fn try_from(text: String) -> Result<Self, UnknownStatus> {
        text.parse()
    }
}

impl From<DossierStatus> for String {
    fn from(status: DossierStatus) -> Self {
        status.code().to_owned()
    }
}

impl fmt::Display for DossierStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Which status may follow which. No source gives such a table, so it is data that an operator may replace; the default is this
/// project's own reading of the life of a dossier.
///
/// The default lets a dossier begin in any status, as systems join with dossiers under way; lets a status be repeated, as systems send
/// the same record again; lets steps between be left out where one-stop offices settle a dossier at once; and lets nothing follow a
/// terminal status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransitionTable {
    /// Names the edition in answers and logs.
    pub version: String,
    /// True if the same status may come again.
    pub allows_repeats: bool,
    /// In which status a dossier may be seen first.
    pub initial: BTreeSet<DossierStatus>,
    /// What may follow each status; a status that is not named is followed by nothing.
    pub allowed: BTreeMap<DossierStatus, BTreeSet<DossierStatus>>,
}

impl TransitionTable {
    /// True if a dossier in status `from`, or one not seen before, may have status `to` next.
    pub fn allows(&self, from: Option<DossierStatus>, to: DossierStatus) -> bool {
        match from {
            None => self.initial.contains(&to),
            Some(from) if from == to => self.allows_repeats,
            Some(from) => self
                .allowed
                .get(&from)
                .is_some_and(|next| next.contains(&to)),
        }
    }
}

impl Default for TransitionTable {
    fn default() -> Self {
        use DossierStatus as S;
        let rows: [(S, &[S]); 6] = [
            (
                S::Registered,
                &[
                    S::Received,
                    S::Refused,
                    S::SupplementAsked,
                    S::PaymentAsked,
                    S::Withdrawn,
                ],
            ),
            (
                S::Received,
                &[
                    S::Processing,
                    S::SupplementAsked,
                    S::PaymentAsked,
                    S::Withdrawn,
                    S::Stopped,
                    S::Finished,
                    S::Returned,
                ],
            ),
            (
                S::Processing,
                &[
                    S::SupplementAsked,
                    S::PaymentAsked,
                    S::Withdrawn,
                    S::Stopped,
                    S::Finished,
                    S::Returned,
                ],
            ),
            (
                S::SupplementAsked,
                &[
                    S::Received,
                    S::Refused,
                    S::Processing,
                    S::PaymentAsked,
                    S::Withdrawn,
                    S::Stopped,
                    S::Finished,
                ],
            ),
            (
                S::PaymentAsked,
                &[
                    S::Received,
                    S::Refused,
                    S::Processing,
                    S::SupplementAsked,
                    S::Withdrawn,
                    S::Stopped,
                    S::Finished,
                    S::Returned,
                ],
            ),
            (S::Finished, &[S::PaymentAsked, S::Returned]),
        ];
        Self {
            version: "default-1".to_owned(),
            allows_repeats: true,
            initial: S::ALL.into_iter().collect(),
            allowed: rows
                .into_iter()
                .map(|(from, to)| (from, to.iter().copied().collect()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_complete_and_unique() {
        let mut seen = BTreeSet::new();
        for (index, status) in DossierStatus::ALL.into_iter().enumerate() {
            assert_eq!(status.code(), (index + 1).to_string());
            assert_eq!(status.code().parse(), Ok(status));
            assert_eq!(DossierStatus::from_opencps(status.opencps()), Some(status));
            assert!(seen.insert(status.name()));
            assert_ne!(status.label(Lang::Vi), status.label(Lang::En));
        }
        for text in ["", "0", "01", "11", " 1", "1.0", "x"] {
            assert_eq!(text.parse::<DossierStatus>(), Err(UnknownStatus), "{text}");
        }
    }

    #[test]
    fn the_default_table() {
        use DossierStatus as S;
        let table = TransitionTable::default();
        for from in S::ALL {
            assert!(table.allows(None, from));
            assert!(table.allows(Some(from), from));
            let follows = S::ALL
                .into_iter()
                .filter(|to| *to != from && table.allows(Some(from), *to));
            assert_eq!(follows.count() == 0, from.is_terminal(), "{from}");
        }
        assert!(table.allows(Some(S::Registered), S::Received));
        assert!(table.allows(Some(S::Finished), S::Returned));
        assert!(!table.allows(Some(S::Received), S::Registered));
        assert!(!table.allows(Some(S::Registered), S::Returned));
    }

    #[test]
    fn an_operator_may_bring_another_table() {
        let text = r#"{"version":"binh-an-2","allows_repeats":false,"initial":["1"],"allowed":{"1":["2"],"2":["10"]}}"#;
        let table: TransitionTable = serde_json::from_str(text).expect("a table");
        assert!(!table.allows(None, DossierStatus::Received));
        assert!(!table.allows(Some(DossierStatus::Received), DossierStatus::Received));
        assert!(table.allows(Some(DossierStatus::Received), DossierStatus::Returned));
        assert_eq!(serde_json::to_string(&table).expect("text"), text);
        let default = TransitionTable::default();
        let text = serde_json::to_string(&default).expect("text");
        assert_eq!(
            serde_json::from_str::<TransitionTable>(&text).expect("a table"),
            default
        );
        assert!(
            serde_json::from_str::<TransitionTable>(
                r#"{"version":"1","allows_repeats":true,"initial":["01"],"allowed":{}}"#
            )
            .is_err()
        );
    }
}
