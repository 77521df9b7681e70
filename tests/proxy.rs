//! The server behind a real proxy.
//!
//! Needs nginx: `apt-get install nginx`, then `cargo test -- --include-ignored`.

#[path = "kit/programs.rs"]
mod programs;

use programs::{Program, ServerProgram};
use rfc6455::{Client, CloseCode, Error, WebSocket};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// The lines that `docs/open-port.md` recommends, with two servers behind them.
fn configuration(folder: &Path, port: u16, servers: [u16; 2]) -> String {
    let folder = folder.display();
    let [one, two] = servers;
    format!(
        "daemon off;
         master_process off;
         pid {folder}/pid;
         error_log {folder}/error.log;
         events {{}}
         http {{
             access_log off;
             client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
             uwsgi_temp_path {folder}; scgi_temp_path {folder};
             upstream websocket {{
                 server 127.0.0.1:{one};
                 server 127.0.0.1:{two};
             }}
             server {{
                 listen 127.0.0.1:{port};
                 location / {{
                     proxy_pass http://websocket;
                     proxy_http_version 1.1;
                     proxy_set_header Host $http_host;
                     proxy_set_header Upgrade $http_upgrade;
                     proxy_set_header Connection \"upgrade\";
                 }}
             }}
         }}"
    )
}

/// nginx in front of two servers; its port.
fn nginx(servers: [u16; 2]) -> (Program, u16) {
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{port}"));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(&folder, port, servers)).unwrap();
    let program = Program::start("nginx", &["-c", file.to_str().unwrap()]);
    let deadline = Instant::now() + programs::PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "nginx does not start");
        thread::sleep(Duration::from_millis(20));
    }
    (program, port)
}

/// One conversation through the proxy, from a page of the proxy's own host.
fn converse(port: u16) -> Result<WebSocket, Error> {
    let url = format!("ws://127.0.0.1:{port}/echo");
    let client = Client::new(&url)?.field("Origin", &format!("http://127.0.0.1:{port}"));
    let mut socket = client.connect()?;
    for text in ["through", &"x".repeat(100_000), ""] {
        socket.send(text)?;
        assert_eq!(socket.read()?.unwrap().as_bytes(), text.as_bytes());
    }
    socket.ping(b"")?;
    Ok(socket)
}

#[test]
#[ignore = "needs nginx (apt-get install nginx)"]
fn behind_nginx_upgrades_pass_two_servers_share_the_work_and_a_dead_one_is_survived() {
    let mut servers = [ServerProgram::start(&[]), ServerProgram::start(&[])];
    let (_nginx, port) = nginx([servers[0].port, servers[1].port]);

    let mut sockets: Vec<_> = (0..4).map(|_| converse(port).unwrap()).collect();
    for server in &servers {
        for _ in 0..2 {
            let line = server.program.error_line();
            assert!(line.ends_with("/echo opened"), "{line}");
        }
    }
    for socket in &mut sockets {
        socket.close(CloseCode::NORMAL, "done").unwrap();
        assert!(socket.closed().unwrap().was_clean());
    }

    // What is refused is refused through the proxy, too.
    match rfc6455::connect(&format!("ws://127.0.0.1:{port}/nowhere")) {
        Err(Error::Handshake(why)) => assert!(why.to_string().contains("404"), "{why}"),
        other => panic!("{other:?}"),
    }

    servers[0].program.kill();
    for _ in 0..6 {
        let mut socket = converse(port).unwrap();
        socket.close(CloseCode::NORMAL, "done").unwrap();
    }
}
