//! `frontdesk sandbox`: starts, says how to use it, and ends when it is asked to.

use crate::process::{Folder, laid_out};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[cfg(unix)]
#[test]
fn it_serves_until_it_is_asked_to_stop() {
    let folder = Folder::new("sandbox");
    let mut child = folder
        .frontdesk(&["sandbox", "--listen", "127.0.0.1:0"], &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert_ne!(talk.read_line(&mut line).unwrap(), 0, "it ended without saying where it runs");
        if let Some((_, rest)) = line.split_once("runs at http://") {
            break rest.split('/').next().unwrap().to_owned();
        }
    };
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET /_sandbox/clock HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("offset_ms"), "{answer}");

    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = laid_out(&output).replace(&address, "127.0.0.1:PORT");
    insta::assert_snapshot!("sandbox", said);
}

#[test]
fn an_address_in_use_says_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = Folder::new("taken").run(&["sandbox", "--listen", &address], &[]);
    insta::assert_snapshot!("sandbox_taken", said.replace(&address, "127.0.0.1:PORT"));
}
