//! Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must. Messages
//! go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.
//!
//! The crates for Socket.IO speak later versions of it. Its frames are few, so they are plain here: a digit of
//! Engine.IO, after its 4 a digit of Socket.IO, the number of a request, then JSON.

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

const ENDPOINT: &str = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
const CHANNELS: &[&str] = &["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE: bool = false; // fulgurite:auth
const SILENCE_SECONDS: u64 = 60; // fulgurite:silence
const PING: &str = "it is time for a ping";
const NO_PONG: &str = "no pong came";
const NO_SESSION: &str = "no session in 10 s";

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
    // Polling, with which Socket.IO likes to begin, is refused here.
    let url = ENDPOINT.replacen("http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket";
    let connecting = timeout(Duration::from_secs(10), connect_async(url));
    let (mut socket, _) = connecting.await.context("no connection in 10 s")??;
    eprintln!("connected {ENDPOINT}");
    let mut due = HashMap::new(); // when the connection is given up, by the reasons
    let mut asked = Vec::new(); // what each request was about; their places are their numbers
    let mut requests = Vec::new();
    let (mut ping_interval, mut ping_timeout) = (0, 0); // in milliseconds
    expect(&mut due, 10_000, NO_SESSION.to_owned());
    loop {
        for (name, arguments) in requests.drain(..) {
            // Without a number there would be no answer, not even a refusal.
            socket.send(Message::text(format!("42{}{arguments}", asked.len()))).await?;
            expect(&mut due, 10_000, format!("no answer to {name} in 10 s"));
            asked.push(name);
        }
        let (problem, at) = due.iter().min_by_key(|due| due.1).context("nothing is due")?;
        let frame = match timeout_at(*at, socket.next()).await {
            Err(_) if problem == PING => {
                // In this version of Engine.IO it is the client that pings; the server hangs up on one that does not.
                socket.send(Message::text("2")).await?;
                expect(&mut due, ping_interval, PING.to_owned());
                expect(&mut due, ping_timeout, NO_PONG.to_owned());
                continue;
            }
            Err(_) => bail!(problem.clone()),
            Ok(received) => match received.context("the connection ended")?? {
                Message::Text(text) => text,
                Message::Close(Some(close)) => bail!("closed: {close}"),
                _ => continue,
            },
        };
        if let Some(opened) = frame.strip_prefix('0') {
            let opened: Value = from_str(opened)?;
            ping_interval = opened["pingInterval"].as_u64().context("no pingInterval")?;
            ping_timeout = opened["pingTimeout"].as_u64().context("no pingTimeout")?;
            expect(&mut due, ping_interval, PING.to_owned());
        } else if frame.as_str() == "3" {
            due.remove(NO_PONG);
        } else if frame.starts_with("40") {
            due.remove(NO_SESSION);
            requests = match keys {
                // Private channels are refused until it is answered.
                Some((key, secret)) => vec![("auth", json!(["auth", sign(key, secret)]))],
                None => subscriptions(),
            };
        } else if let Some(event) = frame.strip_prefix("42") {
            let event: Value = from_str(event)?;
            let channel = event[0].as_str().unwrap_or_default();
            keep_alive(&mut due, channel);
            handle(channel, &event[1]);
        } else if let Some(answer) = frame.strip_prefix("43") {
            let (number, arguments) = answer.split_at(answer.find('[').context("an answer without arguments")?);
            let name = *asked.get(number.parse::<usize>()?).context("an answer to nothing")?;
            due.remove(&format!("no answer to {name} in 10 s"));
            if arguments != "[null]" {
                eprintln!("error: {name} was refused: {arguments}");
                exit(1) // it would be refused again
            } else if name == "auth" {
                requests = subscriptions();
            } else {
                eprintln!("subscribed {name}");
                keep_alive(&mut due, name);
            }
        } else {
            bail!("the server ended it: {frame}");
        }
    }
}

fn subscriptions() -> Vec<(&'static str, Value)> {
    CHANNELS.iter().map(|channel| (*channel, json!(["subscribe", channel]))).collect()
}

fn expect(due: &mut HashMap<String, Instant>, milliseconds: u64, otherwise: String) {
    due.insert(otherwise, Instant::now() + Duration::from_millis(milliseconds));
}

/// An unknown product is acknowledged like any other, and a channel can die while others of its connection flow: only
/// its own silence shows it. Order events may well be silent for days.
fn keep_alive(due: &mut HashMap<String, Instant>, channel: &str) {
    if channel.starts_with("lightning_") {
        expect(due, SILENCE_SECONDS * 1000, format!("{channel} was silent for {SILENCE_SECONDS} s"));
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
