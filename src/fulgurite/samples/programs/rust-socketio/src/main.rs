//! Prints the messages of bitFlyer's realtime API (Socket.IO 2.0), and reconnects after interruptions. Messages go to
//! standard output, a log of the connection goes to standard error. Ctrl-C ends it.
//!
//! The crates for Socket.IO speak later versions of it. Its few frames are plain here: "0{..}" opens, "40" begins the
//! session, "2" is a ping and "3" its pong, "42[..]" is a message, "427[..]" request 7, and "437[..]" its answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::process::exit;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::Utc;
use futures_util::{FutureExt, SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, from_str, json};
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::{connect_async, tungstenite::Message};

const ENDPOINT: &str = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
const CHANNELS: &[&str] = &["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE: bool = false; // fulgurite:auth
const SILENCE_SECONDS: u64 = 60; // fulgurite:silence

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let keys = if AUTHENTICATE { (ask("API key: "), ask("API secret: ")) } else { Default::default() };
    tokio::spawn(ctrl_c().map(|_| exit(0))); // the connection is closed by that, too
    let mut last = HashMap::new(); // when each channel's last message came, and why none has come since
    let mut delay = 1.0;
    loop {
        let handle = |channel: &str, message: &Value| {
            let now = Utc::now().format("%H:%M:%S%.3f").to_string();
            if let Some((before, Some(why))) = last.insert(channel.to_owned(), (now.clone(), None)) {
                // The API never sends missed messages again.
                eprintln!("missed {channel}: nothing from {before} to {now} ({why})");
            }
            println!("{channel} {message}");
            delay = 1.0; // only now: a server in trouble may accept everybody, and be of no use
        };
        let Err(lost) = listen(&keys, handle).await;
        for (_, why) in last.values_mut() {
            why.get_or_insert(lost.to_string());
        }
        let wait = delay * rand::random_range(0.5..1.0); // not all clients at the same moment
        eprintln!("lost: {lost}; again in {wait:.1} s");
        sleep(Duration::from_secs_f64(wait)).await;
        delay = f64::min(delay * 2.0, 30.0);
    }
}

/// Sees one connection through to its end, and hands over its messages.
async fn listen(keys: &(String, String), mut handle: impl FnMut(&str, &Value)) -> Result<Infallible> {
    let url = ENDPOINT.replacen("http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket"; // it refuses polling
    let connecting = timeout(Duration::from_secs(10), connect_async(url));
    let (mut socket, _) = connecting.await.context("no connection in 10 s")??;
    eprintln!("connected {ENDPOINT}");
    let mut due = HashMap::new(); // by awaited frame's beginning or channel: the deadline, and the request
    let mut ping_interval = 0; // in milliseconds
    let mut requests = Vec::new();
    expect(&mut due, "40", "the session", 10_000);
    loop {
        for (number, name) in requests.drain(..).enumerate() {
            let request = if name == "auth" { json!([name, sign(keys)]) } else { json!(["subscribe", name]) };
            // Without a number there would be no answer, not even a refusal.
            socket.send(Message::text(format!("42{number}{request}"))).await?;
            expect(&mut due, &format!("43{number}"), name, 10_000);
        }
        let (what, (at, name)) = due.iter().min_by_key(|(_, (at, _))| at).context("nothing is due")?;
        let frame = match timeout_at(*at, socket.next()).await {
            Err(_) if what == "2" => {
                // In this version of Engine.IO the client pings; the server hangs up on one that does not.
                socket.send(Message::text("2")).await?;
                due.remove("2");
                expect(&mut due, "3", "ping", 10_000);
                continue;
            }
            Err(_) if name.is_empty() => bail!("{what} was silent for {SILENCE_SECONDS} s"),
            Err(_) => bail!("no answer to {name} in 10 s"),
            Ok(received) => match received.context("the connection ended")?? {
                Message::Text(text) => text,
                Message::Close(Some(close)) => bail!("closed: {close}"),
                _ => continue,
            },
        };
        let (kind, content) = frame.split_at(frame.find(|c: char| !c.is_ascii_digit()).unwrap_or(frame.len()));
        match (kind, due.remove(kind)) {
            ("0", _) => {
                ping_interval = from_str::<Value>(content)?["pingInterval"].as_u64().context("no pingInterval")?;
                expect(&mut due, "2", "", ping_interval);
            }
            ("3", _) => expect(&mut due, "2", "", ping_interval),
            // Private channels are refused until auth is answered.
            ("40", _) => requests = if AUTHENTICATE { vec!["auth"] } else { CHANNELS.to_vec() },
            ("42", _) => {
                let (channel, message): (String, Value) = from_str(content)?;
                keep_alive(&mut due, &channel);
                handle(&channel, &message);
            }
            (_, Some((_, name))) if content != "[null]" => {
                eprintln!("error: {name} was refused: {content}");
                exit(1) // it would be refused again
            }
            (_, Some((_, "auth"))) => requests = CHANNELS.to_vec(),
            (_, Some((_, name))) => {
                eprintln!("subscribed {name}");
                keep_alive(&mut due, name);
            }
            (_, None) => bail!("the server ended it: {frame}"),
        }
    }
}

fn expect(due: &mut HashMap<String, (Instant, &'static str)>, what: &str, name: &'static str, milliseconds: u64) {
    due.insert(what.to_owned(), (Instant::now() + Duration::from_millis(milliseconds), name));
}

/// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow: only
/// its own silence shows it. Order events may well be silent for days.
fn keep_alive(due: &mut HashMap<String, (Instant, &'static str)>, channel: &str) {
    if channel.starts_with("lightning_") {
        expect(due, channel, "", SILENCE_SECONDS * 1000);
    }
}

/// The parameters of auth: new ones for each connection.
fn sign((key, secret): &(String, String)) -> Value {
    let timestamp = Utc::now().timestamp_millis();
    let nonce = format!("{:032x}", rand::random::<u128>());
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let signature = hex::encode(mac.chain_update(format!("{timestamp}{nonce}")).finalize().into_bytes());
    json!({"api_key": key, "timestamp": timestamp, "nonce": nonce, "signature": signature})
}

/// A line from the terminal, which does not show it.
fn ask(prompt: &str) -> String {
    rpassword::prompt_password(prompt).unwrap_or_else(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => exit(0), // Ctrl-C
        _ => {
            eprintln!("error: no API key was typed: run this in a terminal, with nothing redirected");
            exit(1)
        }
    })
}
