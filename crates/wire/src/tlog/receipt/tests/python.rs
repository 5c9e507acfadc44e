//! The independent verifier, `examples/verify.py`, says the same as ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// Prints for each file the checks and their outcomes, one to a line.
const CHECKS: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import verify
for path in sys.argv[2:]:
    with open(path, 'rb') as file:
        for code, outcome, _ in verify.verify(file.read())[1]:
            print(path, code, outcome)
";

/// Prints the positions at which a flipped bit goes unnoticed, or leaves the record without a name.
const SWEEP: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import verify
good = open(sys.argv[2], 'rb').read()
name = verify.subject(verify.verify(good)[0])
for at in range(0, len(good), int(sys.argv[3])):
    data = bytearray(good)
    data[at] ^= 1 << at % 8
    facts, checks = verify.verify(bytes(data))
    is_valid = all(verify.is_good(outcome) for _, outcome, _ in checks)
    if is_valid or not (facts['document'] or facts['receipt']):
        print(at)
";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// True if there is a Python; says so where there is none.
fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output();
    let is_there = found.is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("SKIP: python3 is not installed, examples/verify.py was not run");
    }
    is_there
}

fn run(arguments: &[&Path]) -> (Option<i32>, String) {
    let output = Command::new("python3")
        .arg("-B")
        .args(arguments)
        .output()
        .expect("runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text + &complaint)
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0).is_ok();
    }
}

#[test]
fn the_script_says_valid_and_not_valid_by_its_exit_code_and_names_the_record() {
    if !has_python() {
        return;
    }
    let folder = Folder::new("lgsp-verify-cli");
    let script = examples().join("verify.py");
    let good = folder.write("good", &full().encode());
    let mut flipped = full().encode();
    flipped[100] ^= 1;
    let flipped = folder.write("flipped", &flipped);
    let key = |seed| PathBuf::from(log_key(seed).key().to_string());
    let option = Path::new("--key");
    for (arguments, code, words) in [
        (vec![script.as_path(), &good], 0, "CHƯA ĐƯỢC GHIM"),
        (
            vec![&script, &good, option, &key(1)],
            0,
            "đúng là khóa bạn tin cậy",
        ),
        (
            vec![&script, &good, option, &key(3)],
            10,
            "KHÔNG phải khóa bạn tin cậy",
        ),
        (
            vec![&script, &flipped],
            10,
            "KHÔNG HỢP LỆ: văn bản doc_01kpkhs8002wr2r9s2pm1e0003",
        ),
    ] {
        let (status, text) = run(&arguments);
        assert_eq!(status, Some(code), "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn both_verifiers_name_the_same_faults() {
    if !has_python() {
        return;
    }
    let folder = Folder::new("lgsp-verify-faults");
    let mut bundles: Vec<Bundle> = faults()
        .iter()
        .map(|(change, _)| resigned(*change))
        .collect();
    bundles.extend([full(), small()]);
    // Every algorithm of the authorities.
    bundles.push(resigned(|parts| {
        let stamped = parts.timestamp.as_mut().expect("stamped");
        stamped.token = include_bytes!("../../../../fixtures/timestamp/p256.tst").to_vec();
        stamped.certificate = include_bytes!("../../../../fixtures/timestamp/p256.der").to_vec();
    }));
    bundles.push(resigned(|parts| {
        let stamped = parts.timestamp.as_mut().expect("stamped");
        stamped.token = include_bytes!("../../../../fixtures/timestamp/p384.tst").to_vec();
        stamped.certificate = include_bytes!("../../../../fixtures/timestamp/p384.der").to_vec();
    }));
    bundles.push(resigned(|parts| {
        let stamped = parts.timestamp.as_mut().expect("stamped");
        stamped.token = include_bytes!("../../../../fixtures/timestamp/rsa_sha1_id.tst").to_vec();
    }));
    // A changed signature of each kind.
    bundles.push(resigned(|parts| {
        let stamped = parts.timestamp.as_mut().expect("stamped");
        if let Some(last) = stamped.token.last_mut() {
            *last ^= 1;
        }
    }));
    bundles.push(resigned(|parts| {
        let stamped = parts.timestamp.as_mut().expect("stamped");
        stamped.token = include_bytes!("../../../../fixtures/timestamp/p256.tst").to_vec();
        stamped.certificate = include_bytes!("../../../../fixtures/timestamp/p256.der").to_vec();
        if let Some(last) = stamped.token.last_mut() {
            *last ^= 1;
        }
    }));
    for purpose in [
        &include_bytes!("../../../../fixtures/timestamp/purpose_authority.der")[..],
        include_bytes!("../../../../fixtures/timestamp/purpose_stamping_and_more.der"),
    ] {
        let mut parts = full_parts();
        parts.timestamp.as_mut().expect("stamped").certificate = purpose.to_vec();
        bundles.push(Bundle::sign(parts, &log_key(2)).expect("signs"));
    }
    let (mut paths, mut expected) = (Vec::new(), String::new());
    for (number, bundle) in bundles.iter().enumerate() {
        let path = folder.write(&number.to_string(), &bundle.encode());
        for check in verify(&bundle.encode(), None).checks {
            let outcome = match check.outcome {
                Outcome::Holds => "holds",
                Outcome::Absent => "absent",
                Outcome::Fails(reason) => reason.code(),
            };
            expected += &format!("{} {} {outcome}\n", path.display(), check.name.code());
        }
        paths.push(path);
    }
    let examples = examples();
    let mut arguments = vec![Path::new("-c"), Path::new(CHECKS), &examples];
    arguments.extend(paths.iter().map(PathBuf::as_path));
    let (status, text) = run(&arguments);
    assert_eq!(status, Some(0), "{text}");
    for (theirs, ours) in text.lines().zip(expected.lines()) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(text, expected);
}

#[test]
fn the_script_notices_flipped_bits_and_names_the_record() {
    if !has_python() {
        return;
    }
    let folder = Folder::new("lgsp-verify-sweep");
    for (name, bundle, step) in [("small", small(), "3"), ("full", full(), "31")] {
        let path = folder.write(name, &bundle.encode());
        let arguments: [&Path; 5] = [
            Path::new("-c"),
            Path::new(SWEEP),
            &examples(),
            &path,
            Path::new(step),
        ];
        assert_eq!(run(&arguments), (Some(0), String::new()), "{name}");
    }
}
