//! What a page may ask the server to do on the connection that it looks at, in a line of text.

use rfc6455::{CloseCode, CloseReason, Error, Stream, WebSocket};

/// More fragments than this show nothing new.
const MOST_FRAGMENTS: usize = 100;
/// The longest text of an order, in bytes.
const LONGEST: usize = 4096;

#[derive(Debug, PartialEq, Eq)]
pub enum Order {
    /// `ping TEXT` (§5.5.2).
    Ping(String),
    /// `fragments N TEXT`: the text as one message in N frames (§5.4).
    Fragments(usize, String),
    /// `close CODE REASON` (§7.1.2).
    Close(CloseCode, String),
}

impl Order {
    /// Reads an order, and says what is wrong with one that cannot be carried out.
    pub fn parse(line: &str) -> Result<Order, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if rest.len() > LONGEST {
            return Err(format!("an order has {LONGEST} bytes at most"));
        }
        match word {
            "ping" if rest.len() <= 125 => Ok(Order::Ping(rest.to_owned())),
            "ping" => Err("a Ping has 125 bytes at most (§5.5)".to_owned()),
            "fragments" => fragments(rest),
            "close" => close(rest),
            _ => Err("the orders are: ping TEXT, fragments N TEXT, close CODE REASON".to_owned()),
        }
    }

    pub fn carry_out(&self, socket: &mut WebSocket<impl Stream>) -> Result<(), Error> {
        match self {
            Order::Ping(text) => socket.ping(text.as_bytes()),
            Order::Fragments(count, text) => {
                let mut message = socket.in_pieces::<str>();
                for piece in pieces(text, count - 1) {
                    message.send(&piece)?;
                }
                message.finish()
            }
            Order::Close(code, reason) => socket.close(*code, reason),
        }
    }
}

fn fragments(rest: &str) -> Result<Order, String> {
    let (count, text) = rest.split_once(' ').unwrap_or((rest, ""));
    match count.parse() {
        Ok(count @ 2..=MOST_FRAGMENTS) => Ok(Order::Fragments(count, text.to_owned())),
        _ => Err(format!("fragments are 2 to {MOST_FRAGMENTS}")),
    }
}

fn close(rest: &str) -> Result<Order, String> {
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = CloseCode(
        code.parse()
            .map_err(|_| "a code is a number up to 65535 (§5.5.1)".to_owned())?,
    );
    // What the library would refuse to send is refused here, where the page can be told.
    match CloseReason::new(code, reason) {
        Ok(_) => Ok(Order::Close(code, reason.to_owned())),
        Err(why) => Err(format!("{why} (§7.4)")),
    }
}

/// A text in so many pieces, as equal as they can be; none ends within a character, so that each
/// can be sent as text.
fn pieces(text: &str, count: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let at = |i: usize| i * characters.len() / count;
    (0..count)
        .map(|i| characters[at(i)..at(i + 1)].iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_and_what_cannot_be_sent_is_refused() {
        assert_eq!(Order::parse("ping"), Ok(Order::Ping(String::new())));
        assert_eq!(
            Order::parse("fragments 3 some text"),
            Ok(Order::Fragments(3, "some text".to_owned()))
        );
        assert_eq!(
            Order::parse("close 4000 that is it"),
            Ok(Order::Close(CloseCode(4000), "that is it".to_owned()))
        );
        for bad in [
            "",
            "pong",
            "fragments",
            "fragments 1 x",
            "fragments 101 x",
            "close",
            "close 1005",
            "close 70000",
            &format!("ping {}", "x".repeat(126)),
            &format!("close 1000 {}", "x".repeat(124)),
            &format!("fragments 2 {}", "x".repeat(LONGEST)),
        ] {
            assert!(Order::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pieces_make_the_text_again_and_cut_no_character() {
        for text in ["", "a", "Hello", "日本語", "a😀b"] {
            for count in 1..8 {
                let pieces = pieces(text, count);
                assert_eq!(pieces.len(), count);
                assert_eq!(pieces.concat(), text);
            }
        }
    }
}
