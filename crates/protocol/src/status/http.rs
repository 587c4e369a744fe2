//! The HTTP status codes a device meets, and what they mean in ActiveSync (\[MS-ASHTTP\], \[MS-ASCMD\] 2.2.2),
//! and those of HTTP itself that proxies send (RFC 9110, RFC 6585).
//!
//! Up to 12.1 they carry what later versions say with a common code; from 14.0 on those conditions travel with 200.

use super::{Scope, StatusRow};
use crate::version::ProtocolVersion;

const ASHTTP: &str = "[MS-ASHTTP]";
const ASCMD: &str = "[MS-ASCMD] 2.2.2";

const fn http(
    code: u16,
    name: &'static str,
    meaning: &'static str,
    cause: &'static str,
    resolution: &'static str,
    section: &'static str,
) -> StatusRow {
    let first_version = ProtocolVersion::V2_5;
    StatusRow { scope: Scope::Http, code, name, meaning, cause, resolution, first_version, http: None, section }
}

pub(super) static ROWS: &[StatusRow] = &[
    http(
        200,
        "OK",
        "The server handled the request.",
        "The answer is in the body, and from 14.0 on so is every condition, as a Status.",
        "Read the Status in the body.",
        ASHTTP,
    ),
    http(
        400,
        "BadRequest",
        "The request is malformed, and repeating it gives the same answer.",
        "The query, a header or the body cannot be read; up to 12.1 it also stands for the common codes 101, 103, 106 and 138.",
        "Correct the request.",
        ASHTTP,
    ),
    http(
        401,
        "Unauthorized",
        "The server wants credentials, or refuses the ones it got.",
        "The Authorization header is missing, or user name and password do not fit.",
        "Ask the user for credentials; run Autodiscover in case the account has moved.",
        ASHTTP,
    ),
    http(
        403,
        "Forbidden",
        "The server refuses this user or device.",
        "The user is not enabled for ActiveSync or the device is blocked; up to 12.1 it also stands for 112, 125, 126, 129, 130, 132, 139, 145, and for 140 when no policy key was sent.",
        "Provision once, since that may be what is missing, run Autodiscover, then turn to the administrator.",
        ASHTTP,
    ),
    http(
        404,
        "NotFound",
        "There is no ActiveSync server at this address.",
        "The path is not /Microsoft-Server-ActiveSync, or the host serves something else.",
        "Correct the address, by Autodiscover for example.",
        ASHTTP,
    ),
    http(
        408,
        "RequestTimeout",
        "The request did not arrive in full in the time that the server waits for it.",
        "The connection is slow or was idle for too long; a proxy on the way may be the one who says so.",
        "Send the same request again, over a new connection.",
        "RFC 9110 15.5.9",
    ),
    http(
        429,
        "TooManyRequests",
        "The client sends more requests than it may.",
        "The server, or a proxy or firewall in front of it, limits how many requests a client may send in some time.",
        "Wait as many seconds as Retry-After says; without it a few seconds, then longer each time.",
        "RFC 6585 4",
    ),
    http(
        449,
        "RetryWith",
        "The device has to provision before it may send this command.",
        "The policy key is missing, out of date or not accepted; up to 12.1 it stands for the common codes 140 to 144, and some servers send it in every version.",
        "Send Provision, then repeat the command with the new key.",
        ASCMD,
    ),
    http(
        451,
        "Redirect",
        "Another server should be used for this mailbox.",
        "The mailbox lives elsewhere, or another server reaches it better.",
        "Use the address in X-MS-Location, or run Autodiscover when there is none.",
        ASHTTP,
    ),
    http(
        456,
        "AccountBlocked",
        "The account is blocked.",
        "The service has locked the account, after too many failed attempts for example.",
        "Stop sending requests and tell the user.",
        ASHTTP,
    ),
    http(
        457,
        "PasswordExpired",
        "The password has expired.",
        "The user has to choose a new password before the service lets the account in.",
        "Stop sending requests and show the user the address in X-MS-Credential-Service-Url.",
        ASHTTP,
    ),
    http(
        500,
        "InternalServerError",
        "The server met something it did not expect.",
        "An error inside the server; up to 12.1 it also stands for 110, for 106 in SendMail and for 132 in Provision.",
        "Run Autodiscover, try again later, and have the administrator read the server's log.",
        ASHTTP,
    ),
    http(
        501,
        "NotImplemented",
        "The server does not support this method or command.",
        "The command does not exist in this version or on this server; up to 12.1 it also stands for 137 and 147.",
        "Do not send the command to this server; OPTIONS lists what it supports.",
        ASHTTP,
    ),
    http(
        502,
        "BadGateway",
        "A server on the way could not reach the one behind it.",
        "The proxy in front of the mail server cannot find or reach it.",
        "Try again later; the administrator has to look at the connection between the two.",
        ASHTTP,
    ),
    http(
        503,
        "ServiceUnavailable",
        "The server cannot take the request now.",
        "The server is overloaded, slows this device down, or cannot reach its store; up to 12.1 it also stands for 111.",
        "Wait as many seconds as Retry-After says; without it a few seconds, then longer each time.",
        ASHTTP,
    ),
    http(
        505,
        "HttpVersionNotSupported",
        "The server does not serve this version of the protocol.",
        "The device speaks ActiveSync 1.0, which is answered so in place of 138.",
        "Use a version that OPTIONS lists.",
        ASCMD,
    ),
    http(
        507,
        "InsufficientStorage",
        "The mailbox is full.",
        "The mailbox has reached its quota; up to 12.1 it stands for 113 and 115.",
        "Remove items from the mailbox, or have the administrator raise the quota.",
        ASHTTP,
    ),
];
