//! RFC 7692 §7.1, Method Parameters: the negotiation of permessage-deflate.
//!
//! - A client offers ([`Deflate::offer`]), a server accepts one offer or none
//!   ([`Deflate::accept`]), the client checks the answer ([`Deflate::check_answer`]).
//! - What comes out is two windows, one for each direction. What they are for is not known here.
//! - The four parameters, their values and their rules are here.

use super::error::Clause;
use super::extension::Extension;
use crate::compression::{WINDOW_BITS, Window};
use std::fmt;

/// The name of the extension.
pub const DEFLATE: &str = "permessage-deflate";

const SERVER_NO_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";

/// What the two sides agreed on: the window of each side's compressor. The other side's
/// decompressor needs the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// For the messages that the client sends.
    pub client: Window,
    /// For the messages that the server sends.
    pub server: Window,
}

/// A parameter that breaks a rule of RFC 7692 §7.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidParameter {
    /// The parameter as it was seen, or its name if it is missing.
    pub seen: String,
    /// What the clause asks.
    pub asked: String,
    /// The clause.
    pub clause: Clause,
}

impl fmt::Display for InvalidParameter {
    /// What was seen; what the clause asks; the clause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidParameter {
            seen,
            asked,
            clause,
        } = self;
        write!(f, "the parameter {seen:?} of {DEFLATE}; {asked} ({clause})")
    }
}

impl std::error::Error for InvalidParameter {}

impl Deflate {
    /// The offer of a client that will keep to the window `sending`, and that can receive with the
    /// window `receiving`. It allows the server to choose a smaller window for either direction.
    #[must_use]
    pub fn offer(sending: Window, receiving: Window) -> Extension {
        let largest = *WINDOW_BITS.end();
        Parameters {
            server_no_takeover: !receiving.takeover(),
            client_no_takeover: !sending.takeover(),
            server_bits: (receiving.bits() < largest).then_some(receiving.bits()),
            client_bits: Some((sending.bits() < largest).then_some(sending.bits())),
        }
        .to_extension()
    }

    /// What a server that sends with the window `sending` and receives with `receiving` at most
    /// answers to a client's list of extensions: the first offer that it can accept decides. `None`:
    /// it accepts none, and the connection goes on without compression (§5).
    ///
    /// An offer is declined if it breaks a rule of §7.1, or if it does not let the client's window
    /// be as small as `receiving`.
    #[must_use]
    pub fn accept(
        offers: &[Extension],
        sending: Window,
        receiving: Window,
    ) -> Option<(Deflate, Extension)> {
        let mut offers = offers.iter().filter(|offer| offer.name == DEFLATE);
        offers.find_map(|offer| {
            let offer = Parameters::of_offer(offer).ok()?;
            let offered = offer.windows();
            let agreed = Deflate {
                client: offered.client.at_most(receiving),
                server: offered.server.at_most(sending),
            };
            if offer.client_bits.is_none() && agreed.client.bits() < offered.client.bits() {
                return None;
            }
            let is_limited = |window: Window| window.bits() < *WINDOW_BITS.end();
            let says_server = offer.server_bits.is_some() || is_limited(agreed.server);
            let says_client = offer.client_bits.is_some_and(|value| value.is_some());
            let says_client = says_client || is_limited(agreed.client);
            let answer = Parameters {
                server_no_takeover: !agreed.server.takeover(),
                client_no_takeover: !agreed.client.takeover(),
                server_bits: says_server.then_some(agreed.server.bits()),
                client_bits: says_client.then_some(Some(agreed.client.bits())),
            };
            Some((agreed, answer.to_extension()))
        })
    }

    /// What a server's answer says, without a look at the offers: what is not limited there has the
    /// largest window.
    ///
    /// # Errors
    /// A parameter that §7.1 does not define for an answer, that has a wrong value, or that is there
    /// twice.
    pub fn in_answer(answer: &Extension) -> Result<Deflate, InvalidParameter> {
        Ok(Parameters::of_answer(answer)?.windows())
    }

    /// Checks a server's answer against the offers of a client. `None`: the server did not accept
    /// the extension.
    ///
    /// # Errors
    /// What [`in_answer`](Self::in_answer) refuses; two answers; an answer that corresponds to none
    /// of the offers (§5: "the client MUST _Fail the WebSocket Connection_"). The error is about
    /// the last offer.
    pub fn check_answer(
        offers: &[Extension],
        answers: &[Extension],
    ) -> Result<Option<Deflate>, InvalidParameter> {
        let mut answers = answers.iter().filter(|answer| answer.name == DEFLATE);
        let Some(answer) = answers.next() else {
            return Ok(None);
        };
        if answers.next().is_some() {
            let asked = "a server accepts one offer, not two";
            return Err(invalid(DEFLATE, asked, "RFC 7692 §5"));
        }
        let answer = Parameters::of_answer(answer)?;
        let mut result = Err(invalid(DEFLATE, "it was not offered", "RFC 7692 §5"));
        for offer in offers.iter().filter(|offer| offer.name == DEFLATE) {
            // What a client offers wrongly, a server declines.
            let Ok(offer) = Parameters::of_offer(offer) else {
                continue;
            };
            match answer.corresponds_to(&offer) {
                Ok(()) => return Ok(Some(answer.windows())),
                Err(error) => result = Err(error),
            }
        }
        result
    }
}

/// The parameters of one offer or one answer.
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    server_no_takeover: bool,
    client_no_takeover: bool,
    server_bits: Option<u8>,
    /// In an offer it may be there without a value.
    client_bits: Option<Option<u8>>,
}

impl Parameters {
    fn of_offer(offer: &Extension) -> Result<Parameters, InvalidParameter> {
        Parameters::parse(offer, true)
    }

    fn of_answer(answer: &Extension) -> Result<Parameters, InvalidParameter> {
        Parameters::parse(answer, false)
    }

    /// §7.1: each parameter is defined, is there once, and has a value that it can have.
    fn parse(extension: &Extension, is_offer: bool) -> Result<Parameters, InvalidParameter> {
        let mut found = Parameters::default();
        for (index, (name, value)) in extension.parameters.iter().enumerate() {
            let seen = shown(name, value.as_deref());
            let mut before = extension.parameters[..index].iter();
            if before.any(|(other, _)| other == name) {
                return Err(invalid(
                    seen,
                    "each parameter is there once",
                    "RFC 7692 §7.1",
                ));
            }
            match (&name[..], value) {
                (SERVER_NO_TAKEOVER, None) => found.server_no_takeover = true,
                (CLIENT_NO_TAKEOVER, None) => found.client_no_takeover = true,
                (SERVER_NO_TAKEOVER, Some(_)) => {
                    return Err(invalid(seen, "it has no value", "RFC 7692 §7.1.1.1"));
                }
                (CLIENT_NO_TAKEOVER, Some(_)) => {
                    return Err(invalid(seen, "it has no value", "RFC 7692 §7.1.1.2"));
                }
                (SERVER_BITS, value) => {
                    let bits = value.as_deref().and_then(window_bits);
                    let asked = "it has a value, from 8 to 15, without leading zeros";
                    let error = || invalid(seen, asked, "RFC 7692 §7.1.2.1");
                    found.server_bits = Some(bits.ok_or_else(error)?);
                }
                (CLIENT_BITS, None) if is_offer => found.client_bits = Some(None),
                (CLIENT_BITS, value) => {
                    let bits = value.as_deref().and_then(window_bits);
                    let asked = "its value is from 8 to 15, without leading zeros";
                    let error = || invalid(seen, asked, "RFC 7692 §7.1.2.2");
                    found.client_bits = Some(Some(bits.ok_or_else(error)?));
                }
                _ => {
                    let asked = "there are four parameters, and this is none of them";
                    return Err(invalid(seen, asked, "RFC 7692 §7.1"));
                }
            }
        }
        Ok(found)
    }

    /// What is not limited has the largest window.
    fn windows(&self) -> Deflate {
        let window = |bits: Option<u8>, no_takeover: bool| {
            let window = bits.and_then(Window::new).unwrap_or(Window::LARGEST);
            window.with_takeover(!no_takeover)
        };
        Deflate {
            client: window(self.client_bits.flatten(), self.client_no_takeover),
            server: window(self.server_bits, self.server_no_takeover),
        }
    }

    /// Whether a client that sent this offer can live with this answer.
    fn corresponds_to(&self, offer: &Parameters) -> Result<(), InvalidParameter> {
        let (took, bits) = ("RFC 7692 §7.1.1.1", "RFC 7692 §7.1.2.1");
        if offer.server_no_takeover && !self.server_no_takeover {
            let asked = "it was offered, so an answer that accepts the offer has it";
            return Err(invalid(SERVER_NO_TAKEOVER, asked, took));
        }
        match (offer.server_bits, self.server_bits) {
            (Some(_), None) => {
                let asked = "it was offered, so an answer that accepts the offer has it";
                return Err(invalid(SERVER_BITS, asked, bits));
            }
            (Some(most), Some(bits_chosen)) if bits_chosen > most => {
                let seen = format!("{SERVER_BITS}={bits_chosen}");
                let asked = format!("the client offered {most} at most");
                return Err(invalid(seen, asked, bits));
            }
            _ => {}
        }
        match (offer.client_bits, self.client_bits.flatten()) {
            (None, Some(chosen)) => {
                let seen = format!("{CLIENT_BITS}={chosen}");
                let asked = "an answer has it only if the offer had it";
                Err(invalid(seen, asked, "RFC 7692 §7.1.2.2"))
            }
            (Some(Some(most)), Some(chosen)) if chosen > most => {
                let seen = format!("{CLIENT_BITS}={chosen}");
                let asked = format!("the client offered {most} at most");
                Err(invalid(seen, asked, "RFC 7692 §7.1.2.2"))
            }
            _ => Ok(()),
        }
    }

    /// The way back: in the order in which RFC 7692 has them.
    fn to_extension(self) -> Extension {
        let mut parameters = Vec::new();
        let mut push = |name: &str, value: Option<u8>| {
            parameters.push((name.to_owned(), value.map(|bits| bits.to_string())));
        };
        if self.server_no_takeover {
            push(SERVER_NO_TAKEOVER, None);
        }
        if self.client_no_takeover {
            push(CLIENT_NO_TAKEOVER, None);
        }
        if self.server_bits.is_some() {
            push(SERVER_BITS, self.server_bits);
        }
        if let Some(value) = self.client_bits {
            push(CLIENT_BITS, value);
        }
        Extension {
            name: DEFLATE.to_owned(),
            parameters,
        }
    }
}

/// RFC 7692 §7.1.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(value: &str) -> Option<u8> {
    WINDOW_BITS
        .into_iter()
        .find(|bits| bits.to_string() == value)
}

fn shown(name: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{name}={value}"),
        None => name.to_owned(),
    }
}

fn invalid(seen: impl Into<String>, asked: impl Into<String>, clause: Clause) -> InvalidParameter {
    InvalidParameter {
        seen: seen.into(),
        asked: asked.into(),
        clause,
    }
}
