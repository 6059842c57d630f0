//! One connection, byte by byte: what a client library would hide.

use super::{Client, PATIENCE};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

/// A connection, and what came on it and was not read yet.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    /// Opens a connection.
    pub(crate) fn open(client: Client) -> Self {
        let stream = TcpStream::connect(client.address()).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_nodelay(true).expect("set");
        Self { stream, unread: Vec::new() }
    }

    /// The connection itself.
    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends text as it is.
    pub(crate) fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("sent");
    }

    /// Sends the head of a request: its first line and further lines, each without its end.
    pub(crate) fn say_head(&mut self, lines: &[&str]) {
        let (first, rest) = lines.split_first().expect("a request line");
        let rest: String = rest.iter().map(|line| format!("{line}\r\n")).collect();
        self.say(&format!("{first} HTTP/1.1\r\nhost: test\r\n{rest}\r\n"));
    }

    /// Sends a chunk of a body.
    pub(crate) fn say_chunk(&mut self, text: &str) {
        self.say(&format!("{:x}\r\n{text}\r\n", text.len()));
    }

    /// Reads until a text has come, and answers all up to its end.
    #[track_caller]
    pub(crate) fn hear_until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = find(&self.unread, text.as_bytes()) {
                let heard = self.unread.drain(..at + text.len()).collect();
                return String::from_utf8(heard).expect("UTF-8");
            }
            let more = self.read_more().expect("readable");
            assert!(more > 0, "the connection ended before {text:?}: {}", String::from_utf8_lossy(&self.unread));
        }
    }

    /// Reads the head of an answer.
    #[track_caller]
    pub(crate) fn hear_head(&mut self) -> String {
        self.hear_until("\r\n\r\n")
    }

    /// Reads what comes until the other side ends the connection, in order or not.
    pub(crate) fn hear_to_the_end(mut self) -> String {
        loop {
            match self.read_more() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("waited in vain for the end of the connection: {error}"),
            }
        }
        String::from_utf8_lossy(&self.unread).into_owned()
    }

    /// Whether a text has come already, behind what was read.
    pub(crate) fn has_heard(&self, text: &str) -> bool {
        find(&self.unread, text.as_bytes()).is_some()
    }

    /// Whether the other side has said something, or has ended the connection: the answer to who is too slow.
    pub(crate) fn is_ended(&self) -> bool {
        self.stream.set_nonblocking(true).expect("set");
        let read = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).expect("set");
        !matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Ends the connection, in both directions.
    pub(crate) fn hang_up(self) {
        self.stream.shutdown(Shutdown::Both).expect("ended");
    }

    fn read_more(&mut self) -> std::io::Result<usize> {
        let mut piece = [0; 16 << 10];
        let read = self.stream.read(&mut piece)?;
        self.unread.extend_from_slice(&piece[..read]);
        Ok(read)
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
