//! Bytes as people write them.

/// Reads hexadecimal digits. Between bytes there may be spaces, commas, colons, semicolons and line
/// ends, or nothing. Before a byte there may be `0x` or `\x`.
pub fn parse(text: &str) -> Result<Vec<u8>, String> {
    let text = text.replace("\\x", " ");
    let is_between = |c: char| c.is_whitespace() || ",:;".contains(c);
    let mut bytes = Vec::new();
    for word in text.split(is_between).filter(|word| !word.is_empty()) {
        match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
            Some(digit) if digit.len() == 1 => digits(&format!("0{digit}"), &mut bytes)?,
            Some(word) => digits(word, &mut bytes)?,
            None => digits(word, &mut bytes)?,
        }
    }
    Ok(bytes)
}

fn digits(word: &str, bytes: &mut Vec<u8>) -> Result<(), String> {
    if let Some(bad) = word.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(format!("{bad:?} is not a hex digit"));
    }
    if !word.len().is_multiple_of(2) {
        let shown: String = word.chars().take(20).collect();
        return Err(format!("\"{shown}\": each byte needs two hex digits"));
    }
    for pair in word.as_bytes().chunks(2) {
        let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
        bytes.push(value(pair[0]) << 4 | value(pair[1]));
    }
    Ok(())
}
