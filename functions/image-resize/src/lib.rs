//! A step of the image workflow: makes a smaller picture of one that is in a bucket.
//!
//! What a picture is, its bytes say, not its name. It is decoded within bounds, since whoever may upload may also upload a small
//! file that becomes a huge picture. The same step again writes the same bytes under the same key.

use std::io::Cursor;

use flint_sdk::blob::{self, Put};
use flint_sdk::prelude::*;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use serde::{Deserialize, Serialize};

/// The largest file that is read, in bytes.
const FILE_MAX: u64 = 32 << 20;

/// The longest side of a picture, in pixels.
const SIDE_MAX: u32 = 20_000;

/// What a picture may take when it is decoded, in bytes: 40 megapixels of a photograph. A decoder may take three times as much,
/// which the memory of the function has room for.
const DECODED_MAX: u64 = 128 << 20;

/// What is asked for.
#[derive(Debug, Deserialize)]
struct Order {
    bucket: String,
    key: String,
    /// In pixels. A picture that is not wider stays as wide as it is.
    width: u32,
}

/// What was made, in the bucket `pictures-small`.
#[derive(Debug, Serialize)]
struct Small {
    key: String,
    width: u32,
    height: u32,
    bytes: usize,
}

/// Answers `{"key": …, "width": …, "height": …, "bytes": …}`.
#[flint_sdk::invoke]
async fn image_resize(order: Order) -> Result<Small, Failure> {
    if order.width == 0 {
        return Err(Failure::new("InvalidWidth", "a picture is at least one pixel wide").never());
    }
    let Some(picture) = blob::open(&order.bucket).get(&order.key).await? else {
        return Err(Failure::new("NoSuchPicture", format!("there is no {} in {}", order.key, order.bucket)).never());
    };
    if picture.info.size > FILE_MAX {
        return Err(not_a_picture(format!("a file of {} bytes is too large", picture.info.size)));
    }
    let content = picture.content.bytes().await?;
    let (small, format) = shrink(&content, order.width).map_err(|error| not_a_picture(error.to_string()))?;
    let mut file = Cursor::new(Vec::new());
    small.write_to(&mut file, format).map_err(|error| not_a_picture(error.to_string()))?;
    let file = file.into_inner();
    // One picture may be made in several sizes.
    let key = format!("{}/{}", order.width, order.key);
    let made = Small { key, width: small.width(), height: small.height(), bytes: file.len() };
    let put = Put::new().content_type(format.to_mime_type()).metadata("of", picture.info.etag);
    blob::open("pictures-small").put(&made.key, file, put).await?;
    Ok(made)
}

/// Makes the smaller picture, turned as the camera was held, and says in which format it came.
fn shrink(content: &[u8], width: u32) -> Result<(DynamicImage, ImageFormat), ImageError> {
    let format = image::guess_format(content)?;
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(DECODED_MAX);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    // What the picture itself takes, the decoder does not count.
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    let small = if picture.width() <= width { picture } else { picture.thumbnail(width, u32::MAX) };
    Ok((small, format))
}

/// The same bytes are never a picture later.
fn not_a_picture(message: String) -> Failure {
    Failure::new("NotAPicture", message).never()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what is made of a grey picture.
    fn made(format: ImageFormat, (width, height): (u32, u32), wanted: u32) -> (u32, u32) {
        let mut file = Cursor::new(Vec::new());
        DynamicImage::new_luma8(width, height).write_to(&mut file, format).expect("a picture");
        let (small, same) = shrink(file.get_ref(), wanted).expect("a smaller picture");
        assert_eq!(same, format);
        (small.width(), small.height())
    }

    #[test]
    fn a_picture_is_made_as_wide_as_wanted_but_never_wider_than_it_is() {
        assert_eq!(made(ImageFormat::Png, (400, 300), 100), (100, 75));
        assert_eq!(made(ImageFormat::Jpeg, (300, 900), 100), (100, 300));
        assert_eq!(made(ImageFormat::Png, (40, 30), 100), (40, 30));
        assert_eq!(made(ImageFormat::Png, (1000, 1), 10), (10, 1));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for content in [&b""[..], b"# readme", b"\x89PNG\r\n\x1a\n"] {
            assert!(shrink(content, 100).is_err(), "{content:?}");
        }
    }
}
