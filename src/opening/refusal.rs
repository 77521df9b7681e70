//! RFC 9110 §15: what a response other than 101 says to a person, and when it asks to come back.
//!
//! An error message has one line. So the text of a body is its first line that says something, and
//! the text of a page of HTML is what stands between its tags.

use super::fields::Fields;
use super::head::{Head, StatusLine};
use std::time::Duration;

/// The most characters of a line that are shown.
const LONGEST: usize = 200;

/// The first line of a body that says something: what an error message shows of it. `body` is what
/// has come of the body. If more of it may come, a line counts only when its end has come.
#[must_use]
pub fn line_of_body(head: &Head<StatusLine>, body: &[u8], may_go_on: bool) -> Option<String> {
    // A compressed body is not text. (The client has not asked for one.)
    let coded = head.fields.get("Content-Encoding");
    if coded.is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    let text = match is_html(head.fields.get("Content-Type"), &text) {
        true => text_of_html(&text),
        false => text.into_owned(),
    };
    // A line that repeats the status line says nothing.
    let StatusLine { status, reason, .. } = &head.start;
    let repeated = [reason.clone(), format!("{status} {reason}")];
    let lines = text.split_inclusive('\n');
    let lines = lines.filter(|line| !may_go_on || line.ends_with('\n'));
    let mut lines = lines.map(one_line);
    lines.find(|line| line.contains(char::is_alphanumeric) && !repeated.contains(line))
}

/// One line without control characters; white space is one space.
fn one_line(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.chars().filter(|character| !character.is_control());
    line.take(LONGEST).collect()
}

fn is_html(content_type: Option<&str>, text: &str) -> bool {
    match content_type {
        Some(content_type) => content_type.to_ascii_lowercase().contains("html"),
        None => text.trim_start().starts_with('<'),
    }
}

/// What stands between the tags, a line for each block of text. Comments, scripts and styles are
/// left out.
fn text_of_html(html: &str) -> String {
    /// Tags inside a sentence.
    const INLINE: [&str; 12] = [
        "a", "b", "i", "u", "em", "strong", "code", "tt", "small", "span", "font", "kbd",
    ];
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut text, &rest[..at]);
        let tag = &rest[at + 1..];
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        if !is_tag {
            // As in "1 < 2".
            text.push('<');
            rest = tag;
            continue;
        }
        let name = tag.trim_start_matches('/');
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let end = match &name[..] {
            _ if tag.starts_with("!--") => "-->",
            "script" if !tag.starts_with('/') => "</script",
            "style" if !tag.starts_with('/') => "</style",
            _ => ">",
        };
        let behind = match end.starts_with('<') {
            true => tag.to_ascii_lowercase().find(end).map(|at| &tag[at..]),
            false => tag.find(end).map(|at| &tag[at + end.len()..]),
        };
        // A tag that has no end yet may be anything.
        let Some(behind) = behind else {
            return text;
        };
        if !INLINE.contains(&&name[..]) {
            text.push('\n');
        }
        rest = behind;
    }
    push_text(&mut text, rest);
    text
}

/// Adds text of a page. There, the end of a line is a space, and `&#8230;` is a character.
fn push_text(text: &mut String, piece: &str) {
    let mut parts = piece.split('&');
    text.push_str(&spaced(parts.next().unwrap_or_default()));
    for part in parts {
        let reference = part.split_once(';');
        match reference.and_then(|(name, rest)| Some((referenced(name)?, rest))) {
            Some((character, rest)) => {
                text.push(character);
                text.push_str(&spaced(rest));
            }
            None => {
                text.push('&');
                text.push_str(&spaced(part));
            }
        }
    }
}

fn spaced(piece: &str) -> String {
    piece.replace(['\r', '\n'], " ")
}

/// The character that HTML refers to by its number or by one of the usual names. References by
/// other names stay in the text.
fn referenced(name: &str) -> Option<char> {
    let number = match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        "nbsp" => return Some(' '),
        name => name.strip_prefix('#')?,
    };
    let number = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    let character = char::from_u32(number.ok()?)?;
    // As written, the end of a line is a space.
    Some(if character.is_whitespace() {
        ' '
    } else {
        character
    })
}

/// How long a response asks to wait before the next request (RFC 9110 §10.2.3): `Retry-After` in
/// seconds, or as a date. A date is compared with the `Date` of the response, so no clock is asked.
#[must_use]
pub fn retry_after(fields: &Fields) -> Option<Duration> {
    let value = fields.get("Retry-After")?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let (then, now) = (seconds_of(value)?, seconds_of(fields.get("Date")?)?);
    Some(Duration::from_secs(then.saturating_sub(now)))
}

/// RFC 9110 §5.6.7: a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, in seconds since the first day
/// of the year 0.
fn seconds_of(date: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let words: Vec<&str> = date.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = words[..] else {
        return None;
    };
    let number = |text: &str, most: u64| text.parse().ok().filter(|&number: &u64| number <= most);
    let month = MONTHS
        .find(month)
        .filter(|at| month.len() == 3 && at % 3 == 0)? as u64
        / 3;
    let (day, year) = (number(day, 31)?, number(year, 9999)?);
    // The year begins in March here, so that a leap day is its last day.
    let (year, month) = match month {
        0 | 1 => (year.checked_sub(1)?, month + 10),
        _ => (year, month - 2),
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts[..] else {
        return None;
    };
    let (hour, minute, second) = (number(hour, 23)?, number(minute, 59)?, number(second, 60)?);
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(retry_after: &str, date: &str) -> Option<u64> {
        let mut fields = Fields::default();
        fields.push("Retry-After", retry_after);
        fields.push("Date", date);
        super::retry_after(&fields).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_response_asks_to_wait_for_seconds_or_until_a_date() {
        for (value, date, seconds) in [
            ("0", "", Some(0)),
            ("120", "", Some(120)),
            ("99999999999999999999", "", Some(u64::MAX)),
            ("-1", "", None),
            ("", "", None),
            ("soon", "Sun, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "", None),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sun, 06 Nov 1994 08:48:37 GMT",
                Some(60),
            ),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sun, 06 Nov 1994 09:49:37 GMT",
                Some(0),
            ),
            (
                "Fri, 01 Mar 2024 00:00:00 GMT",
                "Wed, 28 Feb 2024 23:59:59 GMT",
                Some(86_401),
            ),
            (
                "Wed, 01 Mar 2023 00:00:00 GMT",
                "Tue, 28 Feb 2023 23:59:59 GMT",
                Some(1),
            ),
            (
                "Mon, 01 Jan 2024 00:00:30 GMT",
                "Sun, 31 Dec 2023 23:59:30 GMT",
                Some(60),
            ),
            (
                "Mon, 01 Jan 0000 00:00:30 GMT",
                "Sun, 31 Dec 2023 23:59:30 GMT",
                None,
            ),
        ] {
            assert_eq!(asked(value, date), seconds, "{value} {date}");
        }
    }
}
