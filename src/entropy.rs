//! Read first: RFC 6455 §10.3 and §5.3, on why a masking key must be unpredictable.
//!
//! The one place where randomness enters: masking keys and the nonce of the opening handshake.
//! Because it is one place, a lesson or a test can put the keys printed in a book here instead.

use rand::Rng;
use rand::rngs::StdRng;

/// Where a client's masking keys (§5.3) and its handshake nonce (§4.1) come from.
#[derive(Debug)]
pub struct Entropy(Source);

#[derive(Debug)]
enum Source {
    Generator(Box<StdRng>),
    Script { bytes: Vec<u8>, next: usize },
}

impl Entropy {
    /// A cryptographic generator with a seed from the operating system: what every real
    /// connection uses. §5.3: "the masking key MUST be derived from a strong source of entropy".
    ///
    /// # Panics
    /// If the operating system has no random numbers to give.
    #[must_use]
    pub fn from_system() -> Entropy {
        Entropy(Source::Generator(Box::new(rand::make_rng())))
    }

    /// These bytes, over and over: predictable, therefore **for lessons and tests only**. It lets
    /// the examples of the RFC come out to the byte.
    ///
    /// # Panics
    /// If `bytes` is empty.
    #[must_use]
    pub fn scripted(bytes: &[u8]) -> Entropy {
        assert!(!bytes.is_empty(), "a script needs at least one byte");
        Entropy(Source::Script {
            bytes: bytes.to_vec(),
            next: 0,
        })
    }

    /// A fresh masking key for one frame.
    pub fn masking_key(&mut self) -> [u8; 4] {
        match &mut self.0 {
            Source::Generator(generator) => generator.next_u32().to_ne_bytes(),
            Source::Script { .. } => self.bytes(),
        }
    }

    /// A fresh nonce for one opening handshake.
    pub fn nonce(&mut self) -> [u8; 16] {
        self.bytes()
    }

    /// A fresh number from 0 up to, not including, 1.
    pub fn fraction(&mut self) -> f64 {
        f64::from(u32::from_be_bytes(self.bytes())) / (f64::from(u32::MAX) + 1.0)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        match &mut self.0 {
            Source::Generator(generator) => generator.fill_bytes(&mut out),
            Source::Script { bytes, next } => {
                for byte in &mut out {
                    *byte = bytes[*next % bytes.len()];
                    *next += 1;
                }
            }
        }
        out
    }
}
