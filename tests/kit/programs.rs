//! The programs, started as their users start them.

#![allow(dead_code)] // No test uses all of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// No answer takes so long, however slow the machine. It only ends a test that has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, its output read line by line as it appears; it ends with the test.
pub struct Program {
    pub process: Child,
    stdout: Mutex<Receiver<String>>,
    stderr: Mutex<Receiver<String>>,
}

impl Program {
    pub fn start(program: &str, args: &[&str]) -> Program {
        Program::start_with(program, args, Stdio::null())
    }

    pub fn start_with(program: &str, args: &[&str], input: Stdio) -> Program {
        let process = Command::new(program)
            .args(args)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        Program::of(process)
    }

    /// A process that runs already. An output that is not a pipe, or was taken, has no lines.
    pub fn of(mut process: Child) -> Program {
        let stdout = lines(process.stdout.take());
        let stderr = lines(process.stderr.take());
        Program {
            process,
            stdout: Mutex::new(stdout),
            stderr: Mutex::new(stderr),
        }
    }

    /// The next line of standard output.
    pub fn line(&self) -> String {
        next_line(&self.stdout).expect("no line on stdout")
    }

    /// The next line of standard error.
    pub fn error_line(&self) -> String {
        next_line(&self.stderr).expect("no line on stderr")
    }

    /// Waits for the end: the exit code, and what was left on standard output and error.
    pub fn finish(self) -> (Option<i32>, Vec<String>, Vec<String>) {
        self.finish_within(PATIENCE)
    }

    /// The same, for a program that has much to do.
    pub fn finish_within(mut self, limit: Duration) -> (Option<i32>, Vec<String>, Vec<String>) {
        let status = self.wait(limit);
        let stdout = self.stdout.lock().unwrap().iter().collect();
        let stderr = self.stderr.lock().unwrap().iter().collect();
        (status.code(), stdout, stderr)
    }

    fn wait(&mut self, limit: Duration) -> ExitStatus {
        for _ in 0..limit.as_millis() / 10 {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the program does not end");
    }

    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

fn next_line(lines: &Mutex<Receiver<String>>) -> Result<String, RecvTimeoutError> {
    lines.lock().unwrap().recv_timeout(PATIENCE)
}

fn lines(output: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let Some(output) = output else {
        return receiver;
    };
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The server program, at a free port of both loopback addresses.
pub struct ServerProgram {
    pub program: Program,
    pub port: u16,
}

impl ServerProgram {
    pub fn start(args: &[&str]) -> ServerProgram {
        ServerProgram::start_at("localhost:0", args)
    }

    pub fn start_at(address: &str, args: &[&str]) -> ServerProgram {
        let args = [&["--addr", address], args].concat();
        let program = Program::start(env!("CARGO_BIN_EXE_server"), &args);
        let page = program.line();
        let port = page
            .trim_end_matches('/')
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
            .unwrap_or_else(|| panic!("no port in {page}"));
        ServerProgram { program, port }
    }

    pub fn url(&self, path: &str) -> String {
        format!("ws://localhost:{}{path}", self.port)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends raw bytes and reads all that is answered, to the end of the stream.
    pub fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A stream on which the opening handshake has been done by hand.
    pub fn open_by_hand(&self, path: &str) -> TcpStream {
        let mut streams = self.open_all_by_hand([path]);
        streams.remove(0)
    }

    /// Streams whose opening handshakes were done by hand, all at the same time.
    pub fn open_all_by_hand<P: AsRef<str>>(
        &self,
        paths: impl IntoIterator<Item = P>,
    ) -> Vec<TcpStream> {
        let ask = |path: P| {
            let mut stream = self.connect();
            let request = opening_handshake(path.as_ref());
            stream.write_all(request.as_bytes()).unwrap();
            stream
        };
        let mut streams: Vec<_> = paths.into_iter().map(ask).collect();
        streams.iter_mut().for_each(read_proper_response);
        streams
    }
}

/// Reads the answer to [`opening_handshake`].
fn read_proper_response(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(
        head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        "{head}"
    );
}

/// An example, built if it is not there: `cargo test --test NAME` builds no examples.
pub fn example(name: &str, args: &[&str]) -> Program {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().unwrap().parent().unwrap();
    let program = profile.join("examples").join(name);
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--example", name, "--target-dir"])
        .arg(profile.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    // `cargo test` describes our package in these. A build script that looks at them would think
    // that something has changed.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            build.env_remove(name);
        }
    }
    assert!(build.status().unwrap().success());
    Program::start(program.to_str().unwrap(), args)
}

/// The request of §1.3, for a path of a server on this machine.
pub fn opening_handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\n\
         Host: localhost\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// The client program.
pub fn client(args: &[&str]) -> Program {
    Program::start(env!("CARGO_BIN_EXE_client"), args)
}

/// The client program, and the pipe that it sends from.
pub fn client_with_pipe(args: &[&str]) -> (Program, ChildStdin) {
    let mut program = Program::start_with(env!("CARGO_BIN_EXE_client"), args, Stdio::piped());
    let pipe = program.process.stdin.take().unwrap();
    (program, pipe)
}

/// One frame without a mask and with a short length, as a server sends it: its first byte and its
/// payload.
pub fn read_short_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 2];
    stream.read_exact(&mut header).unwrap();
    assert!(header[1] <= 125, "{header:02x?}");
    let mut payload = vec![0; header[1].into()];
    stream.read_exact(&mut payload).unwrap();
    (header[0], payload)
}
