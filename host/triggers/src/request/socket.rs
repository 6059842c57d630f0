//! A client's socket that notes when bytes come and go, and can look at the first of them.

use super::activity::Activity;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// What a client of HTTP/2 says first (RFC 9113, section 3.4).
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes of a connection say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greeting {
    /// HTTP/2, by prior knowledge.
    Http2,
    /// HTTP/1, or something that is none.
    Http1,
    /// Nothing was said.
    Gone,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    activity: Arc<Activity>,
    /// Bytes that were looked at and are to be read yet.
    looked_at: [u8; PREFACE.len()],
    read: usize,
    taken: usize,
    /// There once this side is closed, and the client may still be sending.
    linger: Option<Linger>,
}

/// What a client still sends is read and forgotten for a moment: else the system answers it with a reset, upon which the client may
/// lose the answer that says why (RFC 9112, section 9.6).
#[derive(Debug)]
struct Linger {
    end: Pin<Box<Sleep>>,
    left: usize,
}

/// How long a client that was answered early is listened to.
const LINGER_TIME: Duration = Duration::from_secs(1);
/// How much of what it sends is read: enough for what is on its way of a body that is a little too large.
const LINGER_SIZE: usize = 16 << 20;

impl Linger {
    fn new() -> Self {
        Self { end: Box::pin(sleep(LINGER_TIME)), left: LINGER_SIZE }
    }

    /// Reads until nothing comes any more, or it is enough.
    fn poll(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 4096];
        while self.end.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer));
            let count = buffer.filled().len();
            if read.is_err() || count == 0 || count >= self.left {
                break;
            }
            self.left -= count;
        }
        Poll::Ready(())
    }
}

impl Socket {
    pub(super) fn new(stream: TcpStream, activity: Arc<Activity>) -> Self {
        Self { stream, activity, looked_at: [0; PREFACE.len()], read: 0, taken: 0, linger: None }
    }

    /// Looks at the first bytes, as many as tell which version of HTTP it is. They are read again.
    pub(super) fn poll_greeting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Greeting>> {
        loop {
            let mut buffer = ReadBuf::new(&mut self.looked_at[self.read..]);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let more = buffer.filled().len();
            self.read += more;
            if more > 0 {
                self.activity.received();
            }
            return Poll::Ready(Ok(match (more, self.read) {
                (0, 0) => Greeting::Gone,
                (0, _) => Greeting::Http1,
                _ if !PREFACE.starts_with(&self.looked_at[..self.read]) => Greeting::Http1,
                (_, read) if read == PREFACE.len() => Greeting::Http2,
                _ => continue,
            }));
        }
    }

    /// Whether the client has said its last word, or was cut off. What the system noted; asks it nothing.
    fn is_over(&self) -> bool {
        let ready = pin!(self.stream.ready(Interest::READABLE)).poll(&mut Context::from_waker(Waker::noop()));
        matches!(ready, Poll::Ready(ready) if ready.as_ref().map_or(true, |ready| ready.is_read_closed()))
    }

    fn note(&self, sent: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &sent {
            Poll::Ready(Ok(_)) => self.activity.sent(),
            Poll::Pending => self.activity.blocked(),
            Poll::Ready(Err(_)) => {}
        }
        sent
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.activity.wants_reset() {
            // If it fails, the client sees an end instead of a reset: nothing else can be done for it.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let has_looked = self.taken < self.read;
        if has_looked {
            let left = &self.looked_at[self.taken..self.read];
            let count = left.len().min(buffer.remaining());
            buffer.put_slice(&left[..count]);
            self.taken += count;
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        // What came behind the bytes that were looked at comes with them: for the rest of a head hyper makes its buffer twice as large.
        if has_looked { Poll::Ready(Ok(())) } else { read }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note(sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note(sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper reads a body when the function does, and else would not see that nobody is there any more. But it flushes
        // whenever it is polled.
        if self.activity.has_unread_body() && self.is_over() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.activity.leaves_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        this.linger.get_or_insert_with(Linger::new).poll(&mut this.stream, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A connection whose client said this, which was looked at.
    async fn looked_at(said: &[u8]) -> (TcpStream, Socket) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let mut client = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
        let (stream, _) = listener.accept().await.expect("a connection");
        client.write_all(said).await.expect("it is sent");
        let mut socket = Socket::new(stream, Arc::new(Activity::new()));
        let greeting = poll_fn(|cx| socket.poll_greeting(cx)).await.expect("a greeting");
        assert_eq!(greeting, Greeting::Http1);
        (client, socket)
    }

    #[tokio::test]
    async fn what_was_looked_at_is_read_again_with_what_came_behind_it() {
        const HEAD: &[u8] = b"GET /some/where HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let (_client, mut socket) = looked_at(HEAD).await;
        let mut read = [0; 100];
        let count = socket.read(&mut read).await.expect("a head");
        assert_eq!(read[..count], *HEAD, "all of it at once");
    }

    #[tokio::test]
    async fn nothing_is_waited_for_behind_what_was_looked_at() {
        let (mut client, mut socket) = looked_at(b"GET / HT").await;
        let mut read = [0; 100];
        assert_eq!(socket.read(&mut read[..3]).await.expect("a part of it"), 3);
        assert_eq!(socket.read(&mut read[3..]).await.expect("the rest of it"), 5);
        assert_eq!(read[..8], *b"GET / HT");
        client.write_all(b"TP").await.expect("it is sent");
        assert_eq!(socket.read(&mut read).await.expect("more"), 2);
        client.shutdown().await.expect("it is closed");
        assert_eq!(socket.read(&mut read).await.expect("the end"), 0);
    }
}
