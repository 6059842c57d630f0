//! Asks another host by `wasi:http` 0.2, as components built elsewhere do: a fixture of the tests for calls of other hosts.
//!
//! The path is `/ask-02/` and the authority that is asked, then the path that is asked for. `!` before the authority asks by TLS.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingRequest, IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;

struct Ask;

wasip2::http::proxy::export!(Ask);

impl wasip2::exports::http::incoming_handler::Guest for Ask {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let (status, text) = match ask(path.trim_start_matches("/ask-02/")) {
            Ok(asked) => (asked.status(), read(asked)),
            Err(code) => (502, format!("{code:?}").into_bytes()),
        };
        let response = OutgoingResponse::new(Fields::new());
        response.set_status_code(status).expect("a status");
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(answer, Ok(response));
        let stream = body.write().expect("the stream is taken once");
        for piece in text.chunks(4096) {
            if stream.blocking_write_and_flush(piece).is_err() {
                return; // The client is gone.
            }
        }
        drop(stream);
        // Fails when the client is gone.
        let _unwanted = OutgoingBody::finish(body, None);
    }
}

fn ask(url: &str) -> Result<IncomingResponse, ErrorCode> {
    let (scheme, url) = match url.strip_prefix('!') {
        Some(url) => (Scheme::Https, url),
        None => (Scheme::Http, url),
    };
    let (authority, path) = url.split_once('/').unwrap_or((url, ""));
    let request = OutgoingRequest::new(Fields::new());
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(&format!("/{path}"))).map_err(invalid)?;
    let answer = handle(request, None)?;
    answer.subscribe().block();
    answer.get().expect("it is there").expect("it is taken once")
}

fn read(answer: IncomingResponse) -> Vec<u8> {
    let body = answer.consume().expect("the body is taken once");
    let stream = body.stream().expect("the stream is taken once");
    let mut text = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => text.extend(piece),
            Err(StreamError::Closed) => return text,
            Err(error) => return format!("{error:?}").into_bytes(),
        }
    }
}
