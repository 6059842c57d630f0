//! HTTP/2 frame by frame: what a client may do that no client's library does.

use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The setting of how much of each answer is taken unasked (RFC 9113, section 6.5.2).
const WINDOW: u16 = 4;

struct Frames(TcpStream);

/// The fields of a request, not compressed.
fn head(method: &str, path: &str) -> Vec<u8> {
    let fields = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "h")];
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    fields.map(|(name, value)| [vec![0], text(name), text(value)].concat()).concat()
}

#[derive(Debug)]
struct Heard {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

impl Frames {
    /// A client that takes so many bytes of each answer unless it says more.
    async fn open(host: &Host, window: u32) -> Self {
        let mut frames = Self(host.connect().await.0);
        frames.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("sent");
        frames.say(SETTINGS, 0, 0, &[&WINDOW.to_be_bytes()[..], &window.to_be_bytes()].concat()).await.expect("sent");
        frames
    }

    async fn say(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.0.write_all(&[&head, payload].concat()).await
    }

    /// Asks, if it still can.
    async fn try_ask(&mut self, stream: u32, path: &str) {
        let _ = self.say(HEADERS, END_STREAM | END_HEADERS, stream, &head("GET", path)).await;
    }

    async fn ask(&mut self, flags: u8, stream: u32, method: &str, path: &str) {
        self.say(HEADERS, flags | END_HEADERS, stream, &head(method, path)).await.expect("sent");
    }

    /// The next frame; none: the connection has ended, in order or not.
    async fn hear(&mut self) -> Option<Heard> {
        let mut head = [0; 9];
        let reading = async {
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).expect("small")];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(payload)
        };
        let payload = timeout(SOON, reading).await.expect("in time")?;
        Some(Heard { kind: head[3], flags: head[4], payload })
    }

    async fn hear_kind(&mut self, kind: u8) -> Heard {
        self.hear_until(kind).await.expect("the connection goes on")
    }

    /// The next frame of a kind; none: the connection has ended.
    async fn hear_until(&mut self, kind: u8) -> Option<Heard> {
        loop {
            let heard = self.hear().await?;
            if heard.kind == kind {
                return Some(heard);
            }
        }
    }

    /// What comes until the connection ends, while a ping is sent again and again.
    async fn ping_to_the_end(&mut self) -> Vec<Heard> {
        let mut heard = Vec::new();
        let begun = Instant::now();
        while self.say(PING, 0, 0, &[7; 8]).await.is_ok() {
            assert!(begun.elapsed() < SOON, "it goes on for ever: {heard:?}");
            match self.hear().await {
                Some(frame) => heard.push(frame),
                None => break,
            }
            sleep(Duration::from_millis(20)).await;
        }
        heard
    }
}

#[tokio::test]
async fn an_answer_that_its_client_leaves_lying_is_held_until_it_is_given_up() {
    for window in [0, 1] {
        let gone = Arc::new(AtomicUsize::new(0));
        let count = gone.clone();
        let limits = limits(|l| l.idle_timeout = Duration::from_millis(300));
        let host = Host::with(limits, SOON, move |_| {
            let held = Counted(count.clone());
            async move {
                let pieces = stream::iter([Ok(Frame::data(Bytes::from(vec![b'x'; 6 << 20])))]);
                // As a buffered answer: its end is known with its only piece.
                frames(pieces.inspect(move |_| _ = &held))
            }
        })
        .await;
        let mut client = Frames::open(&host, window).await;
        for stream in [1, 3, 5] {
            client.ask(END_STREAM, stream, "GET", "/").await;
            client.hear_kind(HEADERS).await;
        }
        assert_eq!(gone.load(SeqCst), 0, "an answer is held by nobody, window {window}");
        for _ in 0..3 {
            client.hear_kind(RST_STREAM).await;
        }
        assert_eq!(gone.load(SeqCst), 3);
    }
}

/// Counts when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[tokio::test]
async fn who_only_pings_or_is_pinged_is_idle() {
    let limits = limits(|l| {
        (l.idle_timeout, l.ping_interval) = (Duration::from_millis(500), Duration::from_millis(100));
    });
    let host = Host::with(limits, SOON, |_| async { text("done") }).await;
    // It answers the host's pings, asks once, and then for nothing.
    let mut quiet = Frames::open(&host, 65_535).await;
    quiet.ask(END_STREAM, 1, "GET", "/").await;
    let begun = Instant::now();
    let mut heard = Vec::new();
    while let Some(frame) = quiet.hear().await {
        if frame.kind == PING && frame.flags & ACK == 0 {
            let _ = quiet.say(PING, ACK, 0, &frame.payload).await;
        }
        assert!(begun.elapsed() < SOON, "it goes on for ever");
        heard.push(frame.kind);
    }
    assert!(heard.contains(&DATA) && heard.contains(&PING) && heard.contains(&GOAWAY), "{heard:?}");
    // It pings without end, also after it was told goodbye.
    let mut loud = Frames::open(&host, 65_535).await;
    loud.ask(END_STREAM, 1, "GET", "/").await;
    let heard = loud.ping_to_the_end().await;
    assert!(heard.iter().any(|frame| frame.kind == GOAWAY), "{heard:?}");
}

#[tokio::test]
async fn an_answer_that_is_still_leaving_is_not_cut_by_a_drain() {
    let host = Host::start(|_| async {
        frames(
            stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(&[b'x'; 16 << 10]))))
                .take(2)
                .chain(stream::once(async { data("end") })),
        )
    })
    .await;
    let mut client = Frames::open(&host, 0).await;
    client.ask(END_STREAM, 1, "GET", "/").await;
    client.hear_kind(HEADERS).await;
    host.shutdown.cancel();
    // It takes the last slices little by little, for longer than one who takes nothing would have.
    let (mut body, mut asked, whole) = (0, 0, (32 << 10) + 3);
    while body < whole {
        if body == asked {
            sleep(Duration::from_millis(200)).await;
            client.say(WINDOW_UPDATE, 0, 1, &2_000_u32.to_be_bytes()).await.expect("the connection goes on");
            asked += 2_000;
        }
        let piece = loop {
            let frame = client.hear().await.unwrap_or_else(|| panic!("cut after {body} bytes"));
            match frame.kind {
                PING if frame.flags & ACK == 0 => client.say(PING, ACK, 0, &frame.payload).await.expect("sent"),
                DATA => break frame,
                _ => {}
            }
        };
        body += piece.payload.len();
    }
    assert_eq!(body, whole);
    assert_eq!(host.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn who_takes_back_every_other_request_is_disconnected() {
    let limits = limits(|l| l.resets_max = 5);
    let host = Host::with(limits, SOON, |request| async move {
        if request.uri().path() == "/quick" {
            return text("done");
        }
        frames(stream::iter([data("begin")]).chain(stream::pending()))
    })
    .await;
    let mut client = Frames::open(&host, 65_535).await;
    let mut taken_back = 0;
    for stream in (1..400).step_by(4) {
        client.try_ask(stream, "/waits").await;
        if client.hear_until(HEADERS).await.is_none() {
            break;
        }
        let _ = client.say(RST_STREAM, 0, stream, &8_u32.to_be_bytes()).await;
        taken_back += 1;
        client.try_ask(stream + 2, "/quick").await;
        if client.hear_until(HEADERS).await.is_none() {
            break;
        }
    }
    assert!((5..20).contains(&taken_back), "{taken_back}");
}

#[tokio::test]
async fn bodies_that_nobody_reads_do_not_hold_up_one_that_somebody_does() {
    let host = Host::start(|request| async move {
        if request.uri().path() == "/waits" {
            std::future::pending::<()>().await;
        }
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        text(if body == "read me" { "done" } else { "other" })
    })
    .await;
    let mut client = Frames::open(&host, 65_535).await;
    // The host's windows hold from then on.
    client.hear_kind(SETTINGS).await;
    client.say(SETTINGS, ACK, 0, &[]).await.expect("sent");
    for stream in [1, 3, 5, 7, 9] {
        client.ask(0, stream, "POST", "/waits").await;
        // As much as it may send ahead.
        for _ in 0..16 {
            client.say(DATA, 0, stream, &[b'x'; 16 << 10]).await.expect("sent");
        }
    }
    client.ask(0, 11, "POST", "/reads").await;
    client.say(DATA, END_STREAM, 11, b"read me").await.expect("sent");
    assert_eq!(client.hear_kind(DATA).await.payload, b"done");
}

#[tokio::test]
async fn an_idle_client_is_told_that_it_gives_way_and_one_that_is_being_answered_does_not() {
    let finish = Arc::new(Notify::new());
    let finished = finish.clone();
    let host = Host::with(limits(|l| l.connections_max = 2), SOON, move |request| {
        let finished = finished.clone();
        async move {
            if request.uri().path() == "/slow" {
                finished.notified().await;
            }
            text("done")
        }
    })
    .await;
    let mut busy = Frames::open(&host, 1 << 16).await;
    busy.ask(END_STREAM, 1, "GET", "/slow").await;
    busy.hear_kind(SETTINGS).await;
    let mut idle = Frames::open(&host, 1 << 16).await;
    idle.ask(END_STREAM, 1, "GET", "/").await;
    idle.hear_kind(DATA).await;
    let mut another = host.connect().await;
    another.send(GET).await;
    idle.hear_kind(GOAWAY).await;
    while idle.hear().await.is_some() {}
    another.read_until("done").await;
    finish.notify_one();
    busy.hear_kind(DATA).await;
}
