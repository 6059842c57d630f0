//! A client of HTTP/1.1 that costs little, so that the machine is left to those who answer: what it asks is written out before,
//! and of an answer it makes no more than it takes to find its end (<https://www.rfc-editor.org/rfc/rfc9112#section-6.3>).

use bytes::Bytes;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The most header lines of an answer.
const HEADERS_MAX: usize = 64;
/// The longest answer, in bytes.
const ANSWER_MAX: usize = 16 << 20;

/// What is read at once of most answers, in bytes.
const BUFFER: usize = 4096;

/// A connection that is kept open.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The same, whose thread waits for what comes: many of them cost no more than their calls of the kernel.
pub(super) struct Blocking {
    stream: std::net::TcpStream,
    buffer: Vec<u8>,
}

/// An answer that came to its end.
#[derive(Debug, PartialEq, Eq)]
struct Answer<'a> {
    status: u16,
    body: Vec<&'a [u8]>,
}

/// Writes out a request.
pub(super) fn get(address: SocketAddr, path: &str) -> Bytes {
    Bytes::from(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"))
}

/// The same, with a body.
pub(super) fn post(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Bytes {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat().into()
}

impl Connection {
    /// # Errors
    /// If nobody listens there.
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER) })
    }

    /// Sends a request, and waits for the whole answer; tells its status.
    ///
    /// # Errors
    /// If the connection breaks, or what comes is no answer.
    pub(super) async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(status) = status(&self.buffer)? {
                return Ok(status);
            }
        }
    }

    /// The body of the last answer.
    ///
    /// # Errors
    /// If there was none.
    pub(super) fn body(&self) -> io::Result<Vec<u8>> {
        let answer = parse(&self.buffer)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(answer.body.concat())
    }
}

impl Blocking {
    /// # Errors
    /// If nobody listens there, or not within that time.
    pub(super) fn open(address: SocketAddr, within: Duration) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect_timeout(&address, within)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(within))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Sends a request, and does not wait for its answer.
    ///
    /// # Errors
    /// If the connection breaks.
    pub(super) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.buffer.clear();
        self.stream.write_all(request)
    }

    /// Waits for the whole answer to what was sent, until a moment; tells its status. One that came before is taken after it, too.
    ///
    /// # Errors
    /// If the connection breaks, what comes is no answer, or nothing comes.
    pub(super) fn answer(&mut self, until: Instant) -> io::Result<u16> {
        let mut piece = [0; BUFFER];
        loop {
            self.wait_no_longer_than(until)?;
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.buffer.extend_from_slice(&piece[..read]),
                // Of a read that has a time-out, a signal is the end, whatever its handler says: `signal(7)` of Linux.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if let Some(status) = status(&self.buffer)? {
                return Ok(status);
            }
        }
    }

    fn wait_no_longer_than(&self, until: Instant) -> io::Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        // No time at all is no time-out that the kernel knows.
        if left.is_zero() { self.stream.set_nonblocking(true) } else { self.stream.set_read_timeout(Some(left)) }
    }
}

/// The status of the answer that bytes hold; none if there have to be more.
fn status(bytes: &[u8]) -> io::Result<Option<u16>> {
    match parse(bytes)? {
        None if bytes.len() > ANSWER_MAX => Err(io::Error::other("the answer is too long")),
        answer => Ok(answer.map(|answer| answer.status)),
    }
}

/// The answer that bytes hold; none if there have to be more.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer<'_>>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(end) = head.parse(bytes).map_err(odd)? else { return Ok(None) };
    let status = head.code.unwrap_or_default();
    let header = |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let rest = &bytes[end..];
    let body = match header("content-length") {
        Some(length) => {
            let length = str::from_utf8(length.value).map_err(odd)?.parse::<usize>().map_err(odd)?;
            rest.get(..length).map(|body| vec![body])
        }
        None if header("transfer-encoding").is_some() => chunks(rest)?,
        None if matches!(status, 204 | 304) => Some(Vec::new()),
        None => return Err(io::Error::other("an answer that only ends with its connection")),
    };
    Ok(body.map(|body| Answer { status, body }))
}

/// The pieces of a body that comes in chunks, without trailers: <https://www.rfc-editor.org/rfc/rfc9112#section-7.1>.
fn chunks(mut rest: &[u8]) -> io::Result<Option<Vec<&[u8]>>> {
    let mut pieces = Vec::new();
    loop {
        let size = httparse::parse_chunk_size(rest).map_err(|_| io::Error::other("a chunk without its size"))?;
        let httparse::Status::Complete((begin, size)) = size else { return Ok(None) };
        let end = usize::try_from(size).ok().and_then(|size| begin.checked_add(size));
        let Some((end, next)) = end.and_then(|end| Some((end, end.checked_add(2)?))) else {
            return Err(io::Error::other("a chunk is too long"));
        };
        if rest.len() < next {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some(pieces));
        }
        pieces.push(&rest[begin..end]);
        rest = &rest[next..];
    }
}

fn odd(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> (u16, Vec<u8>) {
        for end in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..end]).expect("the beginning of an answer"), None, "{end}");
        }
        let answer = parse(text.as_bytes()).expect("an answer").expect("a whole one");
        (answer.status, answer.body.concat())
    }

    #[test]
    fn an_answer_ends_where_its_length_or_its_last_chunk_says() {
        assert_eq!(whole("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"), (200, b"hello".to_vec()));
        assert_eq!(whole("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), (404, Vec::new()));
        assert_eq!(whole("HTTP/1.1 204 No Content\r\n\r\n"), (204, Vec::new()));
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n";
        assert_eq!(whole(chunked), (200, b"hello, world".to_vec()));
    }

    /// A connection, and its other end.
    fn pair() -> (Blocking, std::net::TcpStream) {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let connection = Blocking::open(listener.local_addr().expect("its address"), Duration::from_secs(10));
        (connection.expect("a connection"), listener.accept().expect("its other end").0)
    }

    #[test]
    fn a_thread_waits_for_an_answer_in_pieces_but_not_for_ever() {
        let (mut connection, mut server) = pair();
        let answering = std::thread::spawn(move || {
            let mut request = [0; 5];
            server.read_exact(&mut request).expect("a request");
            for piece in ["HTTP/1.1 202 Accepted\r\ncontent-", "length: 2\r\n\r\no", "k"] {
                server.write_all(piece.as_bytes()).expect("a piece");
                std::thread::sleep(Duration::from_millis(5));
            }
            (request, server)
        });
        connection.send(b"hello").expect("it is sent");
        assert_eq!(connection.answer(Instant::now() + Duration::from_secs(10)).expect("an answer"), 202);
        let (request, _server) = answering.join().expect("the other end");
        assert_eq!(&request, b"hello");
        connection.send(b"again").expect("it is sent");
        let began = Instant::now();
        let late = connection.answer(began + Duration::from_millis(30)).expect_err("nobody answers").kind();
        assert!(matches!(late, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{late}");
        assert!((Duration::from_millis(20)..Duration::from_secs(5)).contains(&began.elapsed()));
    }

    #[test]
    fn an_answer_that_came_before_the_time_was_over_is_taken_after_it() {
        let (mut connection, mut server) = pair();
        server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("an answer");
        assert_eq!(connection.answer(Instant::now()).expect("the answer"), 200);
        connection.send(b"again").expect("it is sent");
        let nothing = connection.answer(Instant::now()).expect_err("no answer");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in [
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        ] {
            parse(text.as_bytes()).expect_err(text);
        }
    }
}
