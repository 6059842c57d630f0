//! NATS JetStream: a work queue stream, each message on the disk before it is answered (`sync_interval: always`).
//! Its protocol: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use super::{Program, odd};
use crate::error::Error;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// Starts it; none if it is not on this machine.
pub(in crate::bench) async fn start(program: &Path) -> Result<Option<Program>, Error> {
    let arguments = |address: SocketAddr, folder: &Path| {
        let file = folder.join("nats.conf");
        let store = folder.join("store");
        let text = format!("listen: {address}\njetstream {{ store_dir: {store:?}, sync_interval: always }}\n");
        std::fs::write(&file, text)?;
        Ok(vec!["-c".to_owned(), file.display().to_string()])
    };
    Program::start(program, arguments).await
}

/// A message that came.
#[derive(Debug)]
pub(in crate::bench) struct Message {
    pub(in crate::bench) reply: Option<String>,
    pub(in crate::bench) body: Vec<u8>,
}

/// A connection, with an inbox of its own.
pub(in crate::bench) struct Connection {
    stream: BufStream<TcpStream>,
    inbox: String,
}

impl Connection {
    pub(in crate::bench) async fn open(address: SocketAddr, number: usize) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream: BufStream::new(stream), inbox: format!("inbox.{number}") };
        let hello = format!("CONNECT {{\"verbose\":false,\"headers\":true}}\r\nSUB {} 1\r\n", connection.inbox);
        connection.stream.write_all(hello.as_bytes()).await?;
        connection.stream.flush().await?;
        Ok(connection)
    }

    /// Publishes, to be answered into the inbox; not sent before [`Connection::flush`].
    pub(in crate::bench) async fn publish(&mut self, subject: &str, body: &[u8]) -> io::Result<()> {
        let head = format!("PUB {subject} {} {}\r\n", self.inbox, body.len());
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(body).await?;
        self.stream.write_all(b"\r\n").await
    }

    pub(in crate::bench) async fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().await
    }

    /// Waits for the next message in the inbox.
    pub(in crate::bench) async fn next(&mut self) -> io::Result<Message> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(odd("the end"));
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["MSG", _, _, length] => return self.message(None, 0, length).await,
                ["MSG", _, _, reply, length] => return self.message(Some(reply), 0, length).await,
                ["HMSG", _, _, head, length] => return self.message(None, head.parse().map_err(odd)?, length).await,
                ["HMSG", _, _, reply, head, length] => {
                    return self.message(Some(reply), head.parse().map_err(odd)?, length).await;
                }
                ["PING"] => {
                    self.stream.write_all(b"PONG\r\n").await?;
                    self.stream.flush().await?;
                }
                ["INFO", ..] | ["PONG"] | ["+OK"] => {}
                _ => return Err(odd(line)),
            }
        }
    }

    async fn message(&mut self, reply: Option<&str>, head: usize, length: &str) -> io::Result<Message> {
        let length: usize = length.parse().map_err(odd)?;
        let reply = reply.map(str::to_owned);
        let mut body = vec![0; length + 2];
        self.stream.read_exact(&mut body).await?;
        body.truncate(length);
        Ok(Message { reply, body: body.split_off(head.min(length)) })
    }

    /// Asks and waits for the one answer.
    pub(in crate::bench) async fn ask(&mut self, subject: &str, body: &Value) -> io::Result<Value> {
        self.publish(subject, body.to_string().as_bytes()).await?;
        self.flush().await?;
        let answer = self.next().await?;
        let answer: Value = serde_json::from_slice(&answer.body).map_err(odd)?;
        if answer["error"].is_null() { Ok(answer) } else { Err(odd(answer)) }
    }

    /// Makes the stream, and who pulls from it.
    pub(in crate::bench) async fn prepare(&mut self, max_per_subject: i64, subjects: &str) -> io::Result<()> {
        let policy = if max_per_subject == 1 { "limits" } else { "workqueue" };
        let stream = json!({
            "name": "jobs", "subjects": [subjects], "storage": "file", "retention": policy,
            "max_msgs_per_subject": max_per_subject, "num_replicas": 1, "discard": "old",
        });
        self.ask("$JS.API.STREAM.CREATE.jobs", &stream).await?;
        let consumer = json!({
            "stream_name": "jobs",
            "config": {"durable_name": "workers", "ack_policy": "explicit", "max_ack_pending": 100_000},
        });
        self.ask("$JS.API.CONSUMER.DURABLE.CREATE.jobs.workers", &consumer).await.map(drop)
    }
}
