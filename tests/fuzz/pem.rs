//! The files of certificates, keys and authorities, whatever is in them.

use crate::{Script, fuzz};
use flint_triggers::request::Tls;
use flint_triggers::request::tls::Options;
use flint_world::Authorities;
use std::fs;
use std::time::Duration;

const PIECES: &[&str] = &[
    "-----BEGIN CERTIFICATE-----\n",
    "-----END CERTIFICATE-----\n",
    "-----BEGIN PRIVATE KEY-----\n",
    "-----END PRIVATE KEY-----\n",
    "-----BEGIN EC PRIVATE KEY-----\n",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "-----BEGIN X509 CRL-----\n",
    "-----BEGIN ",
    "-----END ",
    "-----",
    "MIIB",
    "AAAA",
    "=",
    "\n",
    "\r\n",
    " ",
    "é",
];

/// Makes a file of an input: as it is, if it starts with a space; else one that is right, changed in some places, and pieces.
fn file(input: &[u8], right: &str) -> Vec<u8> {
    if let Some((b' ', rest)) = input.split_first() {
        return rest.to_vec();
    }
    let mut script = Script::of(input);
    let mut file = right.as_bytes().to_vec();
    for _ in 0..script.byte() % 8 {
        let at = usize::from(u16::from_le_bytes([script.byte(), script.byte()])) % file.len().max(1);
        match script.byte() {
            0xff => file.truncate(at),
            0xc0.. => drop(file.splice(at..at, script.choose(PIECES).bytes())),
            // Most of a file is Base64, of which another digit is another certificate.
            what => file.iter_mut().skip(at).take(1).for_each(|byte| *byte = what & 0x7f),
        }
    }
    (0..script.byte() % 8).for_each(|_| file.extend(script.choose(PIECES).bytes()));
    file
}

#[test]
fn any_files_are_certificate_and_key_or_are_refused() {
    let made = rcgen::generate_simple_self_signed(["a".to_owned()]).expect("a certificate");
    let right = (made.cert.pem(), made.signing_key.serialize_pem());
    let folder = tempfile::tempdir().expect("a folder");
    let [certificate, key] = ["certificate", "key"].map(|name| folder.path().join(name));
    let read = || {
        let (certificate, key) = (certificate.clone(), key.clone());
        Tls::new(Options { certificate, key, reload: Duration::MAX, handshake_timeout: Duration::MAX })
    };
    let write = |certificate_is: &[u8], key_is: &[u8]| {
        fs::write(&certificate, certificate_is).and_then(|()| fs::write(&key, key_is)).expect("written");
    };
    write(right.0.as_bytes(), right.1.as_bytes());
    read().expect("they belong together");
    fuzz!("pem", |input| {
        let changed = [&right.0, &right.1].map(|right| file(input, right));
        write(&changed[0], right.1.as_bytes());
        drop(read());
        write(right.0.as_bytes(), &changed[1]);
        drop(read());
        drop(Authorities::default().and(&changed[0]));
    });
}
