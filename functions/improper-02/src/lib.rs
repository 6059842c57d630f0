//! Does by `wasi:http` 0.2 what no SDK lets a function do: a fixture of the tests.

use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
};

struct Improper;

wasip2::http::proxy::export!(Improper);

impl wasip2::exports::http::incoming_handler::Guest for Improper {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        match path.trim_start_matches("/improper-02") {
            "/none" => {}
            "/spin" => spin(),
            "/early" => early(answer),
            "/error" => ResponseOutparam::set(answer, Err(ErrorCode::InternalError(Some("a secret".to_owned())))),
            "/connection" => told(answer, &header("connection", b"close")),
            "/break" => told(answer, &header("x-break", b"a\r\nset-cookie: b")),
            "/leak" => leak(),
            "/hold" => hold(answer),
            "/orphan" => orphan(),
            "/bytes" => bytes(answer),
            "/keep" => keep(answer),
            "/twice" => twice(answer),
            "/streams" => streams(answer),
            "/coding" => told(answer, &header("transfer-encoding", b"chunked")),
            path if path.starts_with("/status/") => status(answer, number(&path["/status/".len()..])),
            path if path.starts_with("/answer/") => wrong(answer, &path["/answer/".len()..]),
            other => told(answer, &format!("there is no {other}")),
        }
    }
}

/// Says what became of it.
fn told(answer: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    let _gone = stream.blocking_write_and_flush(text.as_bytes());
    drop(stream);
    let _unwanted = OutgoingBody::finish(body, None);
}

fn header(name: &str, value: &[u8]) -> String {
    format!("{:?}", Fields::new().append(name, value).map_err(|error| error.to_string()))
}

/// Answers with a status, or with what became of it.
fn status(answer: ResponseOutparam, code: usize) {
    let response = OutgoingResponse::new(Fields::new());
    let set = response.set_status_code(u16::try_from(code).unwrap_or_default());
    if set.is_err() {
        return told(answer, &format!("{set:?}"));
    }
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    let _unwanted = OutgoingBody::finish(body, None);
}

/// Announces ten bytes, writes four, and ends.
fn early(answer: ResponseOutparam) {
    let headers = Fields::new();
    headers.append("content-length", b"10").expect("the header is valid");
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    let _gone = stream.blocking_write_and_flush(b"four");
    drop(stream);
}

/// Answers, and answers once more by the handle that it gave away.
fn twice(answer: ResponseOutparam) {
    let handle = answer.take_handle();
    for text in ["the first answer\n", "the second answer\n"] {
        // SAFETY: whose handle it is by now is for the host to find out.
        told(unsafe { ResponseOutparam::from_handle(handle) }, text);
    }
}

/// Takes the stream of a body twice.
fn streams(answer: ResponseOutparam) {
    let body = OutgoingResponse::new(Fields::new()).body().expect("the body is taken once");
    let _first = body.write();
    told(answer, &format!("{:?}", body.write().map(drop)));
}

/// Answers as `LENGTHS/COUNT/BYTES/WRITTEN` says: announces each of the lengths, with so many headers of so many bytes, and a
/// body of so many bytes.
fn wrong(answer: ResponseOutparam, what: &str) {
    let mut parts = what.split('/');
    let mut next = || parts.next().unwrap_or_default();
    let (lengths, count, bytes, written) = (next(), number(next()), number(next()), number(next()));
    let headers = Fields::new();
    let announced = lengths.split(',').filter(|length| !length.is_empty());
    let mut added = announced.map(|length| headers.append("content-length", length.as_bytes())).collect::<Vec<_>>();
    added.extend((0..count).map(|n| headers.append(&format!("x-{n}"), &vec![b'v'; bytes])));
    if let Some(error) = added.into_iter().find_map(Result::err) {
        return told(answer, &format!("refused: {error}"));
    }
    let response = OutgoingResponse::new(headers);
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    let _gone = stream.blocking_write_and_flush(&vec![b'w'; written]);
    drop(stream);
    let _unwanted = OutgoingBody::finish(body, None);
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_default()
}

/// Holds one handle after the other.
fn leak() {
    loop {
        std::mem::forget(Fields::new());
    }
}

/// Writes into the bodies of requests that it never sends, as long as they take something, and keeps the requests.
fn hold(answer: ResponseOutparam) {
    const REQUESTS: usize = 100;
    let piece = vec![b'h'; 1 << 20];
    let (mut kept, mut held) = (Vec::new(), 0);
    for _ in 0..REQUESTS {
        let request = OutgoingRequest::new(Fields::new());
        let body = request.body().expect("the body is taken once");
        let stream = body.write().expect("the stream is taken once");
        while let Ok(room @ 1..) = stream.check_write() {
            let size = piece.len().min(room as usize);
            stream.write(&piece[..size]).expect("there is room");
            held += size;
        }
        kept.push(request);
    }
    told(answer, &format!("{held} bytes\n"));
    std::thread::sleep(std::time::Duration::from_millis(500));
    drop(kept);
}

/// Never comes back.
fn spin() {
    let mut n = 0_u64;
    while std::hint::black_box(n) != u64::MAX {
        n = n.wrapping_add(2);
    }
}

/// Drops a body before the stream that belongs to it, which the standard forbids.
fn orphan() {
    let request = OutgoingRequest::new(Fields::new());
    let body = request.body().expect("the body is taken once");
    let _stream = body.write().expect("the stream is taken once");
    drop(body);
}

/// Sends 20 MB, as fast as they are taken.
fn bytes(answer: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    let stream = body.write().expect("the stream is taken once");
    let (piece, mut left) = (vec![b'b'; 1 << 20], 20_000_000);
    while left > 0 {
        stream.subscribe().block();
        let Ok(room) = stream.check_write() else { return };
        let size = piece.len().min(room as usize).min(left);
        if stream.write(&piece[..size]).is_err() {
            return; // The client is gone.
        }
        left -= size;
    }
    drop(stream);
    let _unwanted = OutgoingBody::finish(body, None);
}

/// Answers with a body that it neither writes nor ends.
fn keep(answer: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    std::mem::forget(body.write());
    std::mem::forget(body);
    std::thread::sleep(std::time::Duration::from_secs(1000));
}
