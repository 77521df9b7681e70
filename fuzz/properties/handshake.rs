//! What holds for the opening handshake, whatever stands in its place: heads of requests and of
//! responses, and the small languages in them, extensions and URLs.

use rfc6455::opening::{
    self, Extension, Fields, Head, HeadReader, RequestLine, StartLine, StatusLine, Url, is_token,
    name, parse_extensions,
};
use rfc6455::{Client, Config, Entropy, Error, HandshakeError, Request, Untimed, WebSocket};
use std::cell::RefCell;
use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::time::Duration;

/// Checks all properties for one input.
pub fn check(input: &[u8]) {
    let config = Config {
        // No limit of time may end a handshake here, even if the machine sleeps.
        handshake_timeout: Duration::from_secs(3600),
        ..Config::default()
    };
    let narrow = Config {
        max_head: 100,
        max_fields: 3,
        ..config.clone()
    };
    for config in [config, narrow] {
        head::<RequestLine>(input, &config);
        head::<StatusLine>(input, &config);
        for end in [End::Ended, End::TimedOut] {
            server(input, &config, end);
            client(input, &config, end);
        }
    }
    if let Ok(text) = std::str::from_utf8(input) {
        extensions(text);
        url(text);
    }
}

/// A reader's answer to one kind of head.
type Answer<L> = Result<Option<(Head<L>, usize)>, HandshakeError>;

/// A head is read in the same way, however it was cut. It is written in the way it was read.
fn head<L: StartLine + Clone + Debug + PartialEq>(input: &[u8], config: &Config) {
    let reader = || HeadReader::<L>::new(config.max_head, config.max_fields);
    let read = |bytes: &[u8]| reader().read(bytes);
    let at_once = read(input);
    // The bytes arrive piece by piece. The first answer that is not "more bytes are needed" counts.
    // It must be the answer to the whole input, whether it is an error or a head.
    let cut_up = |ends: &mut dyn Iterator<Item = usize>| -> Answer<L> {
        let mut reader = reader();
        for end in ends {
            match reader.read(&input[..end]) {
                Ok(None) => {}
                answer => return answer,
            }
        }
        reader.read(input)
    };
    assert_eq!(cut_up(&mut (0..input.len())), at_once);
    assert_eq!(cut_up(&mut (0..input.len()).step_by(7)), at_once);
    if input.len() <= 100 {
        for cut in 0..input.len() {
            assert_eq!(cut_up(&mut [cut].into_iter()), at_once, "cut at {cut}");
        }
    }

    let Ok(Some((head, size))) = at_once else {
        return;
    };
    assert!(size <= config.max_head);
    assert!(head.fields.iter().count() <= config.max_fields);
    let text: String = input[..size].iter().map(|&byte| char::from(byte)).collect();
    let fields = fields_of::<L>(&text);
    assert!(
        fields
            .iter()
            .map(|(name, value)| (*name, &value[..]))
            .eq(head.fields.iter())
    );
    // What was behind the head made no difference.
    assert_eq!(read(&input[..size]), Ok(Some((head.clone(), size))));

    // Written and read again it is the same, as far as it is ASCII: a byte above that is read as
    // the character with its number, and a character is written as UTF-8, which has more bytes.
    // Writing also adds the space behind a colon, so the limit is another.
    if input[..size].is_ascii() {
        let written = head.encode();
        let again = HeadReader::new(usize::MAX, config.max_fields).read(&written);
        assert_eq!(again, Ok(Some((head, written.len()))));
    }
}

/// The fields of a head are the lines behind the first: a name, a colon, and a value with nothing
/// lost but the white space around it. Empty lines may stand before the first line of a request. In
/// a response, a line that begins with white space belongs to the one before it.
fn fields_of<L: StartLine>(mut head: &str) -> Vec<(&str, String)> {
    while L::MAY_FOLLOW_EMPTY_LINES && head.starts_with("\r\n") {
        head = &head[2..];
    }
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in head.strip_suffix("\r\n\r\n").unwrap().split("\r\n").skip(1) {
        if L::MAY_FOLD && line.starts_with([' ', '\t']) {
            let value = &mut fields.last_mut().unwrap().1;
            let more = line.trim_matches([' ', '\t']);
            if !value.is_empty() && !more.is_empty() {
                value.push(' ');
            }
            value.push_str(more);
            continue;
        }
        let (name, value) = line.split_once(':').unwrap();
        assert!(is_token(name.as_bytes()));
        fields.push((name, value.trim_matches([' ', '\t']).to_owned()));
    }
    fields
}

/// A server reads a request, accepts or refuses it, and what it answers is what it says.
fn server(input: &[u8], config: &Config, end: End) {
    let (stream, sent) = Peer::new(input, end);
    let request = match Request::read(stream, config) {
        Ok(request) => request.subprotocols(&["chat", "superchat"]),
        // The peer has left, or it never came. So there is no answer.
        Err(Error::Handshake(HandshakeError::Ended)) => return assert!(sent.take().is_empty()),
        Err(Error::Handshake(_)) if input.is_empty() => return assert!(sent.take().is_empty()),
        Err(Error::Handshake(why)) => {
            let mut reader = HeadReader::<RequestLine>::new(config.max_head, config.max_fields);
            let head = reader.read(input);
            let is_head = matches!(head, Ok(Some((head, _))) if head.start.method == "HEAD");
            return is_refusal(&with_body(sent.take(), is_head, &why), &why);
        }
        Err(error) => panic!("{error}"),
    };
    assert!(!request.path().contains('?'));
    let (head, behind) = read_whole::<RequestLine>(input, config);
    assert_eq!(request.fields(), &head.fields);

    // RFC 9110 §9.3.2: the answer to HEAD has no body, and the length that it would have.
    let without_body = request.method() == "HEAD";
    match request.upgrade() {
        Ok(socket) => {
            let key = opening::check_request(&head).unwrap().key;
            let sent = sent.take();
            // RFC 9110 §7.8: 100 before 101, if the client expects it.
            let sent = match opening::expects_continue(&head) {
                true => sent.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap(),
                false => &sent[..],
            };
            let (answer, more) = read_whole::<StatusLine>(sent, &Config::default());
            assert_eq!((answer.start.status, more), (101, &b""[..]));
            // A client that sent this request accepts this answer.
            let offered: Vec<String> = head
                .fields
                .list(name::PROTOCOL)
                .map(str::to_owned)
                .collect();
            let chosen = opening::check_response(&answer, key, &offered, &[]).unwrap();
            assert_eq!(chosen.subprotocol, socket.subprotocol());
            begins_with(socket, behind, end);
        }
        Err(Error::Handshake(why)) => {
            is_refusal(&with_body(sent.take(), without_body, &why), &why);
        }
        Err(error) => panic!("{error}"),
    }
}

/// A refusal, with the body that the answer to HEAD leaves out (RFC 9110 §9.3.2).
fn with_body(mut sent: Vec<u8>, is_head: bool, why: &HandshakeError) -> Vec<u8> {
    if is_head {
        assert!(sent.ends_with(b"\r\n\r\n"));
        sent.extend(format!("{why}\n").as_bytes());
    }
    sent
}

/// A refusal is a whole HTTP response with the status of its reason, and the reason as its body.
fn is_refusal(sent: &[u8], why: &HandshakeError) {
    let (head, body) = read_whole::<StatusLine>(sent, &Config::default());
    assert_eq!(head.start.status, why.status());
    assert!(!head.start.reason.is_empty(), "{}", head.start.status);
    let lengths: Vec<_> = head.fields.all("Content-Length").collect();
    assert_eq!(lengths, [body.len().to_string()]);
    assert!(head.fields.has_token("Connection", "close"));
    assert_eq!(body, format!("{why}\n").as_bytes());
    match why {
        // RFC 9110 §15.5.6 and RFC 6455 §4.4: what would be accepted.
        HandshakeError::Method(_) => assert_eq!(head.fields.get("Allow"), Some("GET")),
        HandshakeError::Version(_) => {
            assert_eq!(head.fields.get("Sec-WebSocket-Version"), Some("13"));
        }
        _ => {}
    }
    is_printable(why);
}

/// What a peer wrote cannot move the cursor in the terminal that shows the error.
fn is_printable(why: &HandshakeError) {
    let shown = why.to_string();
    assert!(
        !shown.contains(|c: char| c.is_control() && c != '\t'),
        "{shown:?}"
    );
}

/// The head behind the interim responses, and the bytes behind it.
fn final_head<'a>(
    mut input: &'a [u8],
    config: &Config,
    end: End,
) -> Result<(Head<StatusLine>, &'a [u8]), HandshakeError> {
    const MAX_INTERIM: usize = 16;
    for _ in 0..=MAX_INTERIM {
        let mut reader = HeadReader::<StatusLine>::new(config.max_head, config.max_fields);
        let Some((head, size)) = reader.read(input)? else {
            return Err(match end {
                End::Ended => HandshakeError::Ended,
                End::TimedOut => HandshakeError::TimedOut,
            });
        };
        input = &input[size..];
        if !head.start.is_interim() {
            return Ok((head, input));
        }
    }
    Err(HandshakeError::TooManyInterim(MAX_INTERIM))
}

/// A client asks properly, and accepts what `check_response` accepts and nothing else.
fn client(input: &[u8], config: &Config, end: End) {
    let config = Config {
        entropy: || Entropy::scripted(b"the sample nonce"),
        ..config.clone()
    };
    let offered = ["chat", "superchat"];
    let (stream, sent) = Peer::new(input, end);
    let result = Client::new("ws://example.com/chat?room=1")
        .unwrap()
        .config(config.clone())
        .subprotocols(&offered)
        .handshake(stream);

    let sent = sent.take();
    let (request, more) = read_whole::<RequestLine>(&sent, &Config::default());
    assert!(more.is_empty());
    let opening = opening::check_request(&request).unwrap();
    assert_eq!(opening.subprotocols, offered);
    let offered = offered.map(str::to_owned);

    let head = final_head(input, &config, end);
    let expected = match &head {
        Err(why) => Err(why.clone()),
        Ok((head, _)) if head.start.status != 101 => {
            let Err(Error::Handshake(why @ HandshakeError::Status { status, .. })) = &result else {
                panic!("{result:?}");
            };
            assert_eq!(*status, head.start.status);
            return is_printable(why);
        }
        Ok((head, _)) => {
            let chosen = opening::check_response(head, opening.key, &offered, &[]);
            chosen.map(|chosen| chosen.subprotocol)
        }
    };
    match (result, expected) {
        (Ok(socket), Ok(subprotocol)) => {
            assert_eq!(socket.subprotocol(), subprotocol);
            let (head, behind) = head.as_ref().unwrap();
            let fields = &head.fields;
            assert!(fields.has_token("Upgrade", "websocket"));
            assert!(fields.has_token("Connection", "Upgrade"));
            let accept = opening::accept_for(opening.key);
            assert!(fields.all("Sec-WebSocket-Accept").eq([&accept[..]]));
            assert!(subprotocol.is_none_or(|chosen| offered.iter().any(|one| one == chosen)));
            assert_eq!(fields.get(name::EXTENSIONS), None);
            begins_with(socket, behind, end);
        }
        (Err(Error::Handshake(why)), Err(expected)) => {
            assert_eq!(why, expected);
            is_printable(&why);
        }
        (result, expected) => panic!("{result:?} where {expected:?} was due"),
    }
}

/// What arrived behind the handshake is what the connection begins with.
fn begins_with(mut socket: WebSocket<Untimed<Peer<'_>>>, behind: &[u8], end: End) {
    let (stream, _) = Peer::new(&[], end);
    let mut same =
        WebSocket::after_handshake(stream, socket.role(), behind, &Config::default()).unwrap();
    let (first, other) = (socket.read(), same.read());
    assert_eq!(format!("{first:?}"), format!("{other:?}"));
}

/// The head at the front of bytes that were accepted, and what is behind it.
fn read_whole<'a, L: StartLine>(bytes: &'a [u8], config: &Config) -> (Head<L>, &'a [u8]) {
    let (head, size) = HeadReader::new(config.max_head, config.max_fields)
        .read(bytes)
        .unwrap()
        .unwrap();
    (head, &bytes[size..])
}

/// A list of extensions that was accepted consists of tokens, and is the same when written plainly
/// and read again. One that was refused is named.
fn extensions(value: &str) {
    let mut fields = Fields::default();
    fields.push(name::EXTENSIONS, value);
    let list = match parse_extensions(&fields) {
        Ok(list) => list,
        Err(named) => return assert_eq!(named, value),
    };
    assert!(!list.is_empty());
    let mut plainly = Vec::new();
    for Extension { name, parameters } in &list {
        let mut words = vec![name.clone()];
        for (name, value) in parameters {
            assert!(is_token(name.as_bytes()));
            assert!(
                value
                    .as_ref()
                    .is_none_or(|value| is_token(value.as_bytes()))
            );
            words.push(match value {
                Some(value) => format!("{name}={value}"),
                None => name.clone(),
            });
        }
        assert!(is_token(name.as_bytes()));
        plainly.push(words.join(";"));
    }
    let mut again = Fields::default();
    for one in &plainly {
        again.push(name::EXTENSIONS, one);
    }
    assert_eq!(parse_extensions(&again), Ok(list));
}

/// A URL that was accepted is the same when written and read again, and a request for it is one
/// that a server accepts.
fn url(text: &str) {
    let Ok(url) = text.parse::<Url>() else {
        return;
    };
    let scheme = if url.secure { "wss" } else { "ws" };
    let written = format!("{scheme}://{}{}", url.authority(), url.resource);
    assert_eq!(written.parse(), Ok(url.clone()));

    let key = opening::key_for(*b"the sample nonce");
    let request = opening::client_request(&url, &key, &[], &[], &Fields::default());
    let config = Config {
        max_head: usize::MAX,
        ..Config::default()
    };
    let written = request.encode();
    let (again, _) = read_whole::<RequestLine>(&written, &config);
    assert_eq!(again, request);
    assert_eq!(opening::check_request(&request).unwrap().key, key);
}

/// How a peer falls silent.
#[derive(Clone, Copy)]
enum End {
    /// It ends TCP.
    Ended,
    /// It sends nothing more, until the time runs out.
    TimedOut,
}

/// What was sent to a [`Peer`].
type Sent = Rc<RefCell<Vec<u8>>>;

/// The other end, in memory: it sends the input, whatever it is sent itself.
#[derive(Debug)]
struct Peer<'a> {
    rest: &'a [u8],
    timeout: bool,
    sent: Sent,
}

impl<'a> Peer<'a> {
    fn new(input: &'a [u8], end: End) -> (Untimed<Peer<'a>>, Sent) {
        let sent = Sent::default();
        let peer = Peer {
            rest: input,
            timeout: matches!(end, End::TimedOut),
            sent: Rc::clone(&sent),
        };
        (Untimed(peer), sent)
    }
}

impl Read for Peer<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.timeout && self.rest.is_empty() {
            true => Err(ErrorKind::WouldBlock.into()),
            false => self.rest.read(room),
        }
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
