//! Images in, thumbnails out: real PNGs and JPEGs, and what is none.

use crate::harness::{Host, Launch, eventually};
use flate2::Crc;
use http::Method;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder as _, ImageFormat, Rgba, RgbaImage};
use std::io::Cursor;

fn put(host: &Host, key: &str, content: Vec<u8>) {
    host.admin().send(Method::PUT, &format!("/v1/buckets/photos/{key}"), &[], content).expect(200);
}

/// The thumbnail, once it is there.
fn thumbnail(host: &Host, key: &str) -> (ImageFormat, DynamicImage) {
    let answer = eventually("a thumbnail", || {
        let answer = host.admin().get(&format!("/v1/buckets/thumbnails/{key}"));
        (answer.status == 200).then_some(answer)
    });
    let format = image::guess_format(&answer.body).expect("a format");
    let listed = host.admin().get(&format!("/v1/buckets/thumbnails?prefix={key}")).expect(200).json();
    assert_eq!(listed["blobs"][0]["content_type"], format.to_mime_type());
    (format, image::load_from_memory_with_format(&answer.body, format).expect("an image"))
}

/// An image of four quarters: red and green above, blue and nothing below.
fn quarters(width: u32, height: u32) -> DynamicImage {
    RgbaImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => Rgba([255, 0, 0, 255]),
        (false, true) => Rgba([0, 255, 0, 255]),
        (true, false) => Rgba([0, 0, 255, 255]),
        (false, false) => Rgba([0, 0, 0, 0]),
    })
    .into()
}

/// Which colour is in the middle of each quarter: rather red, green, blue, or none of them.
fn colours(image: &DynamicImage) -> String {
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

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut written = Cursor::new(Vec::new());
    image.write_to(&mut written, ImageFormat::Png).expect("a PNG");
    written.into_inner()
}

/// A JPEG whose camera was held like this, in the numbers of Exif.
fn jpeg(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut written = Vec::new();
    let mut encoder = JpegEncoder::new(&mut written);
    // Little endian, one field: the orientation, a short number.
    let exif = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0], &[0; 4]].concat();
    encoder.set_exif_metadata(exif).expect("Exif");
    image.to_rgb8().write_with_encoder(encoder).expect("a JPEG");
    written
}

/// The head of a small PNG that says that it is huge.
fn bomb() -> Vec<u8> {
    let mut png = png(&quarters(8, 8));
    png[16..24].copy_from_slice(&[0, 0, 0x4a, 0x38, 0, 0, 0x4a, 0x38]);
    let mut sum = Crc::new();
    sum.update(&png[12..29]);
    png[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    png
}

#[test]
fn a_photo_has_a_thumbnail_of_its_shape_as_long_as_it_is_there() {
    let host = Launch::platform().start();
    put(&host, "wide.png", png(&quarters(640, 320)));
    put(&host, "tall.jpg", jpeg(&quarters(300, 900), 1));
    put(&host, "turned.jpg", jpeg(&quarters(600, 300), 6));
    put(&host, "small", png(&quarters(20, 10)));
    for (key, format, size, seen) in [
        ("wide.png", ImageFormat::Png, (200, 100), "rgb-"),
        ("tall.jpg", ImageFormat::Jpeg, (67, 200), "rgb-"),
        ("turned.jpg", ImageFormat::Jpeg, (100, 200), "br-g"),
        ("small", ImageFormat::Png, (20, 10), "rgb-"),
    ] {
        let (found, image) = thumbnail(&host, key);
        assert_eq!((found, (image.width(), image.height()), &*colours(&image)), (format, size, seen), "{key}");
    }
    let clear = thumbnail(&host, "wide.png").1.to_rgba8().get_pixel(190, 90).0;
    assert_eq!(clear[3], 0, "what one could see through, one can see through: {clear:?}");
    host.flint(["blob", "rm", "photos", "tall.jpg"]).ok();
    eventually("a thumbnail that is gone", || {
        (host.admin().get("/v1/buckets/thumbnails/tall.jpg").status == 404).then_some(())
    });
}

#[test]
fn what_is_no_image_is_given_up_at_once_and_the_rest_goes_on() {
    let host = Launch::platform().start();
    let whole = png(&quarters(400, 400));
    put(&host, "text.png", b"no image at all".to_vec());
    put(&host, "cut.png", whole[..whole.len() / 2].to_vec());
    put(&host, "bomb.png", bomb());
    put(&host, "empty.jpg", Vec::new());
    put(&host, "good.png", whole);
    thumbnail(&host, "good.png");
    let dead = eventually("the dead letters", || {
        let dead = host.admin().get("/v1/queues/bucket%2Fphotos%2Fthumbnails%2Fdead/messages").expect(200).json();
        let dead = dead["messages"].as_array().expect("messages").clone();
        (dead.len() == 4).then_some(dead)
    });
    for (key, name) in
        [("text.png", "NoImage"), ("cut.png", "NoImage"), ("bomb.png", "ImageTooLarge"), ("empty.jpg", "NoImage")]
    {
        let dead = dead.iter().find(|dead| dead["group"] == key).expect("a dead letter");
        let reason = dead["death"]["reason"].as_str().expect("a reason");
        assert!(reason.starts_with(name) && dead["death"]["receive_count"] == 1, "{key}: {dead}");
        let told = &dead["event"]["blob"];
        assert_eq!([&told["bucket"], &told["key"], &told["created"]["key"]], ["photos", key, key], "{dead}");
        host.admin().get(&format!("/v1/buckets/thumbnails/{key}")).expect(404);
    }
}
