//! An echo server that is written from the RFC, strict, small, and not with this library. It can
//! break one rule, so that the judge has something to notice.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use rand::rngs::StdRng;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// The rule that a server breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Strict,
    AnyMethod,
    Http10,
    NoHostNeeded,
    NoUpgradeNeeded,
    UpgradeByPrefix,
    UpgradeInLowerCase,
    NoConnectionNeeded,
    ConnectionIsOneWord,
    ConnectionInTitleCase,
    NoKeyNeeded,
    NoVersionNeeded,
    AnyVersion,
    RefusesVersionSilently,
    NamesInTitleCase,
    AcceptInHex,
    AcceptWithoutGuid,
    AcceptIsConstant,
    Status200,
    NoUpgradeInAnswer,
    NoConnectionInAnswer,
    Http10InAnswer,
    NamesASubprotocol,
    NamesAnotherSubprotocol,
    TakesEveryExtension,
    NeedsHeadInOneRead,
    KeepsSpaces,
    IgnoresRsv1,
    IgnoresRsv2,
    IgnoresRsv3,
    IgnoresRsvOfControl,
    IgnoresReservedData,
    IgnoresReservedControl,
    TakesUnmasked,
    TakesUnmaskedControl,
    MasksAnswers,
    SetsRsv,
    SendsReservedOpcode,
    LittleEndianLength,
    SignedLength,
    ShortLengthsOnly,
    LongFormSent,
    LongFormTaken,
    IgnoresTopBit,
    OneFrameARead,
    KeyOfFirstFrame,
    KeyBeginsWithRead,
    UnmasksFoursOnly,
    ZeroKeyIsNoMask,
    EchoesFragments,
    EmptyFragmentEnds,
    TakesContinuationAlone,
    TakesMessageInMessage,
    ControlEndsMessage,
    PongWaitsForMessage,
    TakesFragmentedControl,
    TextIsBinary,
    NoPong,
    EmptyPong,
    ShortPong,
    TakesLongControl,
    AnswersPong,
    PongFails,
    PingIsText,
    NoCloseAnswer,
    KeepsTcp,
    ClosesTwice,
    DataBehindClose,
    Sends1005,
    EchoesEveryCode,
    EchoesOneByte,
    Closes1000,
    EchoesBadReason,
    AnswersBehindClose,
    FailsWithoutClose,
    FailsWithoutEnd,
    FailsWith1008,
    GoesOnBehindFailure,
    NoUtf8,
    Utf8PerFragment,
    Utf8Late,
    Utf8Of1002,
    Lossy,
    TakesSurrogates,
    BinaryIsText,
    TextEndsAtNul,
    ReasonOver100Fails,
    ServesOne,
    NoEcho,
    // Of clients only:
    SendsPost,
    SendsHttp10,
    SendsNoHost,
    SendsNoVersion,
    SendsShortKey,
    SendsOneKey,
    TakesEveryStatus,
    TakesNoUpgrade,
    TakesNoConnection,
    TakesEveryAccept,
    TakesUnknownExtension,
    TakesUnknownSubprotocol,
    TakesMasked,
    SendsUnmasked,
    MasksWithOneKey,
    CountsKeys,
}

use Fault::*;

/// A server on a port of its own. It runs until the tests end.
pub fn start(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = move || drop(Server::new(fault, stream.unwrap()).serve());
            match fault {
                ServesOne => serve(),
                _ => drop(thread::spawn(serve)),
            }
        }
    });
    address
}

/// Why a connection is failed: the code, and the frames that were read behind the broken rule.
struct Failed(u16);

impl From<io::Error> for Failed {
    fn from(_: io::Error) -> Failed {
        Failed(0)
    }
}

pub struct Server {
    fault: Fault,
    /// It is a client: it masks, and its peer does not.
    pub is_client: bool,
    last_key: u32,
    stream: TcpStream,
    /// What was read and not used.
    unread: Vec<u8>,
    first_key: Option<[u8; 4]>,
    message: Option<(u8, Vec<u8>)>,
    late_pongs: Vec<Vec<u8>>,
}

struct Frame {
    fin: bool,
    opcode: u8,
    payload: Vec<u8>,
}

impl Server {
    pub fn new(fault: Fault, stream: TcpStream) -> Server {
        stream.set_nodelay(true).unwrap();
        Server {
            fault,
            is_client: false,
            last_key: 0x1234_5678,
            stream,
            unread: Vec::new(),
            first_key: None,
            message: None,
            late_pongs: Vec::new(),
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn serve(&mut self) -> io::Result<()> {
        match self.open()? {
            true => self.converse(),
            false => self.end(),
        }
    }

    /// Echoes messages on an open connection.
    pub fn converse(&mut self) -> io::Result<()> {
        loop {
            match self.frame().and_then(|frame| self.take(frame)) {
                Ok(true) => {}
                Ok(false) => return self.end(),
                Err(Failed(0)) => return Ok(()),
                Err(Failed(code)) => {
                    let code = if self.is(FailsWith1008) { 1008 } else { code };
                    if !self.is(FailsWithoutClose) {
                        self.send(8, &code.to_be_bytes())?;
                    }
                    if self.is(GoesOnBehindFailure) {
                        while let Ok(frame) = self.frame() {
                            let _ = self.take(frame);
                        }
                    }
                    if self.is(FailsWithoutEnd) {
                        thread::sleep(Duration::from_secs(60));
                    }
                    return self.end();
                }
            }
        }
    }

    /// Ends TCP without a reset: what the peer still sends is read.
    fn end(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut room = [0; 4096];
        while self.stream.read(&mut room).is_ok_and(|count| count > 0) {}
        Ok(())
    }

    /// One more read. Returns whether something came.
    fn read(&mut self) -> io::Result<()> {
        let mut room = [0; 1 << 16];
        match self.stream.read(&mut room)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.unread.extend(&room[..count]);
                Ok(())
            }
        }
    }

    fn next_key(&mut self) -> [u8; 4] {
        match self.fault {
            MasksWithOneKey => {}
            CountsKeys => self.last_key += 1,
            _ => self.last_key = rand::make_rng::<StdRng>().next_u32(),
        }
        self.last_key.to_be_bytes()
    }

    /// §4.1. Returns whether the connection is open.
    pub fn open_as_client(&mut self, resource: &str) -> io::Result<bool> {
        let method = if self.is(SendsPost) { "POST" } else { "GET" };
        let version = if self.is(SendsHttp10) { "1.0" } else { "1.1" };
        let nonce: [u8; 16] = match self.fault {
            SendsOneKey => *b"always the same.",
            _ => {
                let mut nonce = [0; 16];
                rand::make_rng::<StdRng>().fill_bytes(&mut nonce);
                nonce
            }
        };
        let key = match self.is(SendsShortKey) {
            true => STANDARD.encode(&nonce[1..]),
            false => STANDARD.encode(nonce),
        };
        let mut request = format!(
            "{method} {resource} HTTP/{version}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\n"
        );
        if !self.is(SendsNoHost) {
            request += "Host: localhost\r\n";
        }
        if !self.is(SendsNoVersion) {
            request += "Sec-WebSocket-Version: 13\r\n";
        }
        self.stream.write_all((request + "\r\n").as_bytes())?;
        while !self.unread.windows(4).any(|end| end == b"\r\n\r\n") {
            self.read()?;
        }
        let end = self.unread.windows(4).position(|end| end == b"\r\n\r\n");
        let head: Vec<u8> = self.unread.drain(..end.unwrap() + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let has = |field: &str| head.contains(&format!("{field}\r\n"));
        let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        let hash = sha1_smol::Sha1::from(format!("{key}{guid}")).digest();
        let accept = STANDARD.encode(hash.bytes());
        let checks = [
            (head.starts_with("HTTP/1.1 101 "), TakesEveryStatus),
            (has("\r\nUpgrade: websocket"), TakesNoUpgrade),
            (
                has("\r\nConnection: Upgrade") || has("\r\nConnection: Upgrade, close"),
                TakesNoConnection,
            ),
            (
                has(&format!("Sec-WebSocket-Accept: {accept}")),
                TakesEveryAccept,
            ),
            (
                !head.contains("Sec-WebSocket-Extensions"),
                TakesUnknownExtension,
            ),
            (
                !head.contains("Sec-WebSocket-Protocol"),
                TakesUnknownSubprotocol,
            ),
        ];
        Ok(checks
            .iter()
            .all(|(is_good, fault)| *is_good || self.is(*fault)))
    }

    /// §4.2. Returns whether the connection is open.
    fn open(&mut self) -> io::Result<bool> {
        self.read()?;
        while !self.unread.windows(4).any(|end| end == b"\r\n\r\n") {
            if self.is(NeedsHeadInOneRead) {
                return self.refuse("400 Bad Request");
            }
            self.read()?;
        }
        let end = self.unread.windows(4).position(|end| end == b"\r\n\r\n");
        let head: Vec<u8> = self.unread.drain(..end.unwrap() + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let request: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let fields: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| {
                let value = match self.is(KeepsSpaces) {
                    true => value.strip_prefix(' ').unwrap_or(value),
                    false => value.trim_matches([' ', '\t']),
                };
                (name.to_owned(), value.to_owned())
            })
            .collect();
        let all = |name: &str| -> Vec<&str> {
            let same = |known: &str| match self.is(NamesInTitleCase) {
                true => known == name,
                false => known.eq_ignore_ascii_case(name),
            };
            let fields = fields.iter().filter(|(known, _)| same(known));
            fields.map(|(_, value)| &value[..]).collect()
        };
        let tokens = |name: &str| -> Vec<&str> {
            let values = all(name).into_iter().flat_map(|value| value.split(','));
            values
                .map(|token| token.trim_matches([' ', '\t']))
                .collect()
        };
        let words = |name: &str| match self.is(KeepsSpaces) {
            true => all(name),
            false => tokens(name),
        };
        let has_upgrade = words("Upgrade").iter().any(|token| match self.fault {
            UpgradeByPrefix => token.to_lowercase().starts_with("websocket"),
            UpgradeInLowerCase => *token == "websocket",
            _ => token.eq_ignore_ascii_case("websocket"),
        });
        let connection = match self.is(ConnectionIsOneWord) {
            true => all("Connection"),
            false => tokens("Connection"),
        };
        let has_connection = connection.iter().any(|token| match self.fault {
            ConnectionInTitleCase => *token == "Upgrade",
            _ => token.eq_ignore_ascii_case("upgrade"),
        });
        let keys = all("Sec-WebSocket-Key");
        let is_key = |key: &&str| STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16);
        let checks = [
            (request[0] == "GET", AnyMethod),
            (request[2] == "HTTP/1.1", Http10),
            (all("Host").len() == 1, NoHostNeeded),
            (has_upgrade, NoUpgradeNeeded),
            (has_connection, NoConnectionNeeded),
            (matches!(&keys[..], [key] if is_key(key)), NoKeyNeeded),
        ];
        // A missing field is a fault of its own; two fields or a wrong value are still refused.
        let missing = |fault: Fault| match fault {
            NoHostNeeded => all("Host").is_empty(),
            NoUpgradeNeeded => all("Upgrade").is_empty(),
            NoConnectionNeeded => all("Connection").is_empty(),
            NoKeyNeeded => keys.is_empty(),
            _ => true,
        };
        for (is_good, fault) in checks {
            if !(is_good || self.is(fault) && missing(fault)) {
                return self.refuse("400 Bad Request");
            }
        }
        let version = all("Sec-WebSocket-Version");
        match version[..] {
            ["13"] => {}
            [] if self.is(NoVersionNeeded) => {}
            [_] if self.is(AnyVersion) => {}
            _ if self.is(RefusesVersionSilently) => return self.refuse("400 Bad Request"),
            _ => return self.refuse("426 Upgrade Required\r\nSec-WebSocket-Version: 13"),
        }
        let key = keys.first().copied().unwrap_or_default();
        let guid = match self.is(AcceptWithoutGuid) {
            true => "",
            false => "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
        };
        let hash = sha1_smol::Sha1::from(format!("{key}{guid}")).digest();
        let accept = match self.fault {
            AcceptInHex => hash.to_string(),
            AcceptIsConstant => "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_owned(),
            _ => STANDARD.encode(hash.bytes()),
        };
        let version = if self.is(Http10InAnswer) {
            "1.0"
        } else {
            "1.1"
        };
        let status = match self.is(Status200) {
            true => "200 OK",
            false => "101 Switching Protocols",
        };
        let mut answer = format!("HTTP/{version} {status}\r\n");
        if !self.is(NoUpgradeInAnswer) {
            answer += "Upgrade: websocket\r\n";
        }
        if !self.is(NoConnectionInAnswer) {
            answer += "Connection: Upgrade\r\n";
        }
        answer += &format!("Sec-WebSocket-Accept: {accept}\r\n");
        let offered = !tokens("Sec-WebSocket-Protocol").is_empty();
        if (self.is(NamesASubprotocol) && !offered) || (self.is(NamesAnotherSubprotocol) && offered)
        {
            answer += "Sec-WebSocket-Protocol: chat\r\n";
        }
        if self.is(TakesEveryExtension) {
            for extension in all("Sec-WebSocket-Extensions") {
                if !extension.contains("deflate") {
                    answer += &format!("Sec-WebSocket-Extensions: {extension}\r\n");
                }
            }
        }
        answer += "\r\n";
        self.stream.write_all(answer.as_bytes())?;
        Ok(true)
    }

    fn refuse(&mut self, status: &str) -> io::Result<bool> {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        self.stream.write_all(answer.as_bytes())?;
        Ok(false)
    }

    /// Waits until so many bytes are unread.
    fn need(&mut self, count: usize) -> Result<(), Failed> {
        while self.unread.len() < count {
            self.read()?;
        }
        Ok(())
    }

    /// §5.2: reads a frame, and checks what its header can break.
    fn frame(&mut self) -> Result<Frame, Failed> {
        if self.is(OneFrameARead) {
            self.unread.clear();
        }
        self.need(2)?;
        let [first, second] = [self.unread[0], self.unread[1]];
        let (fin, opcode) = (first & 0x80 != 0, first & 0x0F);
        let is_control = opcode >= 8;
        let ignored = match self.fault {
            IgnoresRsv1 => 0x40,
            IgnoresRsv2 => 0x20,
            IgnoresRsv3 => 0x10,
            IgnoresRsvOfControl if is_control => 0x70,
            _ => 0,
        };
        if first & 0x70 & !ignored != 0 {
            return Err(Failed(1002));
        }
        match opcode {
            0..=2 | 8..=10 => {}
            3..=7 if self.is(IgnoresReservedData) => {}
            11..=15 if self.is(IgnoresReservedControl) => {}
            _ => return Err(Failed(1002)),
        }
        let is_masked = second & 0x80 != 0;
        let may_break = match (self.is_client, is_control) {
            (true, _) => self.is(TakesMasked),
            (false, true) => self.is(TakesUnmaskedControl),
            (false, false) => self.is(TakesUnmasked),
        };
        if is_masked == self.is_client && !may_break {
            return Err(Failed(1002));
        }
        if is_control && !fin && !self.is(TakesFragmentedControl) {
            return Err(Failed(1002));
        }
        let (mut length, mut at) = (u64::from(second & 0x7F), 2);
        if is_control && length > 125 && !self.is(TakesLongControl) {
            return Err(Failed(1002));
        }
        let size = match length {
            126 => 2,
            127 if self.is(ShortLengthsOnly) => 0,
            127 => 8,
            _ => 0,
        };
        if size > 0 {
            self.need(at + size)?;
            let bytes = &self.unread[at..at + size];
            let fold = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
            length = match self.is(LittleEndianLength) {
                true => bytes.iter().rev().fold(0, fold),
                false => bytes.iter().fold(0, fold),
            };
            at += size;
            let least = if size == 2 { 126 } else { 0x1_0000 };
            if length < least && !self.is(LongFormTaken) && !self.is(LittleEndianLength) {
                return Err(Failed(1002));
            }
            if size == 8 && length >> 63 != 0 && !self.is(IgnoresTopBit) {
                return Err(Failed(1002));
            }
            if size == 2 && length > 0x7FFF && self.is(SignedLength) {
                return Err(Failed(1002));
            }
            if length > 64 << 20 && !self.is(IgnoresTopBit) {
                return Err(Failed(1009));
            }
        }
        let mut key = [0; 4];
        if is_masked {
            self.need(at + 4)?;
            key.copy_from_slice(&self.unread[at..at + 4]);
            at += 4;
            if key == [0; 4] && self.is(ZeroKeyIsNoMask) {
                return Err(Failed(1002));
            }
            let first = *self.first_key.get_or_insert(key);
            if self.is(KeyOfFirstFrame) {
                key = first;
            }
        }
        self.unread.drain(..at);
        let length = length as usize & 0x7FFF_FFFF;
        let mut payload = Vec::new();
        while payload.len() < length {
            if self.unread.is_empty() {
                self.read()?;
            }
            let here = self.unread.len().min(length - payload.len());
            let start = match self.is(KeyBeginsWithRead) {
                true => 0,
                false => payload.len(),
            };
            let piece = self.unread.drain(..here).enumerate();
            payload.extend(piece.map(|(i, byte)| byte ^ key[(start + i) % 4]));
            self.look_early(opcode, &payload)?;
        }
        if self.is(UnmasksFoursOnly) {
            let whole = payload.len() / 4 * 4;
            for (i, byte) in payload.iter_mut().enumerate().skip(whole) {
                *byte ^= key[i % 4];
            }
        }
        Ok(Frame {
            fin,
            opcode,
            payload,
        })
    }

    /// §8.1: a text is looked at while it comes. (Not a long one, which would take long.)
    fn look_early(&self, opcode: u8, payload: &[u8]) -> Result<(), Failed> {
        let before = match (opcode, &self.message) {
            (1, None) => &[],
            (0, Some((1, before))) => &before[..],
            _ => return Ok(()),
        };
        let is_odd = matches!(self.fault, UnmasksFoursOnly | Utf8PerFragment);
        match before.len() + payload.len() {
            0..=1000 if !is_odd => self.check_text(&[before, payload].concat(), false),
            _ => Ok(()),
        }
    }

    /// Takes a frame. Returns whether the connection goes on.
    fn take(&mut self, frame: Frame) -> Result<bool, Failed> {
        let Frame {
            fin,
            opcode,
            payload,
        } = frame;
        match opcode {
            8 => return self.close(&payload),
            9 => {
                if self.is(PingIsText) && std::str::from_utf8(&payload).is_err() {
                    return Err(Failed(1007));
                }
                match self.fault {
                    NoPong => {}
                    EmptyPong => self.send(10, b"")?,
                    ShortPong => self.send(10, &payload[..payload.len().min(100)])?,
                    PongWaitsForMessage if self.message.is_some() => self.late_pongs.push(payload),
                    _ => self.send(10, &payload)?,
                }
                if self.is(ControlEndsMessage) {
                    self.message = None;
                }
                return Ok(true);
            }
            10 => {
                match self.fault {
                    AnswersPong => self.send(10, &payload)?,
                    PongFails => return Err(Failed(1002)),
                    _ => {}
                }
                return Ok(true);
            }
            0..=2 => {}
            _ => return Ok(true),
        }
        if self.is(EchoesFragments) && !(fin && opcode != 0) {
            self.send(if opcode == 0 { 1 } else { opcode }, &payload)?;
            return Ok(true);
        }
        let mut message = match (opcode, self.message.take()) {
            (0, None) if self.is(TakesContinuationAlone) => (1, Vec::new()),
            (0, None) => return Err(Failed(1002)),
            (0, Some(message)) => message,
            (_, Some(_)) if !self.is(TakesMessageInMessage) => return Err(Failed(1002)),
            _ => (opcode, Vec::new()),
        };
        if self.is(Utf8PerFragment) && message.0 == 1 && std::str::from_utf8(&payload).is_err() {
            return Err(Failed(1007));
        }
        let is_empty = payload.is_empty();
        message.1.extend(payload);
        let is_end = fin || (self.is(EmptyFragmentEnds) && is_empty);
        if message.0 == 1 || self.is(BinaryIsText) {
            self.check_text(&message.1, is_end)?;
        }
        if !is_end {
            self.message = Some(message);
            return Ok(true);
        }
        let (opcode, mut payload) = message;
        if opcode == 1 && self.is(Lossy) {
            payload = String::from_utf8_lossy(&payload).into_owned().into_bytes();
        }
        if opcode == 1 && self.is(TextEndsAtNul) {
            payload.truncate(
                payload
                    .iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(payload.len()),
            );
        }
        let opcode = if self.is(TextIsBinary) { 2 } else { opcode };
        if !self.is(NoEcho) {
            self.send(opcode, &payload)?;
        }
        for pong in std::mem::take(&mut self.late_pongs) {
            self.send(10, &pong)?;
        }
        Ok(true)
    }

    /// §8.1. `is_end`: the text has no more.
    fn check_text(&self, text: &[u8], is_end: bool) -> Result<(), Failed> {
        let mut text = text.to_vec();
        if self.is(TakesSurrogates) {
            for i in 0..text.len().saturating_sub(2) {
                if text[i] == 0xED && text[i + 1] >= 0xA0 {
                    text[i + 1] = 0x80;
                }
            }
        }
        let code = if self.is(Utf8Of1002) { 1002 } else { 1007 };
        match std::str::from_utf8(&text) {
            _ if self.is(NoUtf8) || self.is(Lossy) => Ok(()),
            Ok(_) => Ok(()),
            Err(_) if is_end => Err(Failed(code)),
            Err(_) if self.is(Utf8Late) => Ok(()),
            Err(error) if error.error_len().is_none() => Ok(()),
            Err(_) => Err(Failed(code)),
        }
    }

    /// §5.5.1.
    fn close(&mut self, body: &[u8]) -> Result<bool, Failed> {
        if self.is(NoCloseAnswer) {
            return Ok(true);
        }
        let code = body
            .first_chunk::<2>()
            .map(|code| u16::from_be_bytes(*code));
        let is_good = |code: u16| {
            matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) || self.is(EchoesEveryCode)
        };
        let answer = match (code, body) {
            (None, []) if self.is(Sends1005) => 1005u16.to_be_bytes().to_vec(),
            (None, []) => Vec::new(),
            (None, body) if self.is(EchoesOneByte) => body.to_vec(),
            (None, _) => return Err(Failed(1002)),
            (Some(code), _) if !is_good(code) => return Err(Failed(1002)),
            (Some(_), body) if std::str::from_utf8(&body[2..]).is_err() => {
                match self.is(EchoesBadReason) {
                    true => body.to_vec(),
                    false => return Err(Failed(1007)),
                }
            }
            (Some(_), body) if body.len() > 102 && self.is(ReasonOver100Fails) => {
                return Ok(false);
            }
            (Some(_), _) if self.is(Closes1000) => 1000u16.to_be_bytes().to_vec(),
            (Some(code), _) => code.to_be_bytes().to_vec(),
        };
        self.send(8, &answer)?;
        match self.fault {
            ClosesTwice => self.send(8, &answer)?,
            DataBehindClose => self.send(1, b"one more thing")?,
            KeepsTcp => thread::sleep(Duration::from_secs(60)),
            AnswersBehindClose => return Ok(true),
            _ => {}
        }
        Ok(false)
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let rsv = if self.is(SetsRsv) { 0x10 } else { 0 };
        let opcode = match (self.fault, opcode) {
            (SendsReservedOpcode, 10) => 11,
            _ => opcode,
        };
        let key = match self.fault {
            MasksAnswers => Some([0; 4]),
            SendsUnmasked => None,
            _ if self.is_client => Some(self.next_key()),
            _ => None,
        };
        let mask_bit = if key.is_some() { 0x80 } else { 0 };
        let mut frame = vec![0x80 | rsv | opcode];
        match payload.len() {
            0..=125 if !self.is(LongFormSent) || opcode >= 8 => {
                frame.push(mask_bit | payload.len() as u8);
            }
            0..=0xFFFF => {
                frame.push(mask_bit | 126);
                frame.extend((payload.len() as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask_bit | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        let key = match key {
            Some(key) => {
                frame.extend(key);
                key
            }
            None => [0; 4],
        };
        frame.extend(
            payload
                .iter()
                .zip(key.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
        self.stream.write_all(&frame)
    }
}
