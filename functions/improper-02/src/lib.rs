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
            "/early" => early(answer),
            "/error" => ResponseOutparam::set(answer, Err(ErrorCode::InternalError(Some("a secret".to_owned())))),
            "/connection" => told(answer, &header("connection", b"close")),
            "/break" => told(answer, &header("x-break", b"a\r\nset-cookie: b")),
            "/status/99" => told(answer, &status(99)),
            "/status/600" => told(answer, &status(600)),
            "/leak" => leak(),
            "/hold" => hold(answer),
            "/orphan" => orphan(),
            "/bytes" => bytes(answer),
            "/keep" => keep(answer),
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

fn status(code: u16) -> String {
    format!("{:?}", OutgoingResponse::new(Fields::new()).set_status_code(code))
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
