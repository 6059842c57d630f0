//! Pictures for the examples that make smaller ones: their colours tell how they are turned. And what only looks like one.

use flate2::Crc;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder as _, ImageFormat, Rgba, RgbaImage};
use std::io::Cursor;

/// An image of four quarters: red and green above, blue and nothing below.
pub(super) fn quarters(width: u32, height: u32) -> DynamicImage {
    RgbaImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgba([255, 0, 0, 255]),
        (false, true) => Rgba([0, 255, 0, 255]),
        (true, false) => Rgba([0, 0, 255, 255]),
        (false, false) => Rgba([0, 0, 0, 0]),
    })
    .into()
}

/// Which colour is in the middle of each quarter: rather red, green, blue, or none of them.
pub(super) fn colours(image: &DynamicImage) -> String {
    let image = image.to_rgb8();
    let (right, below) = (image.width() * 3 / 4, image.height() * 3 / 4);
    let (left, above) = (image.width() / 4, image.height() / 4);
    let places = [(left, above), (right, above), (left, below), (right, below)];
    let name = |(x, y)| match image.get_pixel(x, y).0.map(|value| value > 128) {
        [true, false, false] => 'r',
        [false, true, false] => 'g',
        [false, false, true] => 'b',
        _ => '-',
    };
    places.map(name).iter().collect()
}

pub(super) fn png(image: &DynamicImage) -> Vec<u8> {
    let mut written = Cursor::new(Vec::new());
    image.write_to(&mut written, ImageFormat::Png).expect("a PNG");
    written.into_inner()
}

/// A JPEG whose camera was held like this, in the numbers of Exif.
pub(super) fn jpeg(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut written = Vec::new();
    let mut encoder = JpegEncoder::new(&mut written);
    // Little endian, one field: the orientation, a short number.
    let exif = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0], &[0; 4]].concat();
    encoder.set_exif_metadata(exif).expect("Exif");
    image.to_rgb8().write_with_encoder(encoder).expect("a JPEG");
    written
}

/// The head of a small PNG that says that it is huge.
pub(super) fn bomb() -> Vec<u8> {
    let mut png = png(&quarters(8, 8));
    png[16..24].copy_from_slice(&[0, 0, 0x4a, 0x38, 0, 0, 0x4a, 0x38]);
    let mut sum = Crc::new();
    sum.update(&png[12..29]);
    png[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    png
}
