//! Images in, thumbnails out: real PNGs and JPEGs, and what is none.

use super::picture::{bomb, colours, jpeg, png, quarters};
use crate::harness::{Host, Launch, eventually};
use http::Method;
use image::{DynamicImage, ImageFormat};

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
