//! Those who vouch for the log from outside: a witness as a process of its own, and a time-stamp authority made of OpenSSL.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::http::Http;
use crate::system::free_address;
use crate::wait_for;

/// How long a process may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// `lgsp witness` as a process.
#[derive(Debug)]
pub struct Witness {
    /// Where it listens; the same after a restart.
    pub address: SocketAddr,
    /// Its public key.
    pub key: String,
    binary: PathBuf,
    data: PathBuf,
    log_key: String,
    child: Option<Child>,
}

impl Witness {
    /// Starts a witness of one log in a new folder.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn of(binary: &str, data: &Path, log_key: &str) -> Self {
        let mut witness = Self {
            address: free_address(),
            key: String::new(),
            binary: binary.into(),
            data: data.to_path_buf(),
            log_key: log_key.to_owned(),
            child: None,
        };
        witness.serve();
        witness
    }

    /// Starts it, once more.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn serve(&mut self) {
        let said = self.data.with_extension("witness.json");
        let child = Command::new(&self.binary)
            .args(["witness", "-o", "json", "--data"])
            .arg(&self.data)
            .args(["--listen", &self.address.to_string()])
            .args(["--log", &self.log_key])
            .stdin(Stdio::null())
            .stdout(fs::File::create(&said).expect("a file"))
            .stderr(Stdio::null())
            .spawn()
            .expect("lgsp witness");
        self.child = Some(child);
        let key = wait_for(PATIENCE, || {
            let text = fs::read_to_string(&said).ok()?;
            let object: Value = serde_json::from_str(&text).ok()?;
            object["key"].as_str().map(str::to_owned)
        });
        self.key = key.expect("a key");
        wait_for(PATIENCE, || self.try_page()).expect("a page");
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill");
            child.wait().expect("the end of a killed process");
        }
    }

    fn try_page(&self) -> Option<String> {
        let mut http = Http::new(self.address).with_patience(Duration::from_secs(5));
        let answer = http.call("GET", "/", &[], b"").ok()?;
        (answer.status == 200).then(|| String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Its page for people.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn page(&self) -> String {
        self.try_page().expect("a page")
    }

    /// The setting that names it.
    pub fn setting(&self) -> String {
        format!("{} http://{}", self.key, self.address)
    }

    /// Its address as an entry of the allow-list.
    pub fn allowed(&self) -> String {
        format!("127.0.0.1/32:{}", self.address.port())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What answers with `openssl ts`: RFC 3161 over HTTP, in Python's standard library.
const AUTHORITY: &str = r#"
import http.server, os, subprocess, sys, tempfile
folder = sys.argv[1]
class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        query = self.rfile.read(int(self.headers["content-length"]))
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(query); file.flush()
            out = subprocess.run(["openssl", "ts", "-reply", "-config", folder + "/tsa.cnf", "-queryfile", file.name],
                                 capture_output=True)
        self.send_response(200 if out.returncode == 0 else 500)
        self.send_header("content-type", "application/timestamp-reply")
        self.send_header("content-length", str(len(out.stdout)))
        self.end_headers()
        self.wfile.write(out.stdout)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Authority)
server.serve_forever()
"#;

/// A time-stamp authority.
#[derive(Debug)]
pub struct Authority {
    /// Where it listens.
    pub address: SocketAddr,
    folder: PathBuf,
    child: Option<Child>,
}

impl Authority {
    /// Makes key and certificate and serves; says why not where OpenSSL or Python are missing.
    ///
    /// # Errors
    /// What is missing.
    pub fn start(folder: &Path) -> Result<Self, String> {
        for program in ["openssl", "python3"] {
            let probe = Command::new(program).arg("version").output();
            if probe.is_err() {
                return Err(format!("{program} is not installed"));
            }
        }
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let made = Command::new("openssl")
            .args([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            ])
            .args(["-subj", "/CN=Test time-stamp authority"])
            .args(["-addext", "extendedKeyUsage=critical,timeStamping"])
            .args(["-addext", "keyUsage=critical,digitalSignature"])
            .arg("-keyout")
            .arg(folder.join("tsa.key"))
            .arg("-out")
            .arg(folder.join("tsa.pem"))
            .output()
            .map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        let place = folder.display();
        let settings = format!(
            "[tsa]\ndefault_tsa = t\n[t]\nserial = {place}/serial\nsigner_cert = {place}/tsa.pem\nsigner_key = {place}/tsa.key\n\
             signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\naccuracy = secs:1\nordering = no\n\
             tsa_name = no\ness_cert_id_chain = no\ness_cert_id_alg = sha256\n"
        );
        fs::write(folder.join("tsa.cnf"), settings).map_err(|error| error.to_string())?;
        fs::write(folder.join("tsa.py"), AUTHORITY).map_err(|error| error.to_string())?;
        let mut authority = Self {
            address: free_address(),
            folder: folder.to_path_buf(),
            child: None,
        };
        authority.serve();
        Ok(authority)
    }

    /// Serves, once more.
    ///
    /// # Panics
    /// If it does not listen.
    pub fn serve(&mut self) {
        let child = Command::new("python3")
            .arg(self.folder.join("tsa.py"))
            .arg(&self.folder)
            .arg(self.address.port().to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3");
        self.child = Some(child);
        wait_for(PATIENCE, || std::net::TcpStream::connect(self.address).ok())
            .expect("the authority listens");
    }

    /// Takes it away.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("kill");
            child.wait().expect("the end of a killed process");
        }
    }

    /// Its address as the platform calls it.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Its certificate.
    pub fn certificate(&self) -> String {
        self.folder.join("tsa.pem").display().to_string()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.kill();
    }
}
