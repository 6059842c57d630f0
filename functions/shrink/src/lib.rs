//! What the benchmark asks of Lambdas with Pillow or libvips, too: makes a thumbnail of the JPEG that it is sent.
//!
//! A JPEG is stored in waves: its decoder can leave out those that a small picture does not show, which takes a part of the time.

use std::io::Cursor;

use flint_sdk::prelude::*;
use image::{DynamicImage, GrayImage, ImageError, ImageFormat, RgbImage};
use jpeg_decoder::{Decoder, Error, PixelFormat};

/// The longest side of a thumbnail, in pixels.
const SIDE: u16 = 200;

/// The most pixels that a picture may have, in bytes of its colours: 40 megapixels of a photograph.
const DECODED_MAX: usize = 128 << 20;

#[flint_sdk::http(buffered)]
async fn shrink(request: Request) -> Result<Response, Problem> {
    let photo = request.into_body().bytes().await?;
    let picture = decode(&photo).map_err(refused)?;
    let file = thumbnail(picture).map_err(refused)?;
    Ok((StatusCode::OK, [("content-type", "image/jpeg")], file).into_response())
}

/// Decodes it, an eighth as large at best, but not smaller than a thumbnail.
fn decode(photo: &[u8]) -> Result<DynamicImage, Error> {
    let mut decoder = Decoder::new(photo);
    decoder.set_max_decoding_buffer_size(DECODED_MAX);
    let (width, height) = decoder.scale(SIDE, SIDE)?;
    let pixels = decoder.decode()?;
    let picture = match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::RGB24) => RgbImage::from_raw(width.into(), height.into(), pixels).map(DynamicImage::from),
        Some(PixelFormat::L8) => GrayImage::from_raw(width.into(), height.into(), pixels).map(DynamicImage::from),
        _ => None,
    };
    picture.ok_or_else(|| Error::Format("neither in colours nor in grey".to_owned()))
}

/// Makes a picture fit into the square; one that does stays as it is.
fn thumbnail(picture: DynamicImage) -> Result<Vec<u8>, ImageError> {
    let side = u32::from(SIDE);
    let is_small = picture.width() <= side && picture.height() <= side;
    let small = if is_small { picture } else { picture.thumbnail(side, side) };
    let mut file = Cursor::new(Vec::new());
    small.write_to(&mut file, ImageFormat::Jpeg)?;
    Ok(file.into_inner())
}

fn refused(reason: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).code("shrink/no-picture").detail(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the thumbnail of a grey picture.
    fn made(width: u32, height: u32) -> (u32, u32) {
        let mut photo = Cursor::new(Vec::new());
        DynamicImage::new_luma8(width, height).write_to(&mut photo, ImageFormat::Jpeg).expect("a picture");
        let picture = decode(photo.get_ref()).expect("it is one");
        let file = thumbnail(picture).expect("a thumbnail");
        let small = image::load_from_memory(&file).expect("a picture");
        (small.width(), small.height())
    }

    #[test]
    fn a_picture_fits_into_the_square_and_keeps_its_shape() {
        assert_eq!(made(1600, 1200), (200, 150));
        assert_eq!(made(300, 900), (67, 200));
        assert_eq!(made(40, 30), (40, 30));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(decode(b"").is_err() && decode(b"# readme").is_err());
    }
}
