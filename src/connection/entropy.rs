//! RFC 6455 §10.3 and §5.3: randomness. A masking key must be unpredictable, so that a script
//! cannot choose the bytes on the wire.
//!
//! This is the one place where randomness enters: masking keys, and the nonce of the opening
//! handshake. So a lesson or a test can use the keys that a book prints.

use rand::Rng;
use rand::rngs::StdRng;

/// The source of a client's masking keys (§5.3) and of its nonce (§4.1).
#[derive(Debug)]
pub struct Entropy(Source);

#[derive(Debug)]
enum Source {
    Generator(Box<StdRng>),
    Script { bytes: Vec<u8>, next: usize },
}

impl Entropy {
    /// A cryptographic generator with a seed from the operating system. Real connections use it.
    /// §5.3: "the masking key MUST be derived from a strong source of entropy".
    ///
    /// # Panics
    /// The operating system gives no random numbers.
    #[must_use]
    pub fn from_system() -> Entropy {
        Entropy(Source::Generator(Box::new(rand::make_rng())))
    }

    /// These bytes, again and again. They are predictable, so use them **for lessons and tests
    /// only**. With them, the examples of the RFC come out to the byte.
    ///
    /// # Panics
    /// `bytes` is empty.
    #[must_use]
    pub fn scripted(bytes: &[u8]) -> Entropy {
        assert!(!bytes.is_empty(), "a script needs at least one byte");
        Entropy(Source::Script {
            bytes: bytes.to_vec(),
            next: 0,
        })
    }

    /// A new masking key for one frame.
    pub fn masking_key(&mut self) -> [u8; 4] {
        match &mut self.0 {
            Source::Generator(generator) => generator.next_u32().to_ne_bytes(),
            Source::Script { .. } => self.bytes(),
        }
    }

    /// A new nonce for one opening handshake.
    pub fn nonce(&mut self) -> [u8; 16] {
        self.bytes()
    }

    /// A new number from 0 to 1, without 1.
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
