//! What an import says about bad files, and that nothing of them is kept.

use lgsp_base::limits;

use super::support::{World, day};
use crate::import::{ImportKind, ImportOptions, LineProblem, parse};

const HEAD: &str = "code_qd20,code_qcvn102,name,kind,level,parent_code_qd20,admin_unit_code,province,code_is_official\n";
const SUCCESSIONS: &str = "predecessor_code_qd20,successor_code_qd20,kind,effective_date,legal_basis,note,predecessor_name,successor_name\n";

fn lines(problems: &[LineProblem]) -> Vec<(u64, &str, &str)> {
    problems
        .iter()
        .map(|problem| (problem.line, problem.column.as_str(), problem.rule))
        .collect()
}

fn with_head(rows: &str) -> String {
    format!("{HEAD}{rows}")
}

#[test]
fn every_bad_line_is_named_and_nothing_is_kept() {
    let mut world = World::new();
    let report = world.import(&with_head(
        "H99,000.00.00.H99,UBND tỉnh Bình An,ubnd_tinh,1,,,Bình An,true\n\
         ,,Không mã,so,2,H99,,,true\n\
         H99.01,,,so,2,H99,,,true\n\
         H99.02,,Sở Hai,so,hai,H99,,,true\n\
         H99.03,,Sở Ba,Sở,2,H99,,,true\n\
         H99.04,,Sở Bốn,so,2,H98,,,true\n\
         H99.05,,Sở Văn hóa, Thể thao,so,2,H99,,,true\n\
         H99.06,,Sở Sáu,so,2,H99,,,có lẽ\n\
         H99.07,,Sở Bảy,so,2,H99,,,true\n\
         h99.07,,Sở Bảy nữa,so,2,H99,,,true\n\
         H99.08,000.00.00.H99,Sở Tám,so,2,H99,,,true\n\
         H99.09,,Sở Chín,so,2,H99.10,,,true\n\
         H99.10,,Sở Mười,so,2,H99.09,,,true\n\
         H99.11,,Sở\u{7},so,2,H99,,,true\n\
         H99.12,,Sở Mười hai,,2,H99,,,true\n\
         H99.13,,Sở Mười ba,so,0,H99,,,true\n",
    ));
    let found = lines(&report.problems);
    for expected in [
        (3, "code_qd20", "code_invalid"),
        (4, "name", "name_empty"),
        (5, "level", "level"),
        (6, "kind", "kind"),
        (7, "parent_code_qd20", "unknown"),
        (8, "", "columns"),
        (9, "code_is_official", "boolean"),
        (11, "code_qd20", "duplicate"),
        (12, "code_qcvn102", "code_taken"),
        (14, "parent_code_qd20", "cycle"),
        (15, "name", "name_form"),
        (16, "kind", "kind"),
        (17, "level", "level"),
    ] {
        assert!(
            found.contains(&expected),
            "{expected:?} is missing in {found:#?}"
        );
    }
    assert!(!report.is_accepted());
    assert!(world.directory.is_empty());
    assert_eq!((report.created, report.changed, report.events), (0, 0, 0));
    let problem = report.to_problem().unwrap();
    assert_eq!(problem.code(), "import.invalid");
    assert!(
        problem
            .fields
            .iter()
            .any(|field| field.pointer == "line 4 name"),
        "{problem:?}"
    );
}

#[test]
fn a_second_import_changes_nothing_and_a_contradiction_is_refused() {
    let mut world = World::new();
    let file = with_head(
        "H99.01,000.00.01.H99,Văn phòng,van_phong,2,H99,,Bình An,false\n\
         H99,000.00.00.H99,UBND tỉnh Bình An,ubnd_tinh,1,,,Bình An,true\n",
    );
    assert_eq!(world.import(&file).created, 2);
    let again = world.import(&file);
    assert_eq!(
        (again.created, again.changed, again.unchanged, again.events),
        (0, 0, 2, 0)
    );
    let decomposed = file.replace("Văn phòng", "Va\u{306}n pho\u{300}ng");
    assert_eq!(
        world.import(&decomposed).unchanged,
        2,
        "the same name in another Unicode form"
    );

    let other = world.import(&file.replace("Văn phòng,", "Phòng văn,"));
    assert_eq!(lines(&other.problems), [(2, "name", "differs")]);
    assert!(other.problems[0].message_vi.contains("Văn phòng"));
    let other = world.import(&file.replace("van_phong,2,H99", "so,3,"));
    assert_eq!(
        lines(&other.problems),
        [
            (2, "kind", "differs"),
            (2, "level", "differs"),
            (2, "parent_code_qd20", "differs")
        ]
    );
}

#[test]
fn what_is_missing_is_filled_in() {
    let mut world = World::new();
    let short = "code_qd20,name,kind,level\nH99,UBND tỉnh Bình An,ubnd_tinh,1\n";
    assert_eq!(world.import(short).created, 1);
    let long = with_head("H99,000.00.00.H99,UBND tỉnh Bình An,ubnd_tinh,1,,99,Bình An,true\n");
    let report = world.import(&long);
    assert_eq!((report.changed, report.events), (1, 1), "{report:?}");
    assert_eq!(world.says("000.00.00.H99", day("2026-01-01")), "active H99");
    let org = world.directory.by_code("H99").unwrap();
    assert_eq!(org.periods[0].province.as_deref(), Some("Bình An"));
    assert_eq!(world.import(&long).unchanged, 1);
    assert_eq!(
        world.import(short).unchanged,
        1,
        "what a file does not say is not contradicted"
    );
    assert_eq!(
        world
            .import(&with_head("H99.01,,Sở Một,so,2,H99,,,\n"))
            .created,
        1
    );
    let child = "code_qd20,name,kind,level\nH99.01,Sở Một,so,2\n";
    assert_eq!(world.import(child).unchanged, 1, "not even the parent");
}

#[test]
fn the_organisation_of_the_set_up_is_described_by_the_first_import() {
    let mut world = World::new();
    let new = crate::draft::NewOrganisation::undescribed("H99", "Tỉnh của tôi");
    world
        .apply(|draft, event| {
            draft.create(
                &new,
                lgsp_base::time::Timestamp::BEGINNING,
                event,
                crate::draft::Strictness::Issued,
            )
        })
        .unwrap();
    let report = world.import(&with_head(
        "H99,000.00.00.H99,UBND tỉnh Bình An,ubnd_tinh,1,,,Bình An,false\nH99.14,,Sở,so,2,H99,,,false\n",
    ));
    assert_eq!((report.created, report.changed), (1, 1), "{report:?}");
    let org = world.directory.by_code("H99").unwrap();
    assert_eq!(org.name_near(day("2026-01-01")), "UBND tỉnh Bình An");
    assert_eq!(&*org.periods[0].kind, "ubnd_tinh");
}

#[test]
fn marks_line_ends_and_separators_of_spreadsheets_are_taken() {
    let comma = "code_qd20,name,kind,level\nH99,\"UBND tỉnh Bình An\",ubnd_tinh,1\n";
    let semicolon = comma.replace(',', ";");
    for file in [
        comma.to_owned(),
        format!("\u{feff}{comma}"),
        comma.replace('\n', "\r\n"),
        comma.replace(',', "\t"),
        format!("\u{feff}{}", semicolon.replace('\n', "\r\n")),
        format!("{comma}\n,,,\n"),
        comma.trim_end().to_owned(),
        comma.replace("code_qd20", " Code_QD20 "),
    ] {
        let mut world = World::new();
        let report = world.import(&file);
        assert_eq!(
            (report.created, report.problem_count),
            (1, 0),
            "{file:?} {report:?}"
        );
    }
}

#[test]
fn files_that_are_none_are_refused_with_their_line() {
    let bad = |bytes: &[u8]| {
        let problem = parse(bytes).unwrap_err();
        (problem.line, problem.rule)
    };
    assert_eq!(bad(b""), (1, "header"));
    assert_eq!(bad(b"\xef\xbb\xbf"), (1, "header"));
    assert_eq!(bad(b"a,b,c\n1,2,3\n"), (1, "header"));
    assert_eq!(bad(b"code_qd20,name\nH99,x\n"), (1, "header"));
    assert_eq!(bad(b"code_qd20,name,kind,level,name\n"), (1, "header"));
    assert_eq!(
        bad(b"code_qd20,name,kind,level\nH99,S\xe9,so,1\n"),
        (2, "encoding")
    );
    assert_eq!(bad(&b"x,".repeat(100)), (1, "header"));
    let mut rows = b"code_qd20,name,kind,level\n".to_vec();
    rows.extend(b"H99,x,so,1\n".repeat(limits::IMPORT_ROWS_MAX + 1));
    assert_eq!(
        bad(&rows),
        (limits::IMPORT_ROWS_MAX as u64 + 2, "too_many_rows")
    );
    let mut world = World::new();
    let zip = world.import_with(b"PK\x03\x04\xff\xfe", ImportOptions::default());
    assert_eq!((zip.kind, zip.problem_count), (None, 1));
}

#[test]
fn listed_problems_have_a_limit_and_are_counted() {
    let mut rows = HEAD.to_owned();
    for number in 0..1_000 {
        rows.push_str(&format!("H99.{number},,,so,2,,,,\n"));
    }
    let report = World::new().import(&rows);
    assert_eq!(report.problem_count, 1_000);
    assert_eq!(report.problems.len(), limits::IMPORT_PROBLEMS_MAX);
}

#[test]
fn the_date_of_a_directory_is_the_beginning_of_time_unless_named() {
    let file = with_head("H99,,UBND tỉnh Bình An,ubnd_tinh,1,,,,\n");
    let mut world = World::new();
    world.import(&file);
    assert_eq!(world.says("H99", day("1900-01-01")), "active H99");
    let mut world = World::new();
    let options = ImportOptions {
        effective: Some(day("2025-07-01")),
        is_dry_run: false,
    };
    world.import_with(file.as_bytes(), options);
    assert_eq!(world.says("H99", day("2025-06-30")), "not_yet");
    assert_eq!(world.says("H99", day("2025-07-01")), "active H99");
}

#[test]
fn bad_successions_are_named_by_line() {
    let mut world = World::new();
    for code in ["H99", "H99.01", "H99.02", "H99.03"] {
        world.create(code);
    }
    let report = world.import(&format!(
        "{SUCCESSIONS}\
         H98.01,H99.02,merge,2025-07-01,,,,\n\
         H99.01,H98.02,merge,2025-07-01,,,,\n\
         ,H99.02,merge,2025-07-01,,,,\n\
         H99.01,H99.02,gộp,2025-07-01,,,,\n\
         H99.01,H99.02,merge,2025-02-30,,,,\n\
         H99.01,,rename,2025-07-01,,,,\n\
         H99.01,H99.01,rename,2025-07-01,,,,\n\
         H99.01,H99.02,dissolve,2025-07-01,,,,\n\
         H99.02,H99.02,merge,2025-07-01,,,,\n\
         H99.03,,dissolve,2025-07-01,,,,\n\
         H99.03,H99.02,merge,2025-07-01,,,,\n"
    ));
    assert_eq!(report.kind, Some(ImportKind::Successions));
    let mut found = lines(&report.problems);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (2, "predecessor_code_qd20", "unknown"),
            (3, "successor_code_qd20", "unknown"),
            (4, "predecessor_code_qd20", "required"),
            (5, "kind", "kind"),
            (6, "effective_date", "date"),
            (7, "successor_code_qd20", "required"),
            (8, "successor_name", "name_empty"),
            (9, "successor_code_qd20", "not_empty"),
            (10, "", "same_organisation"),
            (12, "", "not_active"),
        ]
    );
    assert_eq!(
        world.says("H99.03", day("2026-01-01")),
        "active H99.03",
        "nothing was kept"
    );
}

#[test]
fn a_division_is_seen_also_when_the_end_above_comes_with_a_later_file() {
    let mut world = World::new();
    let district = world.create("H99.31");
    world.create_at(
        "H99.31.01",
        Some(district),
        lgsp_base::time::Timestamp::BEGINNING,
    );
    world.create("H99.101");
    world.create("H99.102");
    let parts = format!(
        "{SUCCESSIONS}\
         H99.31.01,H99.101,transfer,2025-07-01,,một phần,,\n\
         H99.31.01,H99.102,transfer,2025-07-01,,một phần,,\n"
    );
    assert_eq!(world.import(&parts).changed, 2);
    let at = day("2025-07-01");
    assert_eq!(world.says("H99.31.01", at), "active H99.31.01");
    let end = format!("{SUCCESSIONS}H99.31,,dissolve,2025-07-01,,,,\n");
    assert_eq!(world.import(&end).changed, 1);
    assert_eq!(
        world.says("H99.31.01", at),
        "closed several_successors H99.101 H99.102"
    );
    assert_eq!(world.import(&parts).unchanged, 2);
    assert_eq!(world.import(&end).unchanged, 1);
}

#[test]
fn two_new_names_on_one_day_contradict_each_other() {
    let mut world = World::new();
    world.create("H99");
    let report = world.import(&format!(
        "{SUCCESSIONS}H99,H99,rename,2025-07-01,,,,Tên một\nH99,H99,rename,2025-07-01,,,,Tên hai\n"
    ));
    assert_eq!(lines(&report.problems), [(3, "", "later_events")]);
}
