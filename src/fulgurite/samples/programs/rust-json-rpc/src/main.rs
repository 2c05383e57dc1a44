//! Prints the messages of bitFlyer's realtime API (JSON-RPC 2.0 over WebSocket), and reconnects after interruptions.
//! Messages go to standard output, a log of the connection goes to standard error. Ctrl-C ends it.

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

const ENDPOINT: &str = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
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
    let connecting = timeout(Duration::from_secs(10), connect_async(ENDPOINT));
    let (mut socket, _) = connecting.await.context("no connection in 10 s")??;
    eprintln!("connected {ENDPOINT}");
    let mut due = HashMap::new(); // by awaited answer's id or channel: the deadline, and the request
    // Private channels are refused until auth is answered.
    let mut requests = if AUTHENTICATE { vec!["auth"] } else { CHANNELS.to_vec() };
    expect(&mut due, "ping", "", 40);
    loop {
        for (id, name) in requests.drain(..).enumerate() {
            let (method, params) =
                if name == "auth" { (name, sign(keys)) } else { ("subscribe", json!({"channel": name})) };
            // Without an id there would be no answer, not even a refusal.
            let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
            socket.send(Message::text(request.to_string())).await?;
            expect(&mut due, &id.to_string(), name, 10);
        }
        let (what, (at, name)) = due.iter().min_by_key(|(_, (at, _))| at).context("nothing is due")?;
        let frame: Value = match timeout_at(*at, socket.next()).await {
            Err(_) if what == "ping" => bail!("no ping came for 40 s"),
            Err(_) if name.is_empty() => bail!("{what} was silent for {SILENCE_SECONDS} s"),
            Err(_) => bail!("no answer to {name} in 10 s"),
            Ok(received) => match received.context("the connection ended")?? {
                Message::Text(text) => from_str(&text)?,
                Message::Close(Some(close)) => bail!("closed: {close}"),
                Message::Ping(_) => {
                    // Comes every 15 s. The library answers; without an answer in 3 s the connection is cut.
                    expect(&mut due, "ping", "", 40);
                    continue;
                }
                _ => continue,
            },
        };
        match due.remove(&frame["id"].to_string()) {
            Some((_, name)) if frame["result"] != true => {
                eprintln!("error: {name} was refused: {}", frame["error"]["message"]);
                exit(1) // it would be refused again
            }
            Some((_, "auth")) => requests = CHANNELS.to_vec(),
            Some((_, name)) => {
                eprintln!("subscribed {name}");
                keep_alive(&mut due, name);
            }
            None if frame["method"] == "channelMessage" => {
                let channel = frame["params"]["channel"].as_str().unwrap_or_default();
                keep_alive(&mut due, channel);
                handle(channel, &frame["params"]["message"]);
            }
            None => {}
        }
    }
}

fn expect(due: &mut HashMap<String, (Instant, &'static str)>, what: &str, name: &'static str, seconds: u64) {
    due.insert(what.to_owned(), (Instant::now() + Duration::from_secs(seconds), name));
}

/// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow: only
/// its own silence shows it. Order events may well be silent for days.
fn keep_alive(due: &mut HashMap<String, (Instant, &'static str)>, channel: &str) {
    if channel.starts_with("lightning_") {
        expect(due, channel, "", SILENCE_SECONDS);
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
