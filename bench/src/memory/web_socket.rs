//! web-socket, whose benchmark this is. It does not check text, so that is done here; keys are
//! from `rand`'s `ThreadRng`. It has no buffers: it reads and writes the memory directly.

use super::stream::Memory;
use super::{Peer, timed_async};
use std::hint::black_box;
use std::time::Duration;
use web_socket::{DataType, Event, MessageType, WebSocket};

pub const PEER: Peer = Peer {
    name: "web-socket 0.7",
    joins_fragments: false,
    send,
    echo,
    receive,
};

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = WebSocket::client(Memory { input: &[], output });
    timed_async(async {
        for _ in 0..count {
            socket.send(text).await.unwrap();
        }
        socket.flash().await.unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let mut socket = WebSocket::server(Memory { input, output });
    timed_async(async {
        for _ in 0..count {
            let Event::Data { ty, data } = socket.recv_event().await.unwrap() else {
                panic!("nothing but messages was sent");
            };
            match ty {
                DataType::Complete(MessageType::Text) => {
                    let text = std::str::from_utf8(&data).unwrap();
                    socket.send(text).await.unwrap();
                }
                _ => socket.send(&data[..]).await.unwrap(),
            }
        }
        socket.flash().await.unwrap();
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let output = &mut Vec::new();
    let mut socket = WebSocket::client(Memory { input, output });
    timed_async(async {
        for _ in 0..count {
            let Event::Data { data, .. } = socket.recv_event().await.unwrap() else {
                panic!("nothing but messages was sent");
            };
            black_box(std::str::from_utf8(&data).unwrap());
        }
    })
}
