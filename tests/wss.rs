//! `wss`: this library's client and its server over TLS, which another package brings (§10.6).
//! They are given a stream, as [`Any`] or as a [`Stream`] of one's own, and know nothing of TLS.

#[path = "kit/mod.rs"]
mod kit;

use kit::{BINARY, FIN, ROLES, frame, frame_for};
use rfc6455::{
    Client, CloseCode, Closed, Config, Entropy, Error, HandshakeError, Message, Request, Role,
    Side, Stream, TcpEnd, Untimed, WebSocket,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, RootCertStore, ServerConfig,
    ServerConnection, SideData, StreamOwned,
};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::DerefMut;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for any machine, and an end for a test whose peer says nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short, for what is to run out.
const SHORT: Duration = Duration::from_millis(50);

// ---------------------------------------------------------------------------------------------
// Certificates

type Certificate = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A certificate for one name, made for one test, that nobody has signed but itself.
fn certificate_for(name: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.into(), made.signing_key.into())
}

/// A server with this certificate, whatever name it is asked for.
fn server_with((certificate, key): Certificate) -> Arc<ServerConfig> {
    let config = ServerConfig::builder().with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certificate], key).unwrap())
}

/// A client that trusts this certificate and no other.
fn client_trusting(certificate: &CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots);
    Arc::new(config.with_no_client_auth())
}

/// Both, for `localhost`.
fn configs() -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let certificate = certificate_for("localhost");
    (client_trusting(&certificate.0), server_with(certificate))
}

// ---------------------------------------------------------------------------------------------
// Streams

/// TLS with the time limits and the end of the TCP stream inside: all that a program has to write
/// itself. `C` is a [`ClientConnection`] or a [`ServerConnection`].
#[derive(Debug)]
struct Tls<C> {
    tls: StreamOwned<C, Recorded<Timed>>,
    /// Of a whole `read`.
    limit: Option<Duration>,
}

impl<C: DerefMut<Target = ConnectionCommon<D>>, D: SideData> Tls<C> {
    fn new(connection: C, tcp: TcpStream) -> Tls<C> {
        let read_by = None;
        let tcp = Recorded::new(Timed { tcp, read_by });
        let tls = StreamOwned::new(connection, tcp);
        Tls { tls, limit: None }
    }

    fn start_limit(&mut self) {
        self.tls.sock.stream.read_by = self.limit.map(|limit| Instant::now() + limit);
    }
}

impl<C: DerefMut<Target = ConnectionCommon<D>>, D: SideData> Read for Tls<C> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.start_limit();
        self.tls.read(room)
    }
}

impl<C: DerefMut<Target = ConnectionCommon<D>>, D: SideData> Write for Tls<C> {
    /// The first one performs TLS's handshake, for which it reads, too.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.start_limit();
        self.tls.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tls.flush()
    }
}

impl<C: DerefMut<Target = ConnectionCommon<D>>, D: SideData> Stream for Tls<C> {
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.limit = limit;
        Ok(true)
    }

    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.tls.sock.stream.tcp.set_write_timeout(limit)
    }

    /// TLS ends before TCP does: without a close_notify the peer could not tell our end from that
    /// of somebody who cut the line. A peer that did not read what went before gets none: it would
    /// be waited for again.
    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read && !self.tls.conn.wants_write() {
            self.tls.conn.send_close_notify();
            let _ = self.tls.flush();
        }
        self.tls.sock.stream.tcp.shutdown(how)
    }
}

/// TCP beneath TLS. TLS reads it as often as one of its records takes. A limit for each of these
/// reads would be none for all of them together, since a peer that sends a byte now and then would
/// stretch it; so they have an end in common.
#[derive(Debug)]
struct Timed {
    tcp: TcpStream,
    read_by: Option<Instant>,
}

impl Read for Timed {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = match self.read_by {
            None => PATIENCE,
            Some(by) => by.saturating_duration_since(Instant::now()),
        };
        // Zero would be no limit at all.
        let left = left.max(Duration::from_micros(1));
        self.tcp.set_read_timeout(Some(left))?;
        self.tcp.read(room).map_err(told_as_timeout)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes).map_err(told_as_timeout)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A limit that runs out is `WouldBlock` on Unix. When it writes, rustls understands that as "first
/// read, until there is room again", and would wait for a peer that neither reads nor sends.
fn told_as_timeout(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// What passed through a stream.
#[derive(Debug, Default)]
struct Passed {
    sent: Vec<u8>,
    received: Vec<u8>,
}

/// A stream and a record of what passes through it. Below TLS that is what anybody sees, above it
/// what only the two ends do.
#[derive(Debug)]
struct Recorded<S> {
    stream: S,
    passed: Arc<Mutex<Passed>>,
}

impl<S> Recorded<S> {
    fn new(stream: S) -> Recorded<S> {
        let passed = Arc::default();
        Recorded { stream, passed }
    }
}

impl<S: Read> Read for Recorded<S> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(room)?;
        self.passed.lock().unwrap().received.extend(&room[..count]);
        Ok(count)
    }
}

impl<S: Write> Write for Recorded<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.passed.lock().unwrap().sent.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl<S: Stream> Stream for Recorded<S> {
    fn limit_reads(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.stream.limit_reads(limit)
    }

    fn limit_writes(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.stream.limit_writes(limit)
    }

    fn shutdown(&mut self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }
}

// ---------------------------------------------------------------------------------------------
// The two ends

/// Two ends of a TCP connection on loopback, the connecting one first, and the URL of the other.
fn tcp() -> (TcpStream, TcpStream, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let (server, _) = listener.accept().unwrap();
    for tcp in [&client, &server] {
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.set_write_timeout(Some(PATIENCE)).unwrap();
    }
    // The name is that of the certificate.
    let url = format!("wss://localhost:{}/chat", address.port());
    (client, server, url)
}

/// Limits that no slow machine meets, and masking keys of zeros: what a client sends is then the
/// same masked or not, and can be looked for.
fn config() -> Config {
    Config {
        handshake_timeout: PATIENCE,
        close_timeout: PATIENCE,
        write_timeout: PATIENCE,
        keepalive: None,
        entropy: || Entropy::scripted(&[0]),
        ..Config::default()
    }
}

fn client(url: &str) -> Client {
    Client::new(url).unwrap().config(config())
}

fn tls_connection(config: Arc<ClientConfig>) -> ClientConnection {
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(config, name).unwrap()
}

fn tls_client(config: Arc<ClientConfig>, tcp: TcpStream) -> Tls<ClientConnection> {
    Tls::new(tls_connection(config), tcp)
}

fn tls_server(config: Arc<ServerConfig>, tcp: TcpStream) -> Tls<ServerConnection> {
    Tls::new(ServerConnection::new(config).unwrap(), tcp)
}

const TEXT: &str = "what nobody else may read";
const PING: &[u8] = b"are you there, behind the tunnel?";
const REASON: &str = "everything has been said";

/// 1 MiB in which no 16 bytes are like others.
fn large() -> Vec<u8> {
    (0..1u64 << 16)
        .flat_map(|i| [i, i.wrapping_mul(0x9e37_79b9_7f4a_7c15)])
        .flat_map(u64::to_be_bytes)
        .collect()
}

/// A server's side of a conversation: it sends back whatever comes, until the client closes.
fn serve<S: Stream>(stream: S) -> Result<WebSocket<S>, Error> {
    let mut socket = Request::read(stream, &config())?.upgrade()?;
    while let Some((message, writer)) = socket.read_with_writer()? {
        writer.send(message)?;
    }
    // The client has closed. What is left to do is to wait for its end of TCP.
    let closed = socket.close(CloseCode::NORMAL, "");
    assert!(matches!(closed, Err(Error::Closed(_))), "{closed:?}");
    Ok(socket)
}

/// The client's side: text, a Ping, a large message, and the closing handshake.
fn converse<S: Stream>(client: &Client, stream: S) -> Result<WebSocket<S>, Error> {
    let mut socket = client.handshake(stream)?;
    socket.send(TEXT)?;
    assert_eq!(socket.read()?, Some(Message::Text(TEXT)));
    socket.ping(PING)?;
    socket.send(&large()[..])?;
    assert_eq!(socket.read()?, Some(Message::Binary(&large())));
    socket.close(CloseCode::NORMAL, REASON)?;
    Ok(socket)
}

/// Both Close frames have passed, and TCP ended in order.
fn assert_clean(closed: &Closed) {
    assert!(closed.was_clean(), "{closed}");
    assert_eq!(closed.code(), CloseCode::NORMAL);
    assert_eq!(closed.reason(), REASON);
}

// ---------------------------------------------------------------------------------------------
// What is on the wire

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The types of TLS's records (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The records that the bytes consist of, each a type and what it holds. Every byte belongs to one.
fn records(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut records = Vec::new();
    while let [kind, 3, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        assert!(rest.len() >= length, "a record that was not sent whole");
        let (body, behind) = rest.split_at(length);
        records.push((*kind, body));
        bytes = behind;
    }
    assert_eq!(bytes, [], "no TLS");
    records
}

/// TLS was first, and has been there for every byte since.
fn assert_tunnel(bytes: &[u8], first_message: u8) {
    let records = records(bytes);
    assert_eq!((records[0].0, records[0].1[0]), (HANDSHAKE, first_message));
    for (kind, _) in &records[1..] {
        assert!(
            [CHANGE_CIPHER_SPEC, APPLICATION_DATA].contains(kind),
            "a record of type {kind} after the first one"
        );
    }
}

/// Proves 10.6-1, 4.1-12, 4.1-14, 4.2.2-2, 7.1.1-1.
#[test]
fn a_conversation_runs_through_the_tunnel_in_both_roles_and_nothing_of_it_beside() {
    let (trust, identity) = configs();
    let (near, far, url) = tcp();
    let server = thread::spawn(move || serve(Recorded::new(tls_server(identity, far))));
    let stream = Recorded::new(tls_client(trust, near));
    let socket = converse(&client(&url), stream).unwrap();
    let server = server.join().unwrap().unwrap();

    assert_clean(&socket.closed().unwrap());
    assert_clean(&server.closed().unwrap());
    // The server ended TCP first (§7.1.1), and each TLS session with a close_notify: the client
    // would not take TCP's end alone for an end in order, and the server waits for no more.
    assert_eq!(
        socket.closed().unwrap().tcp,
        Some(TcpEnd::ClosedBy(Side::Peer))
    );
    assert_eq!(
        server.closed().unwrap().tcp,
        Some(TcpEnd::ClosedBy(Side::Us))
    );
    assert!(!server.stream().stream.tls.conn.wants_read());

    let above = socket.stream().passed.lock().unwrap();
    let below = &socket.stream().stream.tls.sock.passed.lock().unwrap();
    assert_tunnel(&below.sent, 1); // ClientHello
    assert_tunnel(&below.received, 2); // ServerHello
    let large = large();
    for (sent, part) in [
        (true, &b"GET /chat HTTP/1.1\r\n"[..]),
        (true, b"Sec-WebSocket-Key: "),
        (false, b"HTTP/1.1 101 Switching Protocols\r\n"),
        (false, b"Sec-WebSocket-Accept: "),
        (true, TEXT.as_bytes()),
        (false, TEXT.as_bytes()),
        (true, PING),
        (false, PING), // in the Pong
        (true, &large[..32]),
        (false, &large[..32]),
        (true, &large[large.len() - 32..]),
        (false, &large[large.len() - 32..]),
        (true, REASON.as_bytes()),
        (false, REASON.as_bytes()),
    ] {
        let name = String::from_utf8_lossy(part);
        let passed = if sent { &above.sent } else { &above.received };
        assert!(contains(passed, part), "{name:?} was not sent");
        for wire in [&below.sent, &below.received] {
            assert!(!contains(wire, part), "{name:?} can be read on the wire");
        }
    }
    // At the other end came out what went in at this one.
    let other = server.stream().passed.lock().unwrap();
    assert!(other.received == above.sent && other.sent == above.received);
}

/// Proves 10.6-1.
#[test]
fn a_tls_stream_is_enough_as_any_stream_without_time_limits() {
    let (trust, identity) = configs();
    let (near, far, url) = tcp();
    let server = thread::spawn(move || {
        let connection = ServerConnection::new(identity).unwrap();
        serve(Untimed(StreamOwned::new(connection, far)))
    });
    let stream = Untimed(StreamOwned::new(tls_connection(trust), near));
    let mut socket = client(&url).handshake(stream).unwrap();
    socket.send(TEXT).unwrap();
    assert_eq!(socket.read().unwrap(), Some(Message::Text(TEXT)));
    socket.send(&large()[..]).unwrap();
    assert_eq!(socket.read().unwrap(), Some(Message::Binary(&large())));
    // A stream that cannot be shut down ends when it is dropped.
    drop(socket);
    let server = server.join().unwrap().unwrap();
    assert_eq!(server.closed().unwrap().code(), CloseCode::GOING_AWAY);
}

/// What TLS itself objected to.
fn tls_error<S: Stream>(result: Result<WebSocket<S>, Error>) -> rustls::Error {
    match result {
        Err(Error::Io(error)) => error.downcast().expect("an error of TLS"),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("a handshake that should have failed"),
    }
}

/// Proves 4.1-13.
#[test]
fn a_server_that_cannot_be_verified_is_left_and_told_nothing() {
    let localhost = || certificate_for("localhost");
    let elsewhere = certificate_for("elsewhere.test");
    // One who made himself a certificate like the trusted one, and one who is trusted, but another.
    for (why, trusted, used) in [
        ("BadSignature", localhost().0, localhost()),
        ("not valid for name", elsewhere.0.clone(), elsewhere),
    ] {
        let (near, far, url) = tcp();
        let server = thread::spawn(move || serve(tls_server(server_with(used), far)));
        let stream = tls_client(client_trusting(&trusted), near);
        let passed = Arc::clone(&stream.tls.sock.passed);
        let error = tls_error(client(&url).handshake(stream));
        assert!(error.to_string().contains(why), "{error}");
        // The server, too, is at an end, and has seen no request.
        assert!(server.join().unwrap().is_err(), "{why}");
        let sent = &passed.lock().unwrap().sent;
        assert_tunnel(sent, 1);
        for (_, body) in &records(sent)[1..] {
            // An alert is 2 bytes, which encryption makes 19; a request has no room in that.
            assert!(body.len() < 32, "{why}: {} bytes were sent", body.len());
        }
    }
}

/// Proves 4.1-15.
#[test]
fn the_client_names_the_host_and_the_server_sees_it_with_the_request() {
    let (trust, identity) = configs();
    let (near, far, url) = tcp();
    let server = thread::spawn(move || -> Result<_, Error> {
        let request = Request::read(tls_server(identity, far), &config())?;
        let named = request.stream().tls.conn.server_name().map(str::to_owned);
        let host = request.fields().get("Host").map(str::to_owned);
        request.upgrade()?;
        Ok((named, host))
    });
    client(&url).handshake(tls_client(trust, near)).unwrap();
    let (named, host) = server.join().unwrap().unwrap();
    assert_eq!(named.as_deref(), Some("localhost"));
    // A server of many hosts can hold the two against each other.
    let host = host.unwrap();
    assert!(host.starts_with("localhost:"), "{host}");
}

/// Proves 4.2.2-2.
#[test]
fn a_server_that_does_not_host_the_name_closes_the_connection() {
    let (certificate, key) = certificate_for("elsewhere.test");
    let trust = client_trusting(&certificate);
    let provider = rustls::crypto::ring::default_provider();
    let hosted = CertifiedKey::from_der(vec![certificate], key, &provider).unwrap();
    let mut hosts = ResolvesServerCertUsingSni::new();
    hosts.add("elsewhere.test", hosted).unwrap();
    let identity = ServerConfig::builder().with_no_client_auth();
    let identity = Arc::new(identity.with_cert_resolver(Arc::new(hosts)));

    let (near, far, url) = tcp();
    let mut rest = near.try_clone().unwrap();
    let server = thread::spawn(move || serve(tls_server(identity, far)));
    let stream = tls_client(trust, near);
    let passed = Arc::clone(&stream.tls.sock.passed);
    let error = tls_error(client(&url).handshake(stream));
    assert!(matches!(error, rustls::Error::AlertReceived(_)), "{error}");
    tls_error(server.join().unwrap());
    // The alert was all it said, and then TCP ended.
    let received = &passed.lock().unwrap().received;
    let records = records(received);
    assert!(matches!(records[..], [(ALERT, [_, _])]), "{records:?}");
    assert_eq!(rest.read(&mut [0]).unwrap(), 0);
}

/// An open tunnel: this end, which is going to be a WebSocket, and the peer's.
fn tunnel() -> (
    Tls<ClientConnection>,
    StreamOwned<ServerConnection, TcpStream>,
) {
    let (trust, identity) = configs();
    let (near, far, _) = tcp();
    let peer = thread::spawn(move || {
        let connection = ServerConnection::new(identity).unwrap();
        let mut peer = StreamOwned::new(connection, far);
        peer.conn.complete_io(&mut peer.sock).unwrap();
        peer
    });
    let mut ours = tls_client(trust, near);
    ours.tls.conn.complete_io(&mut ours.tls.sock).unwrap();
    (ours, peer.join().unwrap())
}

/// What TLS makes of these bytes, instead of sending it.
fn encrypted(peer: &mut StreamOwned<ServerConnection, TcpStream>, bytes: &[u8]) -> Vec<u8> {
    peer.conn.writer().write_all(bytes).unwrap();
    let mut records = Vec::new();
    while peer.conn.wants_write() {
        peer.conn.write_tls(&mut records).unwrap();
    }
    records
}

fn assert_times_out<S: Stream>(socket: &mut WebSocket<S>) {
    let result = socket.read_deadline(Instant::now() + SHORT);
    assert!(matches!(result, Err(Error::TimedOut)), "{result:?}");
}

#[test]
fn a_read_with_a_time_limit_loses_no_byte_of_a_frame_or_of_a_record() {
    for role in ROLES {
        let (ours, mut peer) = tunnel();
        let mut socket = WebSocket::after_handshake(ours, role, &[], &config()).unwrap();
        let message = &large()[..1000];
        let frame = frame_for(role, FIN | BINARY, message);
        // Half a header, then half a payload, each in a whole record of TLS.
        for part in [&frame[..3], &frame[3..500]] {
            peer.write_all(part).unwrap();
            assert_times_out(&mut socket);
        }
        // The rest in one record, in two halves.
        let record = encrypted(&mut peer, &frame[500..]);
        let (front, back) = record.split_at(record.len() / 2);
        peer.sock.write_all(front).unwrap();
        assert_times_out(&mut socket);
        peer.sock.write_all(back).unwrap();
        assert_eq!(socket.read().unwrap(), Some(Message::Binary(message)));
    }
}

#[test]
fn a_peer_that_sends_a_record_a_byte_at_a_time_does_not_stretch_the_time_limit() {
    let (ours, mut peer) = tunnel();
    let mut socket = WebSocket::after_handshake(ours, Role::Client, &[], &config()).unwrap();
    // At this speed the record takes most of a minute, and there is never more than a moment's
    // pause.
    let record = encrypted(&mut peer, &frame(FIN | BINARY, None, &large()[..4000]));
    let (given_up, was_given_up) = mpsc::channel::<()>();
    let peer = thread::spawn(move || {
        let last = record.len() - 1;
        let at = record.iter().position(|&byte| {
            peer.sock.write_all(&[byte]).unwrap();
            was_given_up.recv_timeout(SHORT / 5) != Err(RecvTimeoutError::Timeout)
        });
        at.is_some_and(|at| at < last)
    });
    assert_times_out(&mut socket);
    drop(given_up);
    let in_the_middle = peer.join().unwrap();
    assert!(in_the_middle, "the time limit was that of the record");
}

#[test]
fn a_peer_that_does_not_read_is_not_waited_for_through_the_tunnel_either() {
    let (ours, _peer) = tunnel();
    let config = Config {
        write_timeout: SHORT,
        ..config()
    };
    let mut socket = WebSocket::after_handshake(ours, Role::Server, &[], &config).unwrap();
    let began = Instant::now();
    // More than the systems of both ends keep for one who does not read.
    let large = large();
    let failed = (0..100).find_map(|_| socket.send(&large[..]).err());
    let Some(Error::Closed(closed)) = failed else {
        panic!("{failed:?}");
    };
    assert!(matches!(closed.tcp, Some(TcpEnd::Broken(_))), "{closed}");
    // It did not wait for the peer to send either.
    assert!(began.elapsed() < PATIENCE);
}

#[test]
fn a_peer_that_fell_silent_is_noticed_through_the_tunnel_too() {
    let (ours, _peer) = tunnel();
    let config = Config {
        keepalive: Some(SHORT),
        ..config()
    };
    let mut socket = WebSocket::after_handshake(ours, Role::Client, &[], &config).unwrap();
    // The limit of its reads is set once and holds for each of them: for that before the Ping, and
    // for that in which no Pong came.
    let result = socket.read();
    let Err(Error::Closed(closed)) = result else {
        panic!("{result:?}");
    };
    assert!(matches!(closed.tcp, Some(TcpEnd::Broken(_))), "{closed}");
}

#[test]
fn the_closing_handshake_ends_between_streams_that_cannot_be_shut_down() {
    let (trust, identity) = configs();
    let (near, far, url) = tcp();
    let server = thread::spawn(move || {
        let connection = ServerConnection::new(identity).unwrap();
        serve(Untimed(StreamOwned::new(connection, far))).map(|socket| socket.closed().unwrap())
    });
    let stream = Untimed(StreamOwned::new(tls_connection(trust), near));
    assert_clean(&converse(&client(&url), stream).unwrap().closed().unwrap());
    assert_clean(&server.join().unwrap().unwrap());
}

#[test]
fn a_server_that_says_nothing_of_tls_is_not_waited_for() {
    let (trust, _) = configs();
    let (near, _far, url) = tcp();
    let config = Config {
        handshake_timeout: SHORT,
        ..config()
    };
    let result = client(&url)
        .config(config)
        .handshake(tls_client(trust, near));
    assert!(matches!(
        result,
        Err(Error::Handshake(HandshakeError::TimedOut))
    ));
}
