//! Signed URLs: what lets anybody read or write one blob for a while. Pure.
//!
//! A URL names method, bucket, key and the moment when it ends, and carries a hash of these four with a secret key: the keyed
//! mode of BLAKE3 (<https://github.com/BLAKE3-team/BLAKE3-specs>, 2.1), which is a message authentication code as it is, so
//! that no construction such as HMAC is needed around it. Each part is hashed behind its length, so that none runs into the
//! next. The key of a blob is a parameter and not a part of the path: clients tidy paths up, and a key may be `..`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flint_model::{BucketName, Timestamp};

use crate::refusal::Invalid;

/// Where signed URLs lead, before the name of the bucket.
pub const SIGNED_PATH: &str = "/_flint/blob/";

/// How long a URL may be good: 7 days.
pub const SIGNED_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long it is good at least: 1 s.
pub const SIGNED_MIN: Duration = Duration::from_secs(1);

/// What a URL allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedMethod {
    /// Reading the blob.
    Get,
    /// Writing it.
    Put,
}

impl SignedMethod {
    /// The word for it in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
        }
    }
}

impl FromStr for SignedMethod {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        match text {
            "get" => Ok(Self::Get),
            "put" => Ok(Self::Put),
            _ => Err(SignatureError::Forged),
        }
    }
}

/// What a URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// What may be done.
    pub method: SignedMethod,
    /// The bucket.
    pub bucket: BucketName,
    /// The key of the blob.
    pub key: String,
    /// From when on it may not be done any more.
    pub expires_at: Timestamp,
}

/// Why a URL is refused. A retry can't help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It was good once.
    #[error("the signed URL has expired")]
    Expired,
    /// Nobody with the key of this host made it, or it was changed.
    #[error("the signature does not fit the URL")]
    Forged,
}

/// Makes signed URLs, and reads them.
pub struct Signer {
    key: [u8; blake3::KEY_LEN],
    base: String,
}

impl Signer {
    /// Signs with a secret key. URLs start with `base`, such as `https://example.com`; if that is empty they are paths.
    pub fn new(key: [u8; blake3::KEY_LEN], base: &str) -> Self {
        Self { key, base: base.trim_end_matches('/').to_owned() }
    }

    /// Makes a URL that ends `expires_in` from now.
    ///
    /// # Errors
    /// [`Invalid::SignedFor`] if that is less than [`SIGNED_MIN`] or more than [`SIGNED_MAX`].
    pub fn url(
        &self,
        now: Timestamp,
        method: SignedMethod,
        bucket: &BucketName,
        key: &str,
        expires_in: Duration,
    ) -> Result<String, Invalid> {
        if !(SIGNED_MIN..=SIGNED_MAX).contains(&expires_in) {
            return Err(Invalid::SignedFor);
        }
        let signed =
            Signed { method, bucket: bucket.clone(), key: key.to_owned(), expires_at: now.saturating_add(expires_in) };
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("key", key)
            .append_pair("method", method.as_str())
            .append_pair("expires", &signed.expires_at.as_millis().to_string())
            .append_pair("signature", &URL_SAFE_NO_PAD.encode(self.hash(&signed).as_bytes()))
            .finish();
        Ok(format!("{}{SIGNED_PATH}{bucket}?{query}", self.base))
    }

    /// Reads a URL: its path behind [`SIGNED_PATH`], and its query. Takes as long whatever the signature is.
    ///
    /// # Errors
    /// [`SignatureError`]; that a URL has expired is only told of one that is not forged.
    pub fn read(&self, now: Timestamp, bucket: &str, query: &str) -> Result<Signed, SignatureError> {
        let forged = SignatureError::Forged;
        let value = |name: &str| {
            let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name);
            let value = values.next().map(|(_, value)| value.into_owned());
            if values.next().is_some() { None } else { value }
        };
        let signed = Signed {
            method: value("method").ok_or(forged)?.parse()?,
            bucket: BucketName::parse(bucket).map_err(|_| forged)?,
            key: value("key").ok_or(forged)?,
            expires_at: value("expires")
                .and_then(|text| text.parse().ok())
                .map(Timestamp::from_millis)
                .ok_or(forged)?,
        };
        let signature = value("signature").and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(forged)?;
        let signature: [u8; blake3::OUT_LEN] = signature.try_into().map_err(|_| forged)?;
        // The hash type of the crate compares in constant time.
        if self.hash(&signed) != blake3::Hash::from_bytes(signature) {
            return Err(forged);
        }
        if signed.expires_at <= now { Err(SignatureError::Expired) } else { Ok(signed) }
    }

    fn hash(&self, signed: &Signed) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        let expires = signed.expires_at.as_millis().to_le_bytes();
        for part in
            [signed.method.as_str().as_bytes(), signed.bucket.as_str().as_bytes(), signed.key.as_bytes(), &expires]
        {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        hasher.finalize()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("base", &self.base).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn bucket() -> BucketName {
        BucketName::parse("uploads").expect("a name")
    }

    fn url(key: &str) -> String {
        Signer::new([7; 32], "").url(NOW, SignedMethod::Get, &bucket(), key, MINUTE).expect("a minute is allowed")
    }

    fn read(now: Timestamp, url: &str) -> Result<Signed, SignatureError> {
        let (bucket, query) = url.strip_prefix(SIGNED_PATH).and_then(|rest| rest.split_once('?')).expect("a query");
        Signer::new([7; 32], "").read(now, bucket, query)
    }

    #[test]
    fn a_url_says_what_was_signed_until_it_ends() {
        for key in ["a", "..", "../../etc/passwd", "a b+c&d=é\u{0}\n", "?#%2e"] {
            let url = url(key);
            let expires_at = NOW.saturating_add(MINUTE);
            let signed = Signed { method: SignedMethod::Get, bucket: bucket(), key: key.to_owned(), expires_at };
            assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
            assert_eq!(read(NOW, &url), Ok(signed), "{key:?}");
            assert_eq!(read(expires_at, &url), Err(SignatureError::Expired), "{key:?}");
        }
    }

    #[test]
    fn whatever_is_changed_is_forged() {
        let good = url("a");
        for (from, to) in [
            ("key=a", "key=b"),
            ("key=a", "key=a&key=a"),
            ("method=get", "method=put"),
            ("method=get", "method=delete"),
            ("uploads", "others"),
            ("expires=1060000", "expires=1060001"),
            ("signature=", "signature=A"),
            ("&signature=", "&none="),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert_eq!(read(NOW, &bad), Err(SignatureError::Forged), "{bad}");
        }
        let other = Signer::new([8; 32], "").url(NOW, SignedMethod::Get, &bucket(), "a", MINUTE).expect("a minute");
        assert_eq!(read(NOW, &other), Err(SignatureError::Forged), "another key");
    }

    #[test]
    fn a_url_is_good_for_a_second_to_seven_days_and_starts_with_the_base() {
        let signer = Signer::new([7; 32], "https://example.com/");
        let sign = |expires_in| signer.url(NOW, SignedMethod::Put, &bucket(), "a", expires_in);
        for wrong in [Duration::ZERO, Duration::from_millis(999), SIGNED_MAX + Duration::from_millis(1)] {
            assert_eq!(sign(wrong), Err(Invalid::SignedFor), "{wrong:?}");
        }
        assert!(sign(SIGNED_MAX).expect("allowed").starts_with("https://example.com/_flint/blob/uploads?"));
    }
}
