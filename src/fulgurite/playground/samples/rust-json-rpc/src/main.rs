//! Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
//! Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::process::exit;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
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
    tokio::select! {
        biased; // Ctrl-C is heeded before a key is asked for
        _ = ctrl_c() => {} // which drops, and so closes, the connection
        _ = run() => {}
    }
}

async fn run() {
    let keys = AUTHENTICATE.then(|| (ask("API key: "), ask("API secret: ")));
    let mut last = HashMap::new(); // when each channel's last message came
    let mut why = String::new(); // what ended the last connection that brought any
    let mut delay = 1.0;
    loop {
        let mut seen = HashSet::new();
        let handle = |channel: &str, message: &Value| {
            let now = chrono::Utc::now().format("%H:%M:%S%.3f").to_string();
            let before = last.insert(channel.to_owned(), now.clone());
            let is_first = seen.insert(channel.to_owned());
            if let Some(before) = before.filter(|_| is_first) {
                // The API never sends again what was missed.
                eprintln!("missed {channel}: nothing from {before} to {now} ({why})");
            }
            println!("{channel} {message}");
        };
        let Err(lost) = listen(&keys, handle).await;
        if !seen.is_empty() {
            // Only now: a server in trouble may accept everybody, and be of no use.
            (delay, why) = (1.0, lost.to_string());
        }
        let wait = delay * rand::random_range(0.5..1.0); // not all clients at the same moment
        eprintln!("lost: {lost}; again in {wait:.1} s");
        sleep(Duration::from_secs_f64(wait)).await;
        delay = f64::min(delay * 2.0, 30.0);
    }
}

/// Sees one connection through to its end, and hands over its messages.
async fn listen(keys: &Option<(String, String)>, mut handle: impl FnMut(&str, &Value)) -> Result<Infallible> {
    let connecting = timeout(Duration::from_secs(10), connect_async(ENDPOINT));
    let (mut socket, _) = connecting.await.context("no connection in 10 s")??;
    eprintln!("connected {ENDPOINT}");
    let mut due = HashMap::new(); // when the connection is given up, by the reasons
    let mut requests = match keys {
        // Private channels are refused until it is answered.
        Some((key, secret)) => vec![("auth", "auth", sign(key, secret))],
        None => subscriptions(),
    };
    expect(&mut due, 40, "no ping came for 40 s".to_owned());
    loop {
        for (id, method, params) in requests.drain(..) {
            // Without an id there would be no answer, not even a refusal.
            let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
            socket.send(Message::text(request.to_string())).await?;
            expect(&mut due, 10, format!("no answer to {id} in 10 s"));
        }
        let (problem, at) = due.iter().min_by_key(|due| due.1).context("nothing is due")?;
        let received = timeout_at(*at, socket.next()).await.context(problem.clone())?;
        let frame: Value = match received.context("the connection ended")?? {
            Message::Text(text) => from_str(&text)?,
            Message::Close(Some(close)) => bail!("closed: {close}"),
            Message::Ping(_) => {
                // Comes every 15 s. The library answers; who takes more than 3 s is cut off.
                expect(&mut due, 40, "no ping came for 40 s".to_owned());
                continue;
            }
            _ => continue,
        };
        if frame["method"] == "channelMessage" {
            let channel = frame["params"]["channel"].as_str().unwrap_or_default();
            keep_alive(&mut due, channel);
            handle(channel, &frame["params"]["message"]);
        } else if let Some(id) = frame["id"].as_str() {
            due.remove(&format!("no answer to {id} in 10 s"));
            if frame["result"] != true {
                eprintln!("error: {id} was refused: {}", frame["error"]["message"]);
                exit(1) // it would be refused again
            } else if id == "auth" {
                requests = subscriptions();
            } else {
                eprintln!("subscribed {id}");
                keep_alive(&mut due, id);
            }
        }
    }
}

fn subscriptions() -> Vec<(&'static str, &'static str, Value)> {
    CHANNELS.iter().map(|channel| (*channel, "subscribe", json!({"channel": channel}))).collect()
}

fn expect(due: &mut HashMap<String, Instant>, seconds: u64, otherwise: String) {
    due.insert(otherwise, Instant::now() + Duration::from_secs(seconds));
}

/// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow: only
/// its own silence shows it. Order events may well be silent for days.
fn keep_alive(due: &mut HashMap<String, Instant>, channel: &str) {
    if channel.starts_with("lightning_") {
        expect(due, SILENCE_SECONDS, format!("{channel} was silent for {SILENCE_SECONDS} s"));
    }
}

/// The parameters of auth: new ones for each connection.
fn sign(key: &str, secret: &str) -> Value {
    let timestamp = chrono::Utc::now().timestamp_millis();
    let nonce = format!("{:032x}", rand::random::<u128>());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}{nonce}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    json!({"api_key": key, "timestamp": timestamp, "nonce": nonce, "signature": signature})
}

/// A line from the terminal, which does not show it.
fn ask(prompt: &str) -> String {
    rpassword::prompt_password(prompt).unwrap_or_else(|error| match error.kind() {
        ErrorKind::Interrupted => exit(0), // Ctrl-C
        _ => panic!("cannot ask for the key: {error}"),
    })
}
