//! RFC 1951, from bytes to compressed bytes.
use super::window::Window;

/// A placeholder until the compressor is here: stored blocks.
#[derive(Debug)]
pub struct Deflater(Window);

impl Deflater {
    /// New.
    pub fn new(window: Window, _level: u8) -> Deflater {
        Deflater(window)
    }
    /// Deflates.
    pub fn deflate(&mut self, message: &[u8], out: &mut Vec<u8>) {
        for chunk in message.chunks(65535) {
            out.push(0);
            out.extend((chunk.len() as u16).to_le_bytes());
            out.extend((!(chunk.len() as u16)).to_le_bytes());
            out.extend(chunk);
        }
        out.push(0);
    }
    /// Forgets.
    pub fn forget_window(&mut self) {}
    /// Forgets.
    pub fn forget_last_message(&mut self) {}
    /// Memory.
    pub fn memory(&self) -> usize {
        0
    }
}
