//! A plain blocking HTTP/1.1 client: a stranger that shares no code with the server.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What the server said.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header fields, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The stable code of a problem document.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// One client with at most one connection, which is kept open between calls.
#[derive(Debug)]
pub struct Http {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
    patience: Duration,
}

impl Http {
    /// A client of this server.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
            patience: Duration::from_secs(30),
        }
    }

    /// Waits at most this long for an answer.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// No connection, a reset, silence: the outcome is unknown.
    pub fn call(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        self.call_streaming(method, path, fields, body.len() as u64, |out| {
            out.write_all(body)
        })
    }

    /// Like [`Http::call`] with a body of known length that is written piece by piece.
    ///
    /// # Errors
    /// As for [`Http::call`].
    pub fn call_streaming(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body_bytes: u64,
        write_body: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => {
                let stream = TcpStream::connect_timeout(&self.address, self.patience)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(self.patience))?;
                stream.set_write_timeout(Some(self.patience))?;
                BufReader::with_capacity(64 * 1024, stream)
            }
        };
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {body_bytes}\r\n",
            self.address
        );
        for (name, value) in fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let stream = connection.get_mut();
        stream.write_all(head.as_bytes())?;
        // A server may refuse before it has read everything; its answer counts, not the broken pipe.
        let written = write_body(stream);
        let answer =
            read_answer(&mut connection).map_err(|error| written.err().unwrap_or(error))?;
        if answer.field("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn read_answer(from: &mut impl BufRead) -> io::Result<Answer> {
    loop {
        let status: u16 = read_line(from)?
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| invalid("status line"))?;
        let mut fields = Vec::new();
        loop {
            let line = read_line(from)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| invalid("field"))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status == 100 {
            continue;
        }
        let mut answer = Answer {
            status,
            fields,
            body: Vec::new(),
        };
        if answer.field("transfer-encoding") == Some("chunked") {
            answer.body = read_chunks(from)?;
        } else if let Some(length) = answer.field("content-length") {
            let length: usize = length.parse().map_err(|_| invalid("content-length"))?;
            answer.body = vec![0; length];
            from.read_exact(&mut answer.body)?;
        }
        return Ok(answer);
    }
}

fn read_chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(from)?;
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| invalid("chunk"))?;
        let start = body.len();
        body.resize(start + size, 0);
        from.read_exact(&mut body[start..])?;
        if !read_line(from)?.is_empty() {
            return Err(invalid("chunk end"));
        }
        if size == 0 {
            return Ok(body);
        }
    }
}
