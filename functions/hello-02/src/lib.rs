//! Says hello by `wasi:http` 0.2, as components built elsewhere do.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Hello;

wasip2::http::proxy::export!(Hello);

impl wasip2::exports::http::incoming_handler::Guest for Hello {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let text = format!("Hello from wasi:http 0.2! You asked for {path}.\n");

        let headers = Fields::new();
        let content_type = b"text/plain; charset=utf-8".to_vec();
        headers.set("content-type", &[content_type]).expect("the header is valid");
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(answer, Ok(response));

        let stream = body.write().expect("the stream is taken once");
        for piece in text.as_bytes().chunks(4096) {
            if stream.blocking_write_and_flush(piece).is_err() {
                return; // The client is gone.
            }
        }
        drop(stream);
        // Fails when the client is gone.
        let _unwanted = OutgoingBody::finish(body, None);
    }
}
