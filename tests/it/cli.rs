//! The command line over the real binary: every command once, exit codes, and one JSON object on standard output.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lgsp_store::testing::Scratch;
use lgsp_store::{Db, DbOptions, DbTarget, StoreError};
use lgsp_tests::skip;
use lgsp_tests::system::{System, SystemBuilder};
use serde_json::Value;

use crate::BINARY;

/// Somebody at a terminal.
struct Person {
    server: String,
    token: String,
}

impl Person {
    fn at(system: &System, token: &str) -> Self {
        Self {
            server: format!("http://{}", system.address),
            token: token.to_owned(),
        }
    }

    fn types<W: AsRef<OsStr>>(&self, words: &[W]) -> Output {
        Command::new(BINARY)
            .args(words)
            .env("LGSP_SERVER", &self.server)
            .env("LGSP_TOKEN", &self.token)
            .stdin(Stdio::null())
            .output()
            .expect("the command runs")
    }

    /// Runs a command with `-o json` and expects success.
    fn reads(&self, words: &[&str]) -> Value {
        let output = self.types(&[words, &["-o", "json"]].concat());
        assert!(
            output.status.success(),
            "{words:?}: {}",
            text(&output.stderr)
        );
        object(&output)
    }

    /// Runs a command with `-o json` and expects this exit code; gives the problem's code.
    fn fails(&self, words: &[&str], exit: i32) -> String {
        let output = self.types(&[words, &["-o", "json"]].concat());
        assert_eq!(
            output.status.code(),
            Some(exit),
            "{words:?}: {}",
            text(&output.stderr)
        );
        let problem = object(&output);
        assert_eq!(problem["problem"]["exit"], exit, "{words:?}");
        assert!(!output.stderr.is_empty(), "people read it too: {words:?}");
        problem["problem"]["code"]
            .as_str()
            .expect("a code")
            .to_owned()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output as exactly one JSON object on one line.
fn object(output: &Output) -> Value {
    let text = text(&output.stdout);
    assert_eq!(text.lines().count(), 1, "{text}");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert!(value.is_object());
    value
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

fn file(scratch: &Scratch, name: &str, content: &[u8]) -> String {
    let path = scratch.path().join(name);
    std::fs::write(&path, content).expect("a file");
    path.display().to_string()
}

const ORGANISATIONS: &str = "code_qd20,code_qcvn102,name,kind,level,parent_code_qd20,admin_unit_code,province,code_is_official\n\
H99.1,,Sở Y tế,so,2,H99,,Bình An,false\n\
H99.2,,Sở Nội vụ,so,2,H99,,Bình An,false\n";

fn promise_of_a_document(system: &System, admin: &str) {
    let scratch = Scratch::new("cli-files");
    let operator = Person::at(system, admin);
    let organisations = file(&scratch, "organisations.csv", ORGANISATIONS.as_bytes());
    let checked = operator.reads(&["org", "import", &organisations, "--dry-run"]);
    assert_eq!(checked["created"], 2, "{checked}");
    assert_eq!(
        operator.reads(&["don-vi", "nap", &organisations])["created"],
        2
    );
    assert_eq!(
        operator.reads(&["org", "list", "--query", "so y te"])["items"][0]["code"],
        "H99.1"
    );
    let resolved = operator.reads(&["org", "resolve", "H99.2", "--at", "2030-01-01"]);
    assert_eq!(word(&resolved, "status"), "active");

    let connect = |code: &str| {
        let added = operator.reads(&["system", "add", code, "QLVB", "--protocol", "rest"]);
        Person::at(system, word(&added, "token"))
    };
    let (sender, receiver) = (connect("H99.1"), connect("H99.2"));
    let signed = operator.reads(&["system", "add", "H99", "QLVB", "--protocol", "vxp"]);
    assert!(!word(&signed, "secret").is_empty() && !word(&signed, "system_id").is_empty());
    assert_eq!(
        operator.reads(&["system", "list"])["items"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );

    let pdf = file(&scratch, "báo cáo.pdf", b"%PDF-1.4\n%%EOF\n");
    let send = [
        "send",
        &pdf,
        "--tu",
        "H99.1",
        "--den",
        "H99.2",
        "--subject",
        "Báo cáo tuần",
        "--key",
        "k1",
    ];
    let accepted = sender.reads(&send);
    assert_eq!(
        sender.reads(&send)["id"],
        accepted["id"],
        "the same key is the same document"
    );
    let numbered = [
        "send", &pdf, "--from", "H99.1", "--to", "H99.2", "--number", "7/SYT-VP",
    ];
    let second = sender.reads(&numbered);
    assert_ne!(second["id"], accepted["id"]);

    let waiting = receiver.reads(&["inbox"]);
    assert_eq!(waiting["items"].as_array().map(Vec::len), Some(2));
    let saved = scratch.path().join("saved");
    let taken = receiver.reads(&["inbox", "--save", &saved.display().to_string(), "--ack"]);
    assert!(
        taken["acknowledged"]
            .as_array()
            .expect("results")
            .iter()
            .all(|result| result["status"] == "confirmed"),
        "{taken}"
    );
    assert_eq!(std::fs::read_dir(&saved).expect("saved").count(), 2);
    assert_eq!(
        receiver.reads(&["inbox"])["items"].as_array().map(Vec::len),
        Some(0)
    );

    let trace = sender.reads(&["trace", word(&accepted, "id")]);
    assert_eq!(trace["deliveries"][0]["state"], "delivered", "{trace}");
    let printed = sender.types(&["trace", word(&accepted, "id")]);
    assert!(
        text(&printed.stdout).contains("đã nhận"),
        "{}",
        text(&printed.stdout)
    );
    let english = sender.types(&["trace", word(&accepted, "id"), "--lang", "en"]);
    assert!(text(&english.stdout).contains("delivered"));

    // Exit codes.
    assert_eq!(
        sender.fails(&["trace", "doc_01m800xnqtfx7vv9186fh8yhmg"], 3),
        "exchange.document_unknown"
    );
    assert_eq!(
        receiver.fails(&["org", "import", &organisations], 4),
        "auth.forbidden"
    );
    let stranger = Person {
        token: "lgsp_live_x".into(),
        ..Person::at(system, "")
    };
    assert_eq!(stranger.fails(&["inbox"], 4), "auth.invalid");
    assert_eq!(
        operator.fails(&["system", "add", "H99.1", "QLVB", "--protocol", "rest"], 5),
        "system.exists"
    );
    let broken = file(&scratch, "broken.csv", b"code_qd20,name\nH99.9\n");
    assert_eq!(
        operator.fails(&["org", "import", &broken], 6),
        "import.invalid"
    );
    assert_eq!(
        sender.fails(&["send", &pdf, "--from", "H99.1", "--to", "H99.77"], 6),
        "exchange.recipient_unknown"
    );
    assert_eq!(
        sender.fails(
            &[
                "send",
                "/nonexistent.pdf",
                "--from",
                "H99.1",
                "--to",
                "H99.2"
            ],
            3
        ),
        "cli.file"
    );
    assert_eq!(
        sender.fails(&["org", "resolve", "H99.2", "--at", "tomorrow"], 2),
        "cli.time"
    );
    assert_eq!(sender.fails(&["trace"], 2), "cli.usage");
    assert_eq!(
        operator.types(&["org", "resolve", "H99.77"]).status.code(),
        Some(3)
    );
}

#[test]
fn a_document_crosses_by_command_line() {
    let mut system = SystemBuilder::new(BINARY, "cli")
        .start()
        .expect("SQLite is always there");
    promise_of_a_document(&system, system.admin_token());
    let doctor =
        Person::at(&system, "").reads(&["doctor", "--data", &system.data.display().to_string()]);
    assert_eq!(doctor["healthy"], true, "{doctor}");
    assert_eq!(system.stop(), Some(0), "SIGTERM is a clean end");
}

#[test]
fn a_document_crosses_by_command_line_on_postgres() {
    let Some(system) = SystemBuilder::new(BINARY, "cli_pg").on_postgres().start() else {
        return skip("cli", "LGSP_TEST_POSTGRES is not set");
    };
    promise_of_a_document(&system, system.admin_token());
}

fn nobody() -> Person {
    Person {
        server: "http://127.0.0.1:9".into(),
        token: String::new(),
    }
}

#[test]
fn commands_without_a_server_say_what_to_do() {
    let person = nobody();
    assert_eq!(person.fails(&["inbox"], 7), "cli.unreachable");
    assert_eq!(
        person.reads(&["explain", "exchange.conflict"])["status"],
        409
    );
    assert_eq!(person.fails(&["explain", "no.such"], 3), "cli.code");
    assert_eq!(
        person.reads(&["version"])["version"],
        env!("CARGO_PKG_VERSION")
    );
    assert!(text(&person.types(&["--help"]).stdout).contains("Gửi văn bản"));
    assert!(text(&person.types(&["--lang", "en", "--help"]).stdout).contains("Send a document"));
    // A reader that closes early is not an error.
    let status = Command::new("sh")
        .args(["-c", "\"$0\" explain | head -n 1 > /dev/null", BINARY])
        .status()
        .expect("sh");
    assert!(status.success());
}

/// A data folder that `init` made.
fn installation(scratch: &Scratch) -> PathBuf {
    let data = scratch.path().join("data");
    let made = nobody().reads(&[
        "init",
        "--data",
        &data.display().to_string(),
        "--org",
        "H99",
        "--name",
        "Bình An",
    ]);
    assert!(word(&made, "admin_token").starts_with("lgsp_live_"));
    data
}

/// `serve` must end by itself with this exit code, one line of reason, and no panic.
fn serve_fails(data: &Path, more: &[&str], exit: i32) -> String {
    let data = data.display().to_string();
    let mut words = vec![
        "serve",
        "--data",
        &data,
        "--listen",
        "127.0.0.1:0",
        "-o",
        "json",
    ];
    words.extend_from_slice(more);
    let output = Command::new("timeout")
        .arg("30")
        .arg(BINARY)
        .args(&words)
        .stdin(Stdio::null())
        .output()
        .expect("lgsp serve");
    let reason = text(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "{more:?}: {reason}");
    assert!(!reason.contains("panicked"), "{reason}");
    word(&object(&output)["problem"], "code").to_owned()
}

#[test]
fn an_installation_that_is_not_sound_does_not_start() {
    let scratch = Scratch::new("cli-start");
    let data = installation(&scratch);
    let again = [
        "init",
        "--data",
        &data.display().to_string(),
        "--org",
        "H99",
        "--name",
        "x",
    ];
    assert_eq!(nobody().fails(&again, 5), "data.exists");
    assert_eq!(
        serve_fails(&scratch.path().join("none"), &[], 3),
        "data.missing"
    );

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    assert_eq!(
        serve_fails(&data, &["--admin-listen", &address], 5),
        "listen.taken"
    );
    assert_eq!(
        serve_fails(&data, &["--database", "mysql://x"], 6),
        "config.invalid"
    );
    assert_eq!(
        serve_fails(&data, &["--allow-outbound", "10.0.0.0/99:80"], 6),
        "config.invalid"
    );

    for file in ["keys/vault.key", "keys/webhook.key", "lgsp.toml"] {
        let path = data.join(file);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("chmod");
        assert_eq!(serve_fails(&data, &[], 4), "data.unsafe", "{file}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("chmod");
    }

    let settings = data.join("lgsp.toml");
    let sound = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(&settings, format!("{sound}\n[databse]\nurl = \"x\"\n")).expect("settings");
    assert_eq!(serve_fails(&data, &[], 6), "config.invalid");
    let checked = nobody().types(&["config", "check", "--data", &data.display().to_string()]);
    assert!(
        text(&checked.stderr).contains("databse.url"),
        "the path is named"
    );
    std::fs::write(&settings, sound).expect("settings");

    let db = Db::open(DbOptions::new(DbTarget::Sqlite {
        path: data.join("lgsp.db"),
    }))
    .expect("opens");
    db.write("newer", |tx| {
        tx.execute("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (9999, 'newer', 'x', 0)", &[])
            .map(|_| ())
            .map_err(|error: StoreError| error)
    })
    .wait()
    .expect("written");
    db.close();
    assert_eq!(serve_fails(&data, &[], 5), "storage.schema");

    // A lost database is not made anew: the log's key would sign a second history.
    let (database, folder) = (data.join("lgsp.db"), data.display().to_string());
    for is_empty in [true, false] {
        if is_empty {
            std::fs::write(&database, b"").expect("emptied");
        } else {
            std::fs::remove_file(&database).expect("removed");
        }
        assert_eq!(serve_fails(&data, &[], 10), "data.lost");
        let checks = [
            ["ledger", "fsck", "--data", &folder],
            ["ledger", "rotate-key", "--data", &folder],
        ];
        for check in checks {
            assert_eq!(nobody().fails(&check, 10), "data.lost", "{check:?}");
        }
        let looked = nobody().types(&["doctor", "--data", &folder]);
        assert_eq!(looked.status.code(), Some(10));
    }
}

#[test]
fn two_processes_do_not_share_a_folder() {
    let system = SystemBuilder::new(BINARY, "cli-busy")
        .start()
        .expect("SQLite is always there");
    assert_eq!(serve_fails(&system.data, &[], 5), "data.busy");
}

#[test]
fn an_empty_postgres_takes_over_the_operator_of_the_folder() {
    let Some(database) = lgsp_store::testing::TestDb::postgres("cli_adopt") else {
        return skip("cli", "LGSP_TEST_POSTGRES is not set");
    };
    let DbTarget::Postgres { url } = database.target() else {
        panic!("a PostgreSQL address");
    };
    let scratch = Scratch::new("cli-adopt");
    let data = scratch.path().join("data").display().to_string();
    let made = nobody().reads(&["init", "--data", &data, "--org", "H99", "--name", "Bình An"]);
    let port = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("an address").to_string();
    drop(port);
    let mut server = Command::new(BINARY)
        .args([
            "serve",
            "--data",
            &data,
            "--listen",
            &address,
            "--database",
            &url,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("lgsp serve");
    let operator = Person {
        server: format!("http://{address}"),
        token: word(&made, "admin_token").to_owned(),
    };
    let listed = lgsp_tests::wait_for(std::time::Duration::from_secs(60), || {
        let output = operator.types(&["org", "list", "-o", "json"]);
        output.status.success().then(|| object(&output))
    });
    server.kill().expect("kill");
    server.wait().expect("the end");
    assert_eq!(
        listed.expect("the token opens it")["items"][0]["code"],
        "H99"
    );
}
