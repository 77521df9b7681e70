//! This library. Text is checked as it is received and lent as a `&str`; keys are from ChaCha
//! (`StdRng`); `write` gathers 64 KiB by itself.

use super::stream::Memory;
use super::{Peer, timed};
use rfc6455::{Config, Role, Untimed, WebSocket};
use std::hint::black_box;
use std::time::Duration;

pub const PEER: Peer = Peer {
    name: "rfc6455",
    joins_fragments: true,
    send,
    echo,
    receive,
};

fn open<'a>(
    role: Role,
    input: &'a [u8],
    output: &'a mut Vec<u8>,
) -> WebSocket<Untimed<Memory<'a>>> {
    let stream = Untimed(Memory { input, output });
    WebSocket::after_handshake(stream, role, &[], &Config::default()).unwrap()
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Client, &[], output);
    timed(|| {
        for _ in 0..count {
            socket.write(black_box(text)).unwrap();
        }
        socket.flush().unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = open(Role::Server, input, output);
    timed(|| {
        for _ in 0..count {
            let (message, writer) = socket.read_with_writer().unwrap().unwrap();
            writer.write(message).unwrap();
        }
        socket.flush().unwrap();
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let mut output = Vec::new();
    let mut socket = open(Role::Client, input, &mut output);
    timed(|| {
        for _ in 0..count {
            black_box(socket.read().unwrap().unwrap());
        }
    })
}
