//! Does by `wasi:http` 0.2 what no SDK lets a function do: a fixture of the tests.

use wasip2::http::types::{ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

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

/// Answers with a body that it neither writes nor ends.
fn keep(answer: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the body is taken once");
    ResponseOutparam::set(answer, Ok(response));
    std::mem::forget(body.write());
    std::mem::forget(body);
    std::thread::sleep(std::time::Duration::from_secs(1000));
}
