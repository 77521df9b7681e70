//! What is true of DEFLATE for every input. The fuzzer looks for an input for which it is not true.
//! `cargo test` replays the corpus.
//!
//! - Any bytes: our inflater and zlib give the same bytes, or both refuse.
//! - Any message: what we deflate, every inflater gives back, at every window.
//! - Any compressed message on a connection: it means the same in one frame and in fragments, empty
//!   ones among them, with control frames between. Blocks with BFINAL end nothing (RFC 7692
//!   §7.2.3.4).

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};
use rfc6455::Window;
use rfc6455::compression::{
    Alphabet, DeflateRule, Deflater, Inflater, InvalidDeflate, TAIL, WINDOW_BITS,
};
use rfc6455::framing::{Frame, OpCode};
use rfc6455::opening::Deflate;
use rfc6455::{Config, Error, OwnedMessage, Role, Untimed, Violation, WebSocket};
use std::io::{Cursor, Read, Write};

/// Inputs stand for at most this many bytes here.
const LONGEST: usize = 1 << 20;

/// Checks all properties for one input. The first two bytes choose the window, the level and the
/// cuts.
pub fn check(input: &[u8]) {
    let [how, cut, bytes @ ..] = input else {
        return;
    };
    raw(bytes, usize::from(*cut) + 1);
    let bits = WINDOW_BITS.start() + how % 8;
    let window = Window::new(bits).expect("8 to 15");
    let window = window.with_takeover(how & 8 == 0);
    round_trip(bytes, window, 1 + (how >> 4) % 9, usize::from(*cut) + 1);
    message(bytes, usize::from(*cut) + 1);
    final_blocks(bytes, usize::from(*cut) + 1);
}

/// What comes out, and why it ended.
type Inflated = (Vec<u8>, Result<(), InvalidDeflate>);

fn inflate(inflater: &mut Inflater, bytes: &[u8], cut: usize) -> Inflated {
    let mut out = Vec::new();
    for mut piece in bytes.chunks(cut) {
        loop {
            match inflater.inflate(&mut piece) {
                Ok([]) => break,
                Ok(bytes) => out.extend_from_slice(bytes),
                Err(invalid) => return (out, Err(invalid)),
            }
            if out.len() > LONGEST {
                return (out, Ok(()));
            }
        }
        assert!(piece.is_empty());
    }
    (out, Ok(()))
}

/// One stream, beside zlib. zlib stops behind the last block (BFINAL), ours begins the next stream
/// there, so the two are compared up to that place.
fn raw(bytes: &[u8], cut: usize) {
    let mut zlib = Decompress::new(false);
    let mut theirs = vec![0; LONGEST];
    let result = zlib.decompress(bytes, &mut theirs, FlushDecompress::Sync);
    theirs.truncate(zlib.total_out() as usize);
    if theirs.len() == LONGEST {
        return;
    }
    let whole = inflate(&mut Inflater::new(Window::LARGEST), bytes, usize::MAX);
    let in_pieces = inflate(&mut Inflater::new(Window::LARGEST), bytes, cut);
    assert!(whole.1 == in_pieces.1, "{:?} {:?}", whole.1, in_pieces.1);
    match (result, whole.1) {
        (Ok(Status::StreamEnd), _) => {
            let end = zlib.total_in() as usize;
            let (ours, result) = inflate(&mut Inflater::new(Window::LARGEST), &bytes[..end], cut);
            assert!(
                result.is_ok() && ours == theirs,
                "up to the last block: {result:?}"
            );
        }
        // zlib says "no progress" where it needs more input.
        (Ok(_), Ok(())) => assert!(whole.0 == theirs && in_pieces.0 == theirs),
        (Err(_), Err(invalid)) => {
            assert!(invalid.rule != DeflateRule::Unfinished);
            assert!(invalid.at <= bytes.len() as u64);
        }
        // zlib reads on with a code-length code that has no code at all, and refuses the block at
        // its last length.
        (
            Ok(_),
            Err(InvalidDeflate {
                rule: DeflateRule::Incomplete(Alphabet::CodeLengths),
                ..
            }),
        ) => {
            let longer = [bytes, &[0; 50]].concat();
            let mut zlib = Decompress::new(false);
            let result = zlib.decompress(&longer, &mut theirs, FlushDecompress::Sync);
            assert!(result.is_err(), "zlib goes on");
        }
        (theirs, ours) => panic!("zlib: {theirs:?}, ours: {ours:?}"),
    }
}

/// The message twice, so that the second can repeat the first.
fn round_trip(message: &[u8], window: Window, level: u8, cut: usize) {
    let mut deflater = Deflater::new(window, level);
    let mut inflater = Inflater::new(window);
    let mut zlib = Decompress::new_with_window_bits(false, window.bits().max(9));
    for _ in 0..2 {
        let mut compressed = Vec::new();
        deflater.deflate(message, &mut compressed);
        assert!(!compressed.is_empty() && compressed.len() <= message.len() + 20);
        compressed.extend(TAIL);
        let (ours, result) = inflate(&mut inflater, &compressed, cut);
        assert!(result.is_ok() && ours == message, "{result:?}");
        inflater.end_message().expect("it ends here");
        let mut theirs = Vec::with_capacity(message.len() + 100);
        zlib.decompress_vec(&compressed, &mut theirs, FlushDecompress::Sync)
            .expect("zlib inflates it");
        assert!(theirs == message);
    }
}

/// A stream that gives these bytes and takes all others.
struct Wire(Cursor<Vec<u8>>);

impl Read for Wire {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(room)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a client that agreed on compression makes of a server's compressed message, which is binary
/// and comes in these pieces, with Pings between.
fn received(pieces: &[&[u8]]) -> Result<Vec<u8>, Violation> {
    let mut wire = Vec::new();
    for (index, payload) in pieces.iter().enumerate() {
        let opcode = match index {
            0 => OpCode::Binary,
            _ => OpCode::Continuation,
        };
        let frame = Frame {
            fin: index + 1 == pieces.len(),
            rsv1: index == 0,
            opcode,
            mask: None,
            payload,
        };
        frame.encode(&mut wire);
        Frame::new(OpCode::Ping, None, b"").encode(&mut wire);
    }
    let agreed = Deflate {
        client: Window::LARGEST,
        server: Window::LARGEST,
    };
    let config = Config {
        max_message: LONGEST,
        ..Config::default()
    };
    let stream = Untimed(Wire(Cursor::new(wire)));
    let socket = WebSocket::after_handshake_with(stream, Role::Client, &[], Some(agreed), &config);
    let mut socket = socket.expect("the stream works");
    match socket.read() {
        Ok(Some(message)) => match message.to_owned() {
            OwnedMessage::Binary(bytes) => Ok(bytes),
            OwnedMessage::Text(text) => panic!("the text {text:?}"),
        },
        Err(Error::Violation(violation)) => Err(violation),
        other => panic!("{other:?}"),
    }
}

/// Any bytes as the payload of a message.
fn message(bytes: &[u8], cut: usize) {
    let whole = received(&[bytes]);
    let mut pieces: Vec<&[u8]> = bytes.chunks(cut).collect();
    pieces.insert(0, &[]);
    pieces.insert(pieces.len() / 2, &[]);
    pieces.push(&[]);
    match (&whole, received(&pieces)) {
        // The length that was seen is that of the first frame that is too much.
        (Err(Violation::TooBig { .. }), Err(Violation::TooBig { .. })) => {}
        (whole, in_pieces) => assert!(*whole == in_pieces, "{whole:?} {in_pieces:?}"),
    }
    if let Ok(message) = whole {
        let mut inflater = Inflater::new(Window::LARGEST);
        let (ours, result) = inflate(&mut inflater, &[bytes, &TAIL].concat(), usize::MAX);
        assert!(result.is_ok() && ours == message);
        inflater.end_message().expect("a message that was received");
    }
}

/// A message of several whole streams, each with its last block: all of them are one message.
fn final_blocks(bytes: &[u8], cut: usize) {
    let mut compressed = Vec::new();
    for piece in bytes.chunks(cut.max(bytes.len() / 16)) {
        let mut encoder = DeflateEncoder::new(&mut compressed, Compression::fast());
        encoder.write_all(piece).expect("memory");
        encoder.finish().expect("memory");
    }
    // §7.2.3.4: behind a last block stands an empty block; its last four bytes are not sent.
    compressed.push(0x00);
    assert!(received(&[&compressed]).as_deref() == Ok(bytes));
}
