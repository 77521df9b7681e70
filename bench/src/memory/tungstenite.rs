//! tungstenite. Text comes as a checked `Utf8Bytes`; keys are from `rand`'s `ThreadRng`; `write`
//! gathers 128 KiB by itself. The text to send is shared, so that making a message copies nothing.

use super::stream::Memory;
use super::{Peer, timed};
use std::hint::black_box;
use std::time::Duration;
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Message, Utf8Bytes};

pub const PEER: Peer = Peer {
    name: "tungstenite 0.30",
    joins_fragments: true,
    send,
    echo,
    receive,
};

fn open<'a>(role: Role, input: &'a [u8], output: &'a mut Vec<u8>) -> WebSocket<Memory<'a>> {
    WebSocket::from_raw_socket(Memory { input, output }, role, None)
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Client, &[], output);
    let text = Utf8Bytes::from(text);
    timed(|| {
        for _ in 0..count {
            socket.write(Message::Text(text.clone())).unwrap();
        }
        socket.flush().unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Server, input, output);
    timed(|| {
        for _ in 0..count {
            let message = socket.read().unwrap();
            socket.write(message).unwrap();
        }
        socket.flush().unwrap();
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let mut output = Vec::new();
    let mut socket = open(Role::Client, input, &mut output);
    timed(|| {
        for _ in 0..count {
            black_box(socket.read().unwrap());
        }
    })
}
