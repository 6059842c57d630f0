//! The photograph that thumbnails are made of: the same in each run, and as large as one of a telephone.

use crate::error::Error;
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageReader, Rgb, RgbImage};
use std::io::Cursor;

const SIZE: (u32, u32) = (1600, 1200);
/// The longest side of a thumbnail is 200 pixels: <https://pillow.readthedocs.io/en/stable/reference/Image.html#PIL.Image.Image.thumbnail>.
const THUMBNAIL: (u32, u32) = (200, 150);
/// What cameras use, of 100.
const QUALITY: u8 = 90;

/// Draws it, as a JPEG.
///
/// # Errors
/// If it can't be written, which is a defect.
pub(super) fn photo() -> Result<Bytes, Error> {
    of_size(SIZE.0, SIZE.1)
}

/// Whether a file is a JPEG of the size that was asked for.
pub(super) fn is_thumbnail(file: &[u8]) -> bool {
    let reader = ImageReader::with_format(Cursor::new(file), image::ImageFormat::Jpeg);
    reader.into_dimensions().is_ok_and(|size| size == THUMBNAIL)
}

pub(super) fn of_size(width: u32, height: u32) -> Result<Bytes, Error> {
    let picture = RgbImage::from_fn(width, height, colour);
    let mut file = Vec::new();
    let written = JpegEncoder::new_with_quality(&mut file, QUALITY).encode_image(&picture);
    written.map_err(|error| Error::Bug(format!("a picture: {error}")))?;
    Ok(file.into())
}

/// Slopes from edge to edge, discs with an edge, and the grain that makes a photograph as large as it is.
fn colour(x: u32, y: u32) -> Rgb<u8> {
    let disc = |size: u32| {
        let (across, down) = ((x % size).abs_diff(size / 2), (y % size).abs_diff(size / 2));
        if across * across + down * down < size * size / 9 { 60 } else { 0 }
    };
    let grain = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77);
    let grain = (grain ^ (grain >> 15)).wrapping_mul(0x2c1b_3c6d) >> 28;
    let of = |slope: u32, disc: u32| u8::try_from((slope + disc + grain).min(255)).unwrap_or(u8::MAX);
    Rgb([of(x / 10, disc(400)), of(y / 10, disc(300)), of((x + y) / 20, disc(170))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_photo_is_the_same_each_time_and_has_a_few_hundred_kilobytes() {
        let photo = photo().expect("a picture");
        assert_eq!(photo, super::photo().expect("a picture"));
        assert!((200_000..800_000).contains(&photo.len()), "{} bytes", photo.len());
    }
}
