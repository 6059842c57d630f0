//! Sends the request's body back as it comes: streaming both ways, with back-pressure and trailers.
//!
//! The body is handed to the host as it was received, so its bytes never enter the function's memory. `?upper` reads each
//! piece and writes it in capitals, to show how that is done.

use flint_sdk::http::header;
use flint_sdk::prelude::*;

#[flint_sdk::http]
async fn echo(request: Request) -> Response {
    let shout = request.query_param("upper").is_some();
    // Trailers have to be announced: a server sends no others.
    let kept = [header::CONTENT_TYPE, header::TRAILER].map(|name| (request.headers().get(&name).cloned(), name));
    let body = request.into_body();
    let mut response = Response::new(if shout { upper(body) } else { body });
    for (value, name) in kept {
        response.headers_mut().extend(value.map(|value| (name, value)));
    }
    response
}

/// The same body in capitals, one piece at a time: only as fast as the client takes them.
fn upper(mut body: Body) -> Body {
    let (mut sender, answer) = Body::channel();
    flint_sdk::spawn(async move {
        while let Ok(Some(piece)) = body.chunk().await {
            if sender.send(piece.to_ascii_uppercase()).await.is_err() {
                return; // The client is gone.
            }
        }
        // An incomplete request becomes an incomplete answer: the sender is dropped unfinished.
        match body.trailers().await {
            Ok(Some(trailers)) => sender.finish_with_trailers(trailers),
            Ok(None) => sender.finish(),
            Err(error) => log::warn!("the request broke off", error = error.to_string()),
        }
    });
    answer
}
