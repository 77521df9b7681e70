//! A server of the library in a process of its own, whose memory, threads and descriptors can be
//! counted without those of the test.
//!
//! The process is the test program itself, started again with one test to run, [`serve`], and
//! told by an environment variable that it is the server.

#![allow(dead_code)] // No test uses all of it.

use crate::programs::{PATIENCE, Program, opening_handshake};
use rfc6455::{CloseCode, Config, Error, Origins, Request, Server};
use std::io::{BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{ChildStdin, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// Says that the process is a server, and with which limits.
const LIMITS: &str = "RFC6455_TEST_SERVER";

/// The length of the message that `/big` sends.
pub const BIG: usize = 64 << 20;

pub struct OwnServer {
    pub program: Program,
    pub port: u16,
    stop: Option<ChildStdin>,
}

impl OwnServer {
    /// Starts a server. `limits` are fields of `Config`, such as `close_timeout=100` (in
    /// milliseconds) or `max_message=1000`, separated by spaces.
    pub fn start(limits: &str) -> OwnServer {
        OwnServer::start_under("true", limits)
    }

    /// The same, in a shell that has run `before`, say `ulimit -n 50`.
    pub fn start_under(before: &str, limits: &str) -> OwnServer {
        let this = env::current_exe().unwrap();
        let command = format!(
            "{before}; {LIMITS}='{limits} ' exec {} --exact server_process --include-ignored --nocapture",
            this.display()
        );
        let mut program = Program::start_with("sh", &["-c", &command], Stdio::piped());
        let stop = program.process.stdin.take();
        let port = loop {
            // The test harness has things of its own to say first.
            if let Some((_, port)) = program.line().split_once("port ") {
                break port.parse().unwrap();
            }
        };
        OwnServer {
            program,
            port,
            stop,
        }
    }

    /// Tells it to stop: the end of its input.
    pub fn stop(&mut self) {
        self.stop = None;
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A connection with the opening handshake done.
    pub fn open(&self, path: &str) -> TcpStream {
        let mut stream = self.connect();
        stream
            .write_all(opening_handshake(path).as_bytes())
            .unwrap();
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
        stream
    }

    /// Sends raw bytes; all that is answered, to the end of the stream.
    pub fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // The server may end the connection before it has taken all of it.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    fn status(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.program.process.id());
        let status = fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.program.process.id()))
            .unwrap()
            .count()
    }

    /// Processor time used so far.
    pub fn cpu(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.program.process.id());
        let stat = fs::read_to_string(path).unwrap();
        // Behind the name, which may have spaces: user and system time are fields 14 and 15, in
        // ticks of 10 ms.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(10 * ticks)
    }

    /// How many threads and descriptors it has when nobody is connected. It is asked once it has
    /// served somebody, and stands still.
    pub fn at_rest(&self) -> (u64, usize) {
        self.assert_serves();
        let mut last = (0, 0);
        let mut same = 0;
        wait_until("it stands still", || {
            thread::sleep(Duration::from_millis(20));
            let now = (self.threads(), self.descriptors());
            same = if now == last { same + 1 } else { 0 };
            last = now;
            same == 5
        });
        last
    }

    /// Waits until nothing is left of the connections that there were: no thread, no descriptor.
    pub fn wait_for_quiet(&self, threads: u64, descriptors: usize) {
        wait_until("the connections' threads and descriptors are gone", || {
            self.threads() <= threads && self.descriptors() <= descriptors
        });
    }

    /// And it still serves.
    pub fn assert_serves(&self) {
        let mut stream = self.open("/echo");
        stream
            .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'o', b'k'])
            .unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"\x81\x02ok");
    }
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A head, byte by byte, so that what comes behind it is left.
pub fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// The body of the test `server_process`: a server if the environment says so, else nothing.
pub fn serve() {
    let Ok(limits) = env::var(LIMITS) else {
        return;
    };
    let server = Server::bind("127.0.0.1:0")
        .unwrap()
        .config(config(&limits))
        .log(|_, _| {});
    let handle = server.handle().unwrap();
    println!("port {}", server.addresses().unwrap()[0].port());
    thread::spawn(move || {
        let _ = io::stdin().lock().read_until(b'\n', &mut Vec::new());
        handle.stop();
    });
    let before = own_threads();
    server.run(handle_request).unwrap();
    // A thread that has been joined is in the system's list for a moment longer.
    let after = (0..20)
        .map(|_| {
            thread::sleep(Duration::from_millis(10));
            own_threads()
        })
        .find(|&after| after <= before)
        .unwrap_or_else(own_threads);
    println!("stopped");
    println!("threads left over: {}", after.saturating_sub(before));
}

/// The threads of this process.
fn own_threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn config(limits: &str) -> Config {
    let mut config = Config {
        origins: Origins::SameHost,
        ..Config::default()
    };
    for limit in limits.split_whitespace() {
        let (name, value) = limit.split_once('=').unwrap();
        let number: usize = value.parse().unwrap();
        let time = Duration::from_millis(number as u64);
        match name {
            "handshake_timeout" => config.handshake_timeout = time,
            "response_grace" => config.response_grace = time,
            "min_response_rate" => config.min_response_rate = number,
            "max_connections_per_address" => config.max_connections_per_address = number,
            "close_timeout" => config.close_timeout = time,
            "write_timeout" => config.write_timeout = time,
            "message_timeout" => config.message_timeout = time,
            "keepalive" => config.keepalive = Some(time),
            "max_head" => config.max_head = number,
            "max_message" => config.max_message = number,
            "max_connections" => config.max_connections = number,
            "stack_size" => config.stack_size = number,
            _ => panic!("no limit {name}"),
        }
    }
    config
}

fn handle_request(request: Request) -> Result<(), Error> {
    match request.path() {
        "/echo" => {
            let mut socket = request.upgrade()?;
            while let Some((message, writer)) = socket.read_with_writer()? {
                writer.write(message)?;
            }
            Ok(())
        }
        // Sends without end.
        "/talk" => {
            let mut socket = request.upgrade()?;
            loop {
                socket.send(&[b'x'; 1000])?;
            }
        }
        // A page, longer than the kernel's buffers.
        "/page" => request.respond(200, "text/plain", vec![0; BIG]),
        // Takes all file descriptors that are left, and keeps them while the connection lives.
        "/files" => {
            let mut socket = request.upgrade()?;
            let mut files = Vec::new();
            while let Ok(file) = fs::File::open("/dev/null") {
                files.push(file);
            }
            socket.send("none left")?;
            while socket.read()?.is_some() {}
            Ok(())
        }
        // One message, longer than the kernel's buffers.
        "/big" => request.upgrade()?.send(&vec![0; BIG]),
        // Sends from a second thread while this one reads.
        "/tick" => {
            let mut socket = request.upgrade()?;
            let sender = socket.sender();
            let ticking = thread::spawn(move || {
                while sender.send("tick").is_ok() {
                    thread::sleep(Duration::from_millis(10));
                }
            });
            while socket.read()?.is_some() {}
            let _ = ticking.join();
            Ok(())
        }
        "/close" => request.upgrade()?.close(CloseCode::NORMAL, "at once"),
        "/panic" => {
            let _socket = request.upgrade()?;
            // Without the message that `panic!` prints.
            std::panic::resume_unwind(Box::new("a handler that panics"));
        }
        _ => request.respond(404, "text/plain", "no such page\n"),
    }
}
