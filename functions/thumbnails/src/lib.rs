//! The pattern *event-driven image processing*: an image that is put into one bucket has a thumbnail in another.
//!
//! What an image is, its bytes say, not its name. It is decoded within bounds, since whoever may upload may also upload a small
//! file that becomes a huge image.

use std::io::Cursor;

use flint_sdk::blob::{self, Event, EventKind, Put};
use flint_sdk::prelude::*;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

/// The longest side of a thumbnail, in pixels.
const SIDE: u32 = 200;

/// The largest file that is read, in bytes.
const FILE_MAX: u64 = 32 << 20;

/// The longest side of an image, in pixels.
const SIDE_MAX: u32 = 20_000;

/// What an image may take, in bytes: 40 megapixels of a photograph. A decoder may take three times as much, which the memory of the
/// function has room for.
const DECODED_MAX: u64 = 128 << 20;

#[flint_sdk::blob]
async fn thumbnail(event: Event) -> Result<(), Failure> {
    let thumbnails = blob::open("thumbnails");
    if let EventKind::Deleted = event.kind {
        thumbnails.delete(&event.key).await?;
        return Ok(());
    }
    // What is there now: if it is another by then, its event follows.
    let Some(photo) = blob::open(&event.bucket).get(&event.key).await? else { return Ok(()) };
    if photo.info.size > FILE_MAX {
        return Err(Failure::new("ImageTooLarge", format!("the file has {} bytes", photo.info.size)).never());
    }
    let content = photo.content.bytes().await?;
    let (thumbnail, format) = shrink(&content).map_err(refused)?;
    let put = Put::new().content_type(format.to_mime_type()).metadata("of", photo.info.etag);
    thumbnails.put(&event.key, thumbnail, put).await?;
    Ok(())
}

/// Makes the thumbnail, in the format that the image has. It is turned as the camera was held, and never larger than the image.
fn shrink(content: &[u8]) -> Result<(Vec<u8>, ImageFormat), ImageError> {
    let format = image::guess_format(content)?;
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(DECODED_MAX);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // What the image itself takes, the decoder does not count.
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let photo = DynamicImage::from_decoder(decoder)?;
    let is_small = photo.width() <= SIDE && photo.height() <= SIDE;
    let mut thumbnail = if is_small { photo } else { photo.thumbnail(SIDE, SIDE) };
    thumbnail.apply_orientation(orientation);
    let mut written = Cursor::new(Vec::new());
    thumbnail.write_to(&mut written, format)?;
    Ok((written.into_inner(), format))
}

/// The same bytes are never an image later.
fn refused(error: ImageError) -> Failure {
    let name = match error {
        ImageError::Limits(_) => "ImageTooLarge",
        _ => "NoImage",
    };
    Failure::new(name, error.to_string()).never()
}
