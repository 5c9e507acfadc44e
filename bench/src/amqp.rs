//! Just enough AMQP 0-9-1 to publish with confirms and to consume with batch acknowledgements.
//!
//! Written by hand so that the client's share of the two cores is as small for the peer as the HTTP client's is for us: frames are built
//! in one buffer and written with one call, and nothing is copied that need not be.

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

const FRAME_METHOD: u8 = 1;
const FRAME_HEADER: u8 = 2;
const FRAME_BODY: u8 = 3;
const FRAME_HEARTBEAT: u8 = 8;
const FRAME_END: u8 = 0xCE;
const CHANNEL: u16 = 1;
/// Largest frame that we offer; the server's default.
const FRAME_BYTES_MAX: usize = 131_072;
/// Frame type, channel, size and end mark.
const FRAME_OVERHEAD: usize = 8;
const READ_BUFFER_BYTES: usize = 256 * 1024;

/// Class and method numbers of the specification.
type MethodId = (u16, u16);
const CONNECTION_START_OK: MethodId = (10, 11);
const CONNECTION_TUNE_OK: MethodId = (10, 31);
const CONNECTION_OPEN: MethodId = (10, 40);
const CHANNEL_OPEN: MethodId = (20, 10);
const CHANNEL_CLOSE: MethodId = (20, 40);
const QUEUE_DECLARE: MethodId = (50, 10);
const QUEUE_DELETE: MethodId = (50, 40);
const BASIC_QOS: MethodId = (60, 10);
const BASIC_CONSUME: MethodId = (60, 20);
const BASIC_PUBLISH: MethodId = (60, 40);
const BASIC_DELIVER: MethodId = (60, 60);
const BASIC_ACK: MethodId = (60, 80);
const CONFIRM_SELECT: MethodId = (85, 10);

/// Arguments of one method, in wire order.
struct Arguments(Vec<u8>);

impl Arguments {
    fn of(method: MethodId) -> Self {
        Self(Vec::with_capacity(64)).short(method.0).short(method.1)
    }
    fn octet(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }
    fn short(mut self, value: u16) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }
    fn long(mut self, value: u32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }
    fn long_long(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }
    fn short_text(mut self, text: &str) -> Self {
        self.0.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.0.extend_from_slice(text.as_bytes());
        self
    }
    fn long_text(mut self, text: &[u8]) -> Self {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(text);
        self
    }
}

fn put_frame(out: &mut Vec<u8>, kind: u8, channel: u16, payload: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(
        &u32::try_from(payload.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes(),
    );
    out.extend_from_slice(payload);
    out.push(FRAME_END);
}

/// One connection with one channel.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
    payload: Vec<u8>,
}

impl Connection {
    /// Connects as the default user and opens the channel.
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let mut this = Self {
            stream: BufReader::with_capacity(READ_BUFFER_BYTES, stream),
            out: Vec::new(),
            payload: Vec::new(),
        };
        this.stream.get_mut().write_all(b"AMQP\0\0\x09\x01").await?;
        this.expect_method((10, 10)).await?;
        let start_ok = Arguments::of(CONNECTION_START_OK)
            .long(0)
            .short_text("PLAIN")
            .long_text(b"\0guest\0guest")
            .short_text("en_US");
        this.send(0, start_ok).await?;
        this.expect_method((10, 30)).await?;
        let frame_max = u32::try_from(FRAME_BYTES_MAX)?;
        let tune_ok = Arguments::of(CONNECTION_TUNE_OK)
            .short(2047)
            .long(frame_max)
            .short(0);
        this.send(0, tune_ok).await?;
        let open = Arguments::of(CONNECTION_OPEN)
            .short_text("/")
            .short_text("")
            .octet(0);
        this.send(0, open).await?;
        this.expect_method((10, 41)).await?;
        this.call(Arguments::of(CHANNEL_OPEN).short_text(""), (20, 11))
            .await?;
        Ok(this)
    }

    /// Declares a durable quorum queue.
    pub(crate) async fn declare_quorum(&mut self, queue: &str) -> Result<()> {
        let mut table = Vec::new();
        let (key, value) = ("x-queue-type", "quorum");
        table.push(u8::try_from(key.len())?);
        table.extend_from_slice(key.as_bytes());
        table.push(b'S');
        table.extend_from_slice(&u32::try_from(value.len())?.to_be_bytes());
        table.extend_from_slice(value.as_bytes());
        let durable = 2;
        let declare = Arguments::of(QUEUE_DECLARE)
            .short(0)
            .short_text(queue)
            .octet(durable)
            .long_text(&table);
        self.call(declare, (50, 11)).await
    }

    /// Deletes a queue.
    pub(crate) async fn delete_queue(&mut self, queue: &str) -> Result<()> {
        let delete = Arguments::of(QUEUE_DELETE)
            .short(0)
            .short_text(queue)
            .octet(0);
        self.call(delete, (50, 41)).await
    }

    /// Asks for publisher confirms.
    pub(crate) async fn confirm_select(&mut self) -> Result<()> {
        self.call(Arguments::of(CONFIRM_SELECT).octet(0), (85, 11))
            .await
    }

    /// Publishes one persistent message and waits for its confirm: it is then on disk.
    pub(crate) async fn publish(&mut self, queue: &str, body: &[u8]) -> Result<()> {
        let publish = Arguments::of(BASIC_PUBLISH)
            .short(0)
            .short_text("")
            .short_text(queue)
            .octet(0);
        let mut header = Vec::with_capacity(15);
        header.extend_from_slice(&60u16.to_be_bytes());
        header.extend_from_slice(&0u16.to_be_bytes());
        header.extend_from_slice(&(body.len() as u64).to_be_bytes());
        // Only the property delivery-mode is present, and it says persistent.
        header.extend_from_slice(&0x1000u16.to_be_bytes());
        header.push(2);
        self.out.clear();
        put_frame(&mut self.out, FRAME_METHOD, CHANNEL, &publish.0);
        put_frame(&mut self.out, FRAME_HEADER, CHANNEL, &header);
        for part in body.chunks(FRAME_BYTES_MAX - FRAME_OVERHEAD) {
            put_frame(&mut self.out, FRAME_BODY, CHANNEL, part);
        }
        self.stream.get_mut().write_all(&self.out).await?;
        self.expect_method(BASIC_ACK).await
    }

    /// Starts consuming with at most `prefetch` unacknowledged messages.
    pub(crate) async fn consume(&mut self, queue: &str, prefetch: u16) -> Result<()> {
        let qos = Arguments::of(BASIC_QOS).long(0).short(prefetch).octet(0);
        self.call(qos, (60, 11)).await?;
        let consume = Arguments::of(BASIC_CONSUME)
            .short(0)
            .short_text(queue)
            .short_text("bench")
            .octet(0)
            .long(0);
        self.call(consume, (60, 21)).await
    }

    /// The next message: its delivery tag and how many bytes it had.
    pub(crate) async fn next(&mut self) -> Result<(u64, usize)> {
        self.expect_method(BASIC_DELIVER).await?;
        let tag_length = usize::from(*self.payload.get(4).context("short frame")?);
        let tag = self.long_long_at(5 + tag_length)?;
        ensure!(
            self.frame().await? == FRAME_HEADER,
            "a header frame expected"
        );
        let size = usize::try_from(self.long_long_at(4)?)?;
        let mut received = 0;
        while received < size {
            ensure!(self.frame().await? == FRAME_BODY, "a body frame expected");
            received += self.payload.len();
        }
        Ok((tag, received))
    }

    /// Acknowledges everything up to this tag.
    pub(crate) async fn acknowledge(&mut self, tag: u64) -> Result<()> {
        let multiple = 1;
        let ack = Arguments::of(BASIC_ACK).long_long(tag).octet(multiple);
        self.send(CHANNEL, ack).await
    }

    /// Closes the channel; the answer comes behind everything that was sent before, acknowledgements included.
    pub(crate) async fn close(mut self) -> Result<()> {
        let close = Arguments::of(CHANNEL_CLOSE)
            .short(200)
            .short_text("")
            .short(0)
            .short(0);
        self.call(close, (20, 41)).await
    }

    async fn call(&mut self, arguments: Arguments, answer: MethodId) -> Result<()> {
        self.send(CHANNEL, arguments).await?;
        self.expect_method(answer).await
    }

    async fn send(&mut self, channel: u16, arguments: Arguments) -> Result<()> {
        self.out.clear();
        put_frame(&mut self.out, FRAME_METHOD, channel, &arguments.0);
        Ok(self.stream.get_mut().write_all(&self.out).await?)
    }

    async fn expect_method(&mut self, expected: MethodId) -> Result<()> {
        ensure!(
            self.frame().await? == FRAME_METHOD,
            "a method frame expected"
        );
        let method = match self.payload.as_slice() {
            [a, b, c, d, ..] => (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])),
            _ => bail!("a frame without a method"),
        };
        ensure!(
            method == expected,
            "method {expected:?} expected, got {method:?}: {}",
            String::from_utf8_lossy(&self.payload)
        );
        Ok(())
    }

    /// Reads the next frame that is no heartbeat into `payload` and says its kind.
    async fn frame(&mut self) -> Result<u8> {
        loop {
            let kind = self.stream.read_u8().await?;
            let _channel = self.stream.read_u16().await?;
            let size = usize::try_from(self.stream.read_u32().await?)?;
            ensure!(size <= FRAME_BYTES_MAX, "a frame of {size} bytes");
            self.payload.resize(size, 0);
            self.stream.read_exact(&mut self.payload).await?;
            ensure!(
                self.stream.read_u8().await? == FRAME_END,
                "a frame without end"
            );
            if kind != FRAME_HEARTBEAT {
                return Ok(kind);
            }
        }
    }

    fn long_long_at(&self, at: usize) -> Result<u64> {
        let bytes = self.payload.get(at..at + 8).context("short frame")?;
        Ok(u64::from_be_bytes(bytes.try_into()?))
    }
}
