//! Says hello by `wasi:http` 0.3, with bindings of its own: what a component built elsewhere looks like.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package example:hello;

        world hello {
            import wasi:http/types@0.3.0;
            export wasi:http/handler@0.3.0;
        }
    ",
    world: "example:hello/hello",
    generate_all,
});

use exports::wasi::http0_3_0::handler::Guest;
use wasi::http0_3_0::types::{ErrorCode, Fields, Request, Response};

struct Hello;

export!(Hello);

impl Guest for Hello {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        let text = format!("Hello from wasi:http 0.3! You asked for {path}.\n");

        let content_type = ("content-type".to_owned(), b"text/plain; charset=utf-8".to_vec());
        let headers = Fields::from_list(&[content_type]).expect("the header is valid");
        let (mut body, contents) = wit_stream::new();
        let (_no_trailers, trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(headers, Some(contents), trailers);
        wit_bindgen::spawn_local(async move {
            // What is left unwritten, the client did not want.
            let _unwanted = body.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}
