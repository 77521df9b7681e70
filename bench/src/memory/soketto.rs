//! soketto. It does not check text, so that is done here; keys are from `rand`'s `ThreadRng`. Its
//! author wraps sockets in `BufReader` and `BufWriter`; memory needs neither, and is faster so.

use super::stream::Memory;
use super::{Peer, timed_async};
use soketto::connection::Builder;
use soketto::{Mode, Receiver, Sender};
use std::hint::black_box;
use std::time::Duration;

pub const PEER: Peer = Peer {
    name: "soketto 0.8",
    joins_fragments: true,
    send,
    echo,
    receive,
};

fn open<'a>(
    mode: Mode,
    input: &'a [u8],
    output: &'a mut Vec<u8>,
) -> (Sender<Memory<'a>>, Receiver<Memory<'a>>) {
    Builder::new(Memory { input, output }, mode).finish()
}

fn send(text: &str, count: usize, output: &mut Vec<u8>) -> Duration {
    let (mut sender, _receiver) = open(Mode::Client, &[], output);
    timed_async(async {
        for _ in 0..count {
            sender.send_text(text).await.unwrap();
        }
        sender.flush().await.unwrap();
    })
}

fn echo(input: &[u8], count: usize, output: &mut Vec<u8>) -> Duration {
    let (mut sender, mut receiver) = open(Mode::Server, input, output);
    let mut message = Vec::new();
    timed_async(async {
        for _ in 0..count {
            message.clear();
            let data = receiver.receive_data(&mut message).await.unwrap();
            if data.is_text() {
                let text = std::str::from_utf8(&message).unwrap();
                sender.send_text(text).await.unwrap();
            } else {
                sender.send_binary(&message).await.unwrap();
            }
        }
        sender.flush().await.unwrap();
    })
}

fn receive(input: &[u8], count: usize) -> Duration {
    let mut output = Vec::new();
    let (_sender, mut receiver) = open(Mode::Client, input, &mut output);
    let mut message = Vec::new();
    timed_async(async {
        for _ in 0..count {
            message.clear();
            receiver.receive_data(&mut message).await.unwrap();
            black_box(std::str::from_utf8(&message).unwrap());
        }
    })
}
