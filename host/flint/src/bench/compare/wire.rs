//! A client of HTTP/1.1 that costs little, so that the machine is left to those who answer: what it asks is written out before,
//! and of an answer it makes no more than it takes to find its end (<https://www.rfc-editor.org/rfc/rfc9112#section-6.3>).

use bytes::Bytes;
use std::io;
use std::net::SocketAddr;
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
            if let Some(answer) = parse(&self.buffer)? {
                return Ok(answer.status);
            }
            if self.buffer.len() > ANSWER_MAX {
                return Err(io::Error::other("the answer is too long"));
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
