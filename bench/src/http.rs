//! Just enough HTTP/1.1 over one kept connection: the counterpart of [`crate::amqp`].

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const READ_BUFFER_BYTES: usize = 256 * 1024;
/// Bodies above this go out in a second write instead of being copied behind the head.
const COPIED_BODY_BYTES_MAX: usize = 16 * 1024;

/// One connection that is kept open.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    out: Vec<u8>,
    line: Vec<u8>,
    /// The body of the last answer.
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// Connects to a port of this machine.
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::with_capacity(READ_BUFFER_BYTES, stream),
            host: format!("127.0.0.1:{port}"),
            out: Vec::new(),
            line: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Sends a request and reads the answer's body into `self.body`; an answer other than 2xx is an error.
    ///
    /// `headers` are whole lines, each ending in CR LF.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<()> {
        self.start(method, path, headers, body.len() as u64);
        if body.len() <= COPIED_BODY_BYTES_MAX {
            self.out.extend_from_slice(body);
            self.stream.get_mut().write_all(&self.out).await?;
        } else {
            let stream = self.stream.get_mut();
            stream.write_all(&self.out).await?;
            stream.write_all(body).await?;
        }
        self.answer(method, path).await
    }

    /// Writes the head of a request whose `length` bytes of body follow through [`Connection::push`].
    pub(crate) async fn begin(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        length: u64,
    ) -> Result<()> {
        self.start(method, path, headers, length);
        Ok(self.stream.get_mut().write_all(&self.out).await?)
    }

    /// Writes a piece of the body.
    pub(crate) async fn push(&mut self, piece: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(piece).await?)
    }

    fn start(&mut self, method: &str, path: &str, headers: &str, length: u64) {
        self.out.clear();
        self.out.extend_from_slice(
            format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n{headers}\r\n",
                self.host
            )
            .as_bytes(),
        );
    }

    /// Reads an answer whole; see [`Connection::call`].
    pub(crate) async fn answer(&mut self, method: &str, path: &str) -> Result<()> {
        let (status, length) = self.head().await?;
        self.body.clear();
        match length {
            Some(length) => {
                self.body.resize(usize::try_from(length)?, 0);
                self.stream.read_exact(&mut self.body).await?;
            }
            None => self.chunks(None).await.map(drop)?,
        }
        ensure!(
            (200..300).contains(&status),
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&self.body)
        );
        Ok(())
    }

    /// Reads an answer's body without keeping it and says how long it was.
    pub(crate) async fn answer_discarded(&mut self) -> Result<u64> {
        let (status, length) = self.head().await?;
        ensure!((200..300).contains(&status), "HTTP {status}");
        let mut piece = vec![0; READ_BUFFER_BYTES];
        let Some(length) = length else {
            return self.chunks(Some(&mut piece)).await;
        };
        let mut left = length;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let got = self
                .stream
                .read(piece.get_mut(..want).context("buffer")?)
                .await?;
            ensure!(got > 0, "the answer ends early");
            left -= got as u64;
        }
        Ok(length)
    }

    /// Status, and the length unless the body is chunked; interim answers are skipped.
    async fn head(&mut self) -> Result<(u16, Option<u64>)> {
        loop {
            let status: u16 = self
                .next_line()
                .await?
                .split(' ')
                .nth(1)
                .context("no status line")?
                .parse()?;
            let mut length = Some(0);
            loop {
                let line = self.next_line().await?;
                if line.is_empty() {
                    break;
                }
                let Some((name, value)) = line.split_once(':') else {
                    bail!("not a header: {line}");
                };
                if name.eq_ignore_ascii_case("content-length") {
                    length = Some(value.trim().parse()?);
                } else if name.eq_ignore_ascii_case("transfer-encoding") {
                    length = None;
                }
            }
            if status >= 200 {
                return Ok((status, length));
            }
        }
    }

    /// Reads a chunked body, into `self.body` or into a buffer that is overwritten.
    async fn chunks(&mut self, mut discard: Option<&mut Vec<u8>>) -> Result<u64> {
        let mut total = 0;
        loop {
            let line = self.next_line().await?;
            let size = u64::from_str_radix(line.trim(), 16)?;
            if size == 0 {
                self.next_line().await?;
                return Ok(total);
            }
            let size_here = usize::try_from(size)?;
            match discard.as_deref_mut() {
                Some(buffer) => {
                    buffer.resize(size_here.max(buffer.len()), 0);
                    let piece = buffer.get_mut(..size_here).context("buffer")?;
                    self.stream.read_exact(piece).await?;
                }
                None => {
                    let start = self.body.len();
                    self.body.resize(start + size_here, 0);
                    let piece = self.body.get_mut(start..).context("buffer")?;
                    self.stream.read_exact(piece).await?;
                }
            }
            self.next_line().await?;
            total += size;
        }
    }

    async fn next_line(&mut self) -> Result<String> {
        self.line.clear();
        let got = self.stream.read_until(b'\n', &mut self.line).await?;
        ensure!(got > 0, "the server closed the connection");
        let text = std::str::from_utf8(&self.line)?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}
