//! Says how much it was sent: a handler that takes its requests whole, and answers with as much as it is asked to.

use flint_sdk::http::{HeaderName, HeaderValue};
use flint_sdk::prelude::*;

#[flint_sdk::http(buffered)]
async fn digest(request: Request) -> Result<Response, Problem> {
    let asked = |name: &str| request.query_param(name).and_then(|text| text.parse::<usize>().ok());
    let (bytes, headers) = (asked("bytes"), asked("headers").unwrap_or_default());
    let mut answer = match bytes {
        Some(bytes) => "d".repeat(bytes).into_response(),
        None => said(request).await?.into_response(),
    };
    for n in 0..headers {
        let name = HeaderName::try_from(format!("x-{n}")).expect("a name");
        answer.headers_mut().insert(name, HeaderValue::from_static("a header of many"));
    }
    Ok(answer)
}

async fn said(request: Request) -> Result<String, Problem> {
    let body = request.into_body().bytes().await?;
    Ok(format!("{} {:016x}\n", body.len(), fnv1a(&body)))
}

/// FNV-1a, 64 bits: <https://www.rfc-editor.org/rfc/rfc9923>.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
