//! The bodies of HTTP messages (RFC 9112 §6): their end is found, wherever the bytes are cut.

use rfc6455::opening::{BodyLength, BodyReader, HeadReader, RequestLine, StatusLine};

/// The content of a body and the bytes behind it, read in parts of `step` bytes. `None`: it is not
/// complete.
fn read(length: BodyLength, bytes: &[u8], step: usize) -> Result<Option<(Vec<u8>, Vec<u8>)>, ()> {
    let mut reader = BodyReader::new(length);
    let (mut content, mut taken, mut here) = (Vec::new(), 0, 0);
    loop {
        let part = reader.read(&bytes[taken..here]).map_err(|_| ())?;
        content.extend(&bytes[taken..here][part.content.clone()]);
        taken += part.size;
        if reader.is_complete() {
            return Ok(Some((content, bytes[taken..].to_vec())));
        }
        if part.size == 0 {
            if here == bytes.len() {
                return Ok(None);
            }
            here = bytes.len().min(here + step);
        }
    }
}

#[test]
fn the_end_of_a_body_is_found_wherever_it_is_cut() {
    let chunked = BodyLength::Chunked;
    for (length, bytes, content, behind) in [
        (BodyLength::Bytes(0), "GET", "", "GET"),
        (BodyLength::Bytes(5), "HelloGET", "Hello", "GET"),
        (chunked, "5\r\nHello\r\n0\r\n\r\nGET", "Hello", "GET"),
        (chunked, "05;a=b\r\nHello\r\n00\r\n\r\n", "Hello", ""),
        (
            chunked,
            "2 \r\nHe\r\n3\r\nllo\r\n0\r\nA: b\r\nC: d\r\n\r\nG",
            "Hello",
            "G",
        ),
        (chunked, "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""),
        (chunked, "0\r\n\r\n", "", ""),
    ] {
        for step in 1..=bytes.len() {
            let (seen, rest) = read(length, bytes.as_bytes(), step).unwrap().unwrap();
            assert_eq!(
                (&seen[..], &rest[..]),
                (content.as_bytes(), behind.as_bytes())
            );
        }
        let whole = bytes.len() - behind.len();
        for cut in 0..whole {
            assert_eq!(
                read(length, &bytes.as_bytes()[..cut], 1),
                Ok(None),
                "{bytes:?} {cut}"
            );
        }
    }
}

#[test]
fn wrong_chunks_are_refused() {
    for bytes in [
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "5\r\nHelloX",
        "fffffffffffffffff\r\n",
        ";a\r\n",
    ] {
        assert_eq!(
            read(BodyLength::Chunked, bytes.as_bytes(), 1),
            Err(()),
            "{bytes:?}"
        );
    }
    let endless = format!("5;{}", "x".repeat(1 << 20));
    assert_eq!(
        read(BodyLength::Chunked, endless.as_bytes(), 1 << 20),
        Err(())
    );
}

#[test]
fn the_length_of_a_body_follows_from_the_head() {
    use BodyLength::{Bytes, Chunked, UntilEnd};
    let response = |head: &str, method: &str| {
        let head = format!("HTTP/1.1 {head}\r\n\r\n");
        let mut reader = HeadReader::<StatusLine>::new(1000, 10);
        let (head, _) = reader.read(head.as_bytes()).unwrap().unwrap();
        BodyLength::of_response(&head, method).ok()
    };
    for (head, method, length) in [
        ("200 OK", "GET", Some(UntilEnd)),
        ("200 OK\r\nContent-Length: 7", "GET", Some(Bytes(7))),
        ("200 OK\r\nContent-Length: 7", "HEAD", Some(Bytes(0))),
        ("200 OK\r\nContent-Length: 7", "CONNECT", Some(Bytes(0))),
        ("407 No\r\nContent-Length: 7", "CONNECT", Some(Bytes(7))),
        ("204 No Content\r\nContent-Length: 7", "GET", Some(Bytes(0))),
        (
            "304 Not Modified\r\nContent-Length: 7",
            "GET",
            Some(Bytes(0)),
        ),
        (
            "103 Early Hints\r\nContent-Length: 7",
            "GET",
            Some(Bytes(0)),
        ),
        (
            "200 OK\r\nContent-Length: 7\r\nContent-Length: 7",
            "GET",
            Some(Bytes(7)),
        ),
        ("200 OK\r\nContent-Length: 7, 7", "GET", Some(Bytes(7))),
        (
            "200 OK\r\nContent-Length: 7\r\nContent-Length: 8",
            "GET",
            None,
        ),
        ("200 OK\r\nContent-Length: +7", "GET", None),
        (
            "200 OK\r\nContent-Length: 99999999999999999999",
            "GET",
            None,
        ),
        (
            "200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7",
            "GET",
            Some(Chunked),
        ),
        (
            "200 OK\r\nTransfer-Encoding: gzip, Chunked",
            "GET",
            Some(Chunked),
        ),
        ("200 OK\r\nTransfer-Encoding: gzip", "GET", Some(UntilEnd)),
    ] {
        assert_eq!(response(head, method), length, "{head} {method}");
    }
    let request = |fields: &str| {
        let head = format!("POST / HTTP/1.1\r\n{fields}\r\n");
        let mut reader = HeadReader::<RequestLine>::new(1000, 10);
        let (head, _) = reader.read(head.as_bytes()).unwrap().unwrap();
        BodyLength::of_request(&head).ok()
    };
    assert_eq!(request(""), Some(Bytes(0)));
    assert_eq!(request("Content-Length: 3\r\n"), Some(Bytes(3)));
    assert_eq!(request("Transfer-Encoding: chunked\r\n"), Some(Chunked));
    assert_eq!(request("Transfer-Encoding: gzip\r\n"), None);
}
