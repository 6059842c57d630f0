//! A request, from the first byte on its connection to the last of the answer: with the client that sends and reads them.

use crate::callgrind::counted;
use crate::site::{self, Site, TIMES, WARM_UP};
use flint_triggers::request::{self, Door, Endpoint, Limits, Listener, PathPattern, Route, Router};
use flint_world::{Function, World};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

pub(crate) struct Requests {
    client: TcpStream,
    runtime: Runtime,
    _world: World,
    _site: Site,
}

impl Requests {
    pub(crate) fn new() -> Self {
        let (runtime, site) = (site::runtime(), Site::open());
        let (world, function) = runtime.block_on(site::function(site.stores(), "hello-buffered", 2));
        let client = runtime.block_on(async { TcpStream::connect(serve(function).await).await.expect("a connection") });
        let mut requests = Self { client, runtime, _world: world, _site: site };
        requests.ask(WARM_UP);
        requests
    }

    pub(crate) fn run(&mut self) {
        counted(|| self.ask(TIMES));
    }

    fn ask(&mut self, times: u64) {
        let Self { client, runtime, .. } = self;
        let mut answer = [0; 4096];
        runtime.block_on(async {
            for _ in 0..times {
                client.write_all(b"GET /hello HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
                // It is small, and comes in one piece.
                let length = client.read(&mut answer).await.expect("an answer");
                let answer = String::from_utf8_lossy(&answer[..length]);
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            }
        });
    }
}

/// Serves it on every path.
async fn serve(function: Function) -> SocketAddr {
    let path = PathPattern::parse("/{*rest}").expect("a path");
    let route = Route { host: None, methods: None, path, target: Endpoint::new(Arc::new(function)) };
    let door = Arc::new(Door::new(Router::new(vec![route]).expect("one route")));
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::bind(loopback, Limits::default()).await.expect("a free port");
    let address = listener.address();
    tokio::spawn(request::serve(listener, door, CancellationToken::new(), Duration::ZERO));
    address
}
