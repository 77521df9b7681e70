//! `--deflate`: how the programs compress.

use rfc6455::Compression;

/// Every message goes compressed, also a short one. So a lesson has something to see.
pub fn always() -> Compression {
    Compression {
        threshold: 0,
        ..Compression::default()
    }
}
