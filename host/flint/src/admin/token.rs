//! The token that management asks for.
//!
//! If the configuration names one, every request needs it but those for health. Commands on this machine need not know it: a
//! host makes a second one for its own life, and writes it into its run file, which nobody else of the machine can read. So
//! the token of the configuration is written nowhere.

use flint_model::Secret;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What lets a request in.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Their digests: to compare these tells nobody how much of a guess was right, nor how long the token is.
    digests: Vec<[u8; 32]>,
    local: Option<Secret>,
}

impl Tokens {
    /// Asks for the configured token, or for the one that is made here; for none if none is configured.
    pub(crate) fn new(configured: Option<&Secret>) -> Self {
        let Some(configured) = configured else { return Self { digests: Vec::new(), local: None } };
        let local = random();
        let digests = [configured, &local].map(|token| Sha256::digest(token.expose()).into());
        Self { digests: digests.into(), local: Some(local) }
    }

    /// The one for this machine, if one is asked for.
    pub(crate) fn local(&self) -> Option<&Secret> {
        self.local.as_ref()
    }

    /// Whether a request may come in.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        if self.digests.is_empty() {
            return true;
        }
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(only), None) = (given.next(), given.next()) else { return false };
        let Some(token) = bearer(only.as_bytes()) else { return false };
        let digest: [u8; 32] = Sha256::digest(token).into();
        let right = self.digests.iter().fold(Choice::from(0), |right, known| right | known.ct_eq(&digest));
        bool::from(right)
    }
}

/// The token of `Bearer TOKEN` (RFC 6750, section 2.1; the scheme in any case, RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

fn random() -> Secret {
    Secret::new(const_hex::encode(rand::random::<[u8; 32]>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_token_comes_in() {
        let tokens = Tokens::new(Some(&Secret::new("0123456789abcdef")));
        let local = String::from_utf8(tokens.local().expect("one").expose().to_vec()).expect("text");
        for (values, admitted) in [
            (&["Bearer 0123456789abcdef"][..], true),
            (&["bearer 0123456789abcdef"], true),
            (&[&format!("Bearer {local}")], true),
            (&["Bearer 0123456789abcdeF"], false),
            (&["Bearer 0123456789abcde"], false),
            (&["Bearer "], false),
            (&["Basic 0123456789abcdef"], false),
            (&["0123456789abcdef"], false),
            (&["Bearer 0123456789abcdef", "Bearer 0123456789abcdef"], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().expect("a value"));
            }
            assert_eq!(tokens.admit(&headers), admitted, "{values:?}");
        }
        assert!(Tokens::new(None).admit(&HeaderMap::new()));
        assert!(Tokens::new(None).local().is_none());
        assert_ne!(random(), random());
    }
}
