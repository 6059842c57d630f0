//! Redis: streams for queues, strings for key-value, each write on the disk before it is answered (`appendfsync always`).
//! Its protocol: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use super::{Program, odd};
use crate::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

/// Starts it; none if it is not on this machine.
pub(in crate::bench) async fn start(program: &Path) -> Result<Option<Program>, Error> {
    let arguments = |address: SocketAddr, folder: &Path| {
        let port = address.port().to_string();
        let words =
            ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", "always"];
        let mut arguments: Vec<String> = words.map(str::to_owned).to_vec();
        arguments.extend(["--dir".to_owned(), folder.display().to_string()]);
        Ok(arguments)
    };
    Program::start(program, arguments).await
}

/// A value of the protocol.
#[derive(Debug)]
pub(in crate::bench) enum Value {
    Text(String),
    List(Vec<Value>),
    None,
}

impl Value {
    pub(in crate::bench) fn list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(in crate::bench) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

/// A connection.
pub(in crate::bench) struct Connection(BufStream<TcpStream>);

impl Connection {
    pub(in crate::bench) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufStream::new(stream)))
    }

    /// Sends commands at once, and reads all their answers.
    pub(in crate::bench) async fn ask(&mut self, commands: &[&[&[u8]]]) -> io::Result<Vec<Value>> {
        for command in commands {
            self.0.write_all(format!("*{}\r\n", command.len()).as_bytes()).await?;
            for word in *command {
                self.0.write_all(format!("${}\r\n", word.len()).as_bytes()).await?;
                self.0.write_all(word).await?;
                self.0.write_all(b"\r\n").await?;
            }
        }
        self.0.flush().await?;
        let mut answers = Vec::with_capacity(commands.len());
        for _ in commands {
            answers.push(self.read().await?);
        }
        Ok(answers)
    }

    async fn read(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        self.0.read_line(&mut line).await?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| odd("nothing"))?;
        let number = || rest.parse::<i64>().map_err(odd);
        match kind {
            "+" | ":" => Ok(Value::Text(rest.to_owned())),
            "$" => match usize::try_from(number()?) {
                Err(_) => Ok(Value::None),
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.0.read_exact(&mut bytes).await?;
                    bytes.truncate(length);
                    Ok(Value::Text(String::from_utf8_lossy(&bytes).into_owned()))
                }
            },
            "*" => {
                let mut items = Vec::new();
                for _ in 0..number()? {
                    items.push(Box::pin(self.read()).await?);
                }
                Ok(Value::List(items))
            }
            _ => Err(odd(line)),
        }
    }
}
