//! The servers, each in a process of its own, and what the kernel tells of their processes.

use std::fs;
use std::io::{BufRead, BufReader, Result};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ours,
    Tungstenite,
    Fastwebsockets,
    TokioWebsockets,
    SockudoWs,
    /// The same two, with permessage-deflate.
    OursCompressed,
    SockudoWsCompressed,
    Wtx,
    Yawc,
    /// yawc in batches that are flushed by hand.
    YawcBatched,
    /// A thread a connection that answers as many bytes, whatever they are.
    Floor,
}

/// What a path ends with, if messages are to be compressed. Our server looks at it, too.
pub const COMPRESSED: &str = "?deflate";

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ours => "rfc6455",
            Kind::Tungstenite => "tungstenite 0.30",
            Kind::Fastwebsockets => "fastwebsockets 0.10",
            Kind::TokioWebsockets => "tokio-websockets 0.13",
            Kind::SockudoWs => "sockudo-ws 3.1",
            Kind::OursCompressed => "rfc6455, compressed",
            Kind::SockudoWsCompressed => "sockudo-ws 3.1, compressed",
            Kind::Wtx => "wtx 0.46",
            Kind::Yawc => "yawc 0.5",
            Kind::YawcBatched => "yawc 0.5 in batches",
            Kind::Floor => "floor",
        }
    }

    /// What to ask for. The floor must be told the size of a frame, since it does not look.
    pub fn path(self, payload: usize) -> String {
        match self {
            Kind::Floor => {
                let frame = crate::wire::masked_frame(crate::wire::WHOLE_TEXT, &vec![0; payload]);
                format!("/?frame={}", frame.len())
            }
            Kind::OursCompressed | Kind::SockudoWsCompressed => format!("/echo{COMPRESSED}"),
            _ => "/echo".to_owned(),
        }
    }
}

/// A server that runs until this is dropped.
pub struct Server {
    pub kind: Kind,
    pub process: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(kind: Kind) -> Server {
        Server::start_with(kind, &[])
    }

    /// With these environment variables.
    pub fn start_with(kind: Kind, variables: &[(&str, &str)]) -> Server {
        let mut command = match kind {
            Kind::Ours | Kind::OursCompressed => with_descriptors(ours()),
            _ => again("serve", &[kind.name().to_owned()]),
        };
        let mut process = command
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // A line a connection, and whatever else, must not wait for a terminal.
            .stderr(Stdio::null())
            .spawn()
            .expect("the server can be started");
        let address = read_address(&mut process);
        Server {
            kind,
            process,
            address,
        }
    }

    /// The memory of the process that is in RAM, in KiB.
    pub fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|n| n.parse().ok()).expect("KiB")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other end of `start`, for all servers but ours: prints the port and serves.
pub fn main(name: &str) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("http://{}/", listener.local_addr()?);
    match name {
        name if name == Kind::Tungstenite.name() => super::tungstenite::serve(&listener),
        name if name == Kind::Fastwebsockets.name() => super::fastwebsockets::serve(listener),
        name if name == Kind::TokioWebsockets.name() => super::tokio_websockets::serve(listener),
        name if name == Kind::SockudoWs.name() => super::sockudo_ws::serve(listener, false),
        name if name == Kind::SockudoWsCompressed.name() => {
            super::sockudo_ws::serve(listener, true)
        }
        name if name == Kind::Wtx.name() => super::wtx::serve(listener),
        name if name == Kind::Yawc.name() => super::yawc::serve(listener, false),
        name if name == Kind::YawcBatched.name() => super::yawc::serve(listener, true),
        name if name == Kind::Floor.name() => super::floor::serve(&listener),
        name => panic!("no server {name}"),
    }
}

/// Our server is the repository's own program, built as a release once a run. The run keeps a copy,
/// so that a build meanwhile does not change what is measured.
fn ours() -> &'static str {
    static OURS: LazyLock<String> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let target = root.join("target");
        let built = Command::new("cargo")
            .args(["build", "--quiet", "--release", "--bin", "server"])
            .arg("--manifest-path")
            .arg(root.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .status();
        if !built.is_ok_and(|status| status.success()) {
            eprintln!("bench: our server does not build");
            std::process::exit(1);
        }
        let copy = root.join("bench/target/server");
        fs::create_dir_all(root.join("bench/target")).expect("a folder");
        // Another run may be using the last one.
        let _ = fs::remove_file(&copy);
        fs::copy(target.join("release/server"), &copy).expect("our server can be copied");
        format!("'{}' --addr 127.0.0.1:0", copy.display())
    });
    &OURS
}

/// Builds our server, if it is not yet built.
pub fn prepare() {
    ours();
}

/// This program once more, in another part.
pub fn again(part: &str, arguments: &[String]) -> Command {
    let this = std::env::current_exe().expect("this program has a path");
    let mut command = with_descriptors(&format!("'{}' {part} \"$@\"", this.display()));
    command.arg("sh").args(arguments);
    command
}

/// A process that may have as many descriptors as the system allows.
fn with_descriptors(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n $(ulimit -Hn); exec {command}")]);
    shell
}

/// The first line is `http://HOST:PORT/`.
fn read_address(process: &mut Child) -> SocketAddr {
    let stdout = process.stdout.take().expect("it is piped");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("http://");
    let address = address.and_then(|line| line.strip_suffix('/'));
    address
        .and_then(|a| a.parse().ok())
        .expect("the line of an address")
}

/// The processor time that all threads of a process have taken.
pub fn processor_time(process: &str) -> Duration {
    /// Linux tells it in hundredths of a second.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the server runs");
    // Fields 14 and 15; the second, in parentheses, may hold spaces.
    let (_, fields) = stat.rsplit_once(')').expect("a command in parentheses");
    let fields = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = fields.map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    TICK * ticks
}
