//! What a server does when it lacks something, when its user's code fails, and when clients want
//! too much of it.

#[path = "kit/mod.rs"]
mod kit;
#[path = "kit/own_server.rs"]
mod own_server;
#[path = "kit/programs.rs"]
mod programs;

use kit::*;
use own_server::{BIG, OwnServer, read_head, wait_until};
use programs::{PATIENCE, Program, opening_handshake};
use rfc6455::{Client, Config, Error, Handle, Request, Role, Server, Tcp, Untimed, WebSocket};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[test]
#[ignore = "is started by the other tests"]
fn server_process() {
    own_server::serve();
}

/// A server in this process that echoes. It is stopped when this is dropped.
struct Echo {
    address: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

impl Echo {
    fn start(
        server: Server,
        wrap: impl Fn(Tcp, SocketAddr) -> Tcp + Send + Sync + 'static,
    ) -> Echo {
        Echo {
            address: server.addresses().unwrap()[0],
            handle: server.handle().unwrap(),
            thread: Some(thread::spawn(|| server.run_over(wrap, echo))),
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.handle.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _ = self.stop();
        }
    }
}

fn echo(request: Request) -> Result<(), Error> {
    let mut socket = request.upgrade()?;
    while let Some((message, writer)) = socket.read_with_writer()? {
        writer.write(message)?;
    }
    Ok(())
}

fn bind() -> Server {
    Server::bind("127.0.0.1:0").unwrap()
}

/// The status of the answer to an opening handshake. `None`: no answer.
fn status(stream: &mut TcpStream) -> Option<u16> {
    let _ = stream.write_all(opening_handshake("/echo").as_bytes());
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer[9..]).unwrap().parse().ok()
}

/// Whether the server has ended this connection, without waiting for long.
fn has_ended(stream: &mut TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    match stream.read(&mut [0; 100]) {
        Ok(0) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        Ok(_) => false,
    }
}

// How fast a response must be taken.

/// Asks for the big page and reads it at this rate, until it ends or `over` says so. How many bytes
/// came.
fn read_page(server: &OwnServer, bytes_a_second: usize, over: &AtomicBool) -> usize {
    let mut stream = server.connect();
    stream
        .write_all(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut room = vec![0; bytes_a_second / 20];
    let mut received = 0;
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut room) {
            Ok(0) | Err(_) => break,
            Ok(count) => received += count,
        }
        thread::sleep(Duration::from_millis(50));
    }
    received
}

#[test]
fn a_page_is_not_served_for_ever_to_a_client_that_reads_slowly() {
    // The limit for a write alone never ends here: each of these clients reads something.
    let server =
        OwnServer::start("min_response_rate=200000 response_grace=2000 write_timeout=60000");
    let (threads, _) = server.at_rest();
    for rate in [2_000, 10_000, 50_000] {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let reader = scope.spawn(|| read_page(&server, rate, &over));
            wait_until("the server serves it", || server.threads() > threads);
            wait_until("the server gives it up", || server.threads() <= threads);
            over.store(true, Ordering::Relaxed);
            assert!(reader.join().unwrap() < BIG, "{rate} bytes a second");
        });
    }
    // Who reads at once gets all of it.
    let answer = server.exchange(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.len() > BIG && answer.starts_with(b"HTTP/1.1 200 "));
}

#[test]
fn a_page_is_served_to_a_client_that_is_slow_but_fast_enough() {
    let server = OwnServer::start("min_response_rate=1000 response_grace=2000");
    let (threads, _) = server.at_rest();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| read_page(&server, 2_000_000, &over));
        wait_until("the server serves it", || server.threads() > threads);
        // Several periods pass.
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(5) {
            assert!(server.threads() > threads, "the server gave it up");
            thread::sleep(Duration::from_millis(20));
        }
        over.store(true, Ordering::Relaxed);
    });
}

// No file descriptors.

#[test]
fn without_descriptors_a_newcomer_is_closed_and_not_left_waiting() {
    // No time limit gives a place back.
    let limits = "handshake_timeout=600000 keepalive=600000";
    let server = OwnServer::start_under("ulimit -n 100", limits);
    let mut honest: Vec<_> = (0..60).map(|_| server.open("/echo")).collect();
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let newcomer = |_| TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    let mut newcomers: Vec<_> = (0..200).map(newcomer).collect();
    // Some 30 of them still find a descriptor.
    let started = Instant::now();
    wait_until("the others are closed", || {
        newcomers.retain_mut(|stream| !has_ended(stream));
        newcomers.len() <= 40
    });
    println!(
        "{} of 200 newcomers closed after {:?}",
        200 - newcomers.len(),
        started.elapsed()
    );
    for stream in &mut honest {
        stream
            .write_all(&frame(FIN | TEXT, Some(KEY), b"still here?"))
            .unwrap();
        expect(stream, &frame(FIN | TEXT, None, b"still here?"));
    }
    // When it has descriptors again, it serves as before.
    drop(newcomers);
    wait_until("there is room again", || {
        status(&mut server.connect()) == Some(101)
    });
    drop(honest);
    server.assert_serves();
}

#[test]
fn a_lack_of_descriptors_is_logged_once_and_not_for_each_newcomer() {
    let command = format!(
        "ulimit -n 40; exec {} --addr 127.0.0.1:0",
        env!("CARGO_BIN_EXE_server")
    );
    let mut program = Program::start_with("sh", &["-c", &command], Stdio::null());
    let line = program.line();
    let address = line.trim_start_matches("http://").trim_end_matches('/');
    let address: SocketAddr = address.parse().unwrap();
    let newcomer = |_| TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    let mut newcomers: Vec<_> = (0..100).map(newcomer).collect();
    let is_report = |line: &String| line.contains("closed at once");
    while !is_report(&program.error_line()) {}
    wait_until("they are closed", || {
        newcomers.retain_mut(|stream| !has_ended(stream));
        newcomers.len() <= 40
    });
    program.kill();
    let (_, _, lines) = program.finish();
    assert!(!lines.iter().any(is_report), "{lines:?}");
}

#[test]
fn a_server_without_descriptors_can_be_stopped() {
    // Taken by connections that wait, and by a handler while nobody waits.
    for path in ["/echo", "/files"] {
        let mut server = OwnServer::start_under("ulimit -n 40", "close_timeout=200");
        let mut streams = vec![server.open(path)];
        match path {
            "/files" => expect(&mut streams[0], &frame(FIN | TEXT, None, b"none left")),
            _ => streams.extend((0..100).map(|_| server.connect())),
        }
        server.stop();
        let (code, lines, _) = server.program.finish();
        assert_eq!(code, Some(0));
        assert!(lines.iter().any(|line| line == "stopped"), "{lines:?}");
    }
}

// The user's code.

#[test]
fn a_wrap_or_a_log_that_panics_ends_its_own_connection_and_nothing_else() {
    let connections = AtomicUsize::new(0);
    let server = bind().log(|_, _| std::panic::resume_unwind(Box::new("a log that panics")));
    let mut server = Echo::start(server, move |tcp, _| {
        if connections.fetch_add(1, Ordering::Relaxed) < 10 {
            // Without the message that `panic!` prints.
            std::panic::resume_unwind(Box::new("a wrap that panics"));
        }
        tcp
    });
    for _ in 0..10 {
        assert_eq!(status(&mut server.connect()), None);
    }
    for _ in 0..10 {
        let mut stream = server.connect();
        assert_eq!(status(&mut stream), Some(101));
        // The next thing breaks a rule, so that there is something to log.
        stream.write_all(&[0xFF; 10]).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    server.stop().unwrap();
}

#[test]
fn a_wrap_that_waits_holds_nobody_up_and_ends_at_a_stop() {
    let (waits, waiting) = mpsc::channel();
    let waits = Mutex::new(Some(waits));
    let mut server = Echo::start(bind(), move |mut tcp, _| {
        let first = waits.lock().unwrap().take();
        if let Some(waits) = first {
            waits.send(()).unwrap();
            let _ = tcp.read(&mut [0]);
        }
        tcp
    });
    let mut first = server.connect();
    waiting.recv_timeout(PATIENCE).unwrap();
    for _ in 0..10 {
        assert_eq!(status(&mut server.connect()), Some(101));
    }
    server.stop().unwrap();
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
}

#[test]
fn when_run_returns_no_thread_is_left_that_refuses_a_connection() {
    let mut server = OwnServer::start("max_connections=1 close_timeout=100");
    let mut served = server.open("/echo");
    let threads = server.threads();
    // They are told after their request, which they never send.
    let newcomers: Vec<_> = (0..20).map(|_| server.connect()).collect();
    wait_until("they are being refused", || server.threads() > threads + 5);
    server.stop();
    expect(
        &mut served,
        &frame(FIN | CLOSE, None, &close_body(1001, "")),
    );
    drop(served);
    let (code, lines, _) = server.program.finish();
    assert_eq!(code, Some(0));
    assert!(
        lines.iter().any(|line| line == "threads left over: 0"),
        "{lines:?}"
    );
    drop(newcomers);
}

// Limits that cannot work.

/// A config with one field that cannot work, and the name of the field.
fn wrong_configs() -> Vec<(&'static str, Config)> {
    let change = |name, change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        (name, config)
    };
    assert_eq!(config().check(), Ok(()));
    vec![
        change("handshake_timeout", |c| {
            c.handshake_timeout = Duration::ZERO
        }),
        change("close_timeout", |c| c.close_timeout = Duration::ZERO),
        change("write_timeout", |c| c.write_timeout = Duration::ZERO),
        change("keepalive", |c| c.keepalive = Some(Duration::ZERO)),
        change("message_timeout", |c| c.message_timeout = Duration::ZERO),
        change("response_grace", |c| c.response_grace = Duration::ZERO),
        change("max_head", |c| c.max_head = 0),
        change("max_fields", |c| c.max_fields = 0),
        change("max_connections", |c| c.max_connections = 0),
        change("max_connections_per_address", |c| {
            c.max_connections_per_address = 0
        }),
        change("stack_size", |c| c.stack_size = 0),
        change("stack_size", |c| c.stack_size = usize::MAX),
    ]
}

#[test]
fn a_config_that_cannot_work_is_refused_before_a_byte_is_sent() {
    let is_about = |error: &Error, field| match error {
        Error::Config(invalid) => invalid.field == field,
        _ => false,
    };
    for (field, wrong) in wrong_configs() {
        // A client.
        let client = Client::new("ws://server.example.com/chat").unwrap();
        let (stream, sent) = Script::new("");
        let error = client.config(wrong.clone()).handshake(stream).unwrap_err();
        assert!(is_about(&error, field), "{field}: {error}");
        assert!(!error.is_transient());
        assert!(error.to_string().contains(field), "{error}");
        assert_eq!(sent.take(), b"");
        // A server, which is not left waiting.
        let error = bind().config(wrong.clone()).run(echo).unwrap_err();
        assert!(is_about(&error, field), "{field}: {error}");
        // A listener loop.
        let (stream, sent) = Script::new(opening_handshake("/"));
        let error = Request::read(stream, &wrong).unwrap_err();
        assert!(is_about(&error, field), "{field}: {error}");
        assert_eq!(sent.take(), b"");
        // A handshake that was done elsewhere.
        let (stream, _): (Untimed<Script>, _) = Script::new("");
        let error = WebSocket::after_handshake(stream, Role::Server, &[], &wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn the_smallest_stack_is_enough_to_answer() {
    let config = Config {
        stack_size: 64 << 10,
        ..Config::default()
    };
    let server = Echo::start(bind().config(config), |tcp, _| tcp);
    assert_eq!(status(&mut server.connect()), Some(101));
}

// Listeners that were made elsewhere.

#[test]
fn a_server_takes_listeners_that_were_made_elsewhere_even_one_that_does_not_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = other.local_addr().unwrap();
    let mut server = Echo::start(Server::from(vec![listener, other]), |tcp, _| tcp);
    assert_eq!(status(&mut server.connect()), Some(101));
    let mut stream = TcpStream::connect(second).unwrap();
    assert_eq!(status(&mut stream), Some(101));
    server.stop().unwrap();
    let Err(Error::Io(error)) = Server::from(Vec::new()).run(echo) else {
        panic!("a server without a listener");
    };
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
#[cfg(unix)]
fn the_program_serves_at_the_socket_that_is_its_standard_input() {
    use std::os::fd::OwnedFd;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let input = Stdio::from(OwnedFd::from(listener));
    let program = Program::start_with(env!("CARGO_BIN_EXE_server"), &["--listen-stdin"], input);
    assert_eq!(program.line(), format!("http://{address}/"));
    let mut stream = TcpStream::connect(address).unwrap();
    assert_eq!(status(&mut stream), Some(101));
}

#[test]
#[cfg(unix)]
fn the_program_says_so_if_its_standard_input_is_no_listening_socket() {
    use std::os::fd::OwnedFd;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for input in [
        Stdio::null(),
        OwnedFd::from(connected).into(),
        OwnedFd::from(udp).into(),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_server"))
            .arg("--listen-stdin")
            .stdin(input)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("no listening TCP socket"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert_eq!(output.status.code(), Some(1));
    }
}

// Places for each address.

#[test]
fn an_address_has_its_number_of_places_and_another_address_has_its_own() {
    let config = Config {
        max_connections_per_address: 3,
        ..Config::default()
    };
    let mut listeners = vec![TcpListener::bind("127.0.0.1:0").unwrap()];
    listeners.extend(TcpListener::bind("[::1]:0"));
    let other = listeners.last().unwrap().local_addr().unwrap();
    let server = Echo::start(Server::from(listeners).config(config), |tcp, _| tcp);
    let mut open: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for stream in &mut open {
        assert_eq!(status(stream), Some(101));
    }
    // Those that were refused take no place, and do not hold up those that leave.
    for _ in 0..5 {
        assert_eq!(status(&mut server.connect()), Some(503));
    }
    if other.is_ipv6() {
        let mut stream = TcpStream::connect(other).unwrap();
        assert_eq!(status(&mut stream), Some(101));
    }
    for _ in 0..3 {
        drop(open.pop());
        wait_until("there is room again", || {
            let mut stream = server.connect();
            let is_open = status(&mut stream) == Some(101);
            open.insert(0, stream);
            if !is_open {
                open.remove(0);
            }
            is_open
        });
        assert_eq!(status(&mut server.connect()), Some(503));
    }
    // All of them still live.
    for stream in &mut open {
        read_head_rest(stream);
        stream
            .write_all(&frame(FIN | TEXT, Some(KEY), b"here"))
            .unwrap();
        expect(stream, &frame(FIN | TEXT, None, b"here"));
    }
}

/// The rest of a head behind its first 12 bytes.
fn read_head_rest(stream: &mut TcpStream) {
    assert!(read_head(stream).ends_with("\r\n\r\n"));
}

// Many at once.

#[test]
fn a_thousand_connects_at_once_are_all_served() {
    let server = Arc::new(OwnServer::start(""));
    let started = Instant::now();
    let threads: Vec<_> = (0..500)
        .map(|_| {
            let server = Arc::clone(&server);
            let builder = thread::Builder::new().stack_size(128 << 10);
            let two = move || [server.connect(), server.connect()].map(|mut s| status(&mut s));
            builder.spawn(two).unwrap()
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), [Some(101); 2]);
    }
    println!("1000 connects served in {:?}", started.elapsed());
}
