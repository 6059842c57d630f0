//! The handlers of a container-based Lambda in Rust: AWS's own `lambda_runtime`, which `_HANDLER` tells what it is to do.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, RgbImage};
use jpeg_decoder::Decoder;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};
use std::io::Cursor;

/// The longest side of a thumbnail, in pixels.
const SIDE: u16 = 200;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("_HANDLER")?.as_str() {
        "deposit.handler" => {
            let client = client()?;
            run(service_fn(|event: LambdaEvent<Value>| deposit(&client, event.payload))).await
        }
        "thumbnail.handler" => run(service_fn(async |event: LambdaEvent<Value>| thumbnail(&event.payload))).await,
        _ => run(service_fn(async |event: LambdaEvent<Value>| hello(&event.payload))).await,
    }
}

fn hello(event: &Value) -> Result<String, Error> {
    let name = event["name"].as_str().filter(|name| !name.is_empty()).unwrap_or("world");
    Ok(format!("Hello, {name}!\n"))
}

/// A client of a table on this machine.
fn client() -> Result<Client, Error> {
    let variable = |name: &str| std::env::var(name);
    let keys = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")?))
        .credentials_provider(Credentials::new(keys.0, keys.1, None, None, "environment"))
        .endpoint_url(variable("AWS_ENDPOINT_URL_DYNAMODB")?)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Ok(Client::from_conf(config))
}

async fn deposit(client: &Client, event: Value) -> Result<Value, Error> {
    let user = event["user"].as_str().ok_or("nobody to add to")?;
    let amount = event["amount"].as_i64().ok_or("nothing to add")?;
    let key = AttributeValue::S(user.to_owned());
    let found = client.get_item().table_name("deposits").key("user", key.clone()).send().await?;
    let had = found.item.as_ref().and_then(|item| item.get("total")?.as_n().ok()).map_or(Ok(0), |had| had.parse())?;
    let total: i64 = had + amount;
    let item = client.put_item().table_name("deposits").item("user", key);
    item.item("total", AttributeValue::N(total.to_string())).send().await?;
    Ok(json!({"user": user, "total": total}))
}

fn thumbnail(event: &Value) -> Result<Value, Error> {
    let photo = STANDARD.decode(event["body"].as_str().ok_or("no body")?)?;
    let body = STANDARD.encode(shrink(&photo)?);
    let headers = json!({"content-type": "image/jpeg"});
    Ok(json!({"statusCode": 200, "headers": headers, "isBase64Encoded": true, "body": body}))
}

/// Makes a JPEG fit into the square, decoded no larger than that takes.
fn shrink(photo: &[u8]) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::new(photo);
    let (width, height) = decoder.scale(SIDE, SIDE)?;
    let pixels = RgbImage::from_raw(width.into(), height.into(), decoder.decode()?).ok_or("no picture in colours")?;
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(pixels).thumbnail(SIDE.into(), SIDE.into()).write_to(&mut file, image::ImageFormat::Jpeg)?;
    Ok(file.into_inner())
}
