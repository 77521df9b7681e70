//! The opening room: RFC 6455 §3 (URLs), §4 (the opening handshake), §9.1 (extensions) and §10.2
//! (origins and hosts), with as much HTTP as they need (RFC 9110, RFC 9112).
//!
//! - It offers: [`Url`], [`Head`] and [`Fields`], both sides' heads and checks, [`Origins`],
//!   [`Hosts`].
//! - It knows: texts. Heads come in, heads go out.
//! - It leaves out: frames, sockets, time, randomness. The doors that use it are `client/` and
//!   `server/`.

mod accept;
mod body;
mod error;
mod extension;
mod fields;
mod handshake;
mod head;
mod host;
mod origin;
mod permessage_deflate;
mod refusal;
mod url;

pub use accept::{GUID, accept_for, accept_hash, is_key, key_for};
pub use body::{BodyLength, BodyPart, BodyReader, InvalidBody};
pub use error::{Clause, HandshakeError};
pub use extension::{Extension, parse_extensions};
pub use fields::{Fields, InvalidField, check_field, is_token, name, value_has_token};
pub use handshake::{
    Chosen, InvalidSubprotocols, Opening, RefusedField, VERSION, accept_in, check_client_field,
    check_http_request, check_request, check_response, check_server_field, check_subprotocols,
    client_request, expects_continue, is_opening, server_response,
};
pub use head::{Head, HeadReader, RequestLine, StartLine, StatusLine};
pub use host::Hosts;
pub use origin::Origins;
pub use permessage_deflate::{DEFLATE, Deflate, InvalidParameter};
pub use refusal::{line_of_body, retry_after};
pub use url::{Url, UrlError};
