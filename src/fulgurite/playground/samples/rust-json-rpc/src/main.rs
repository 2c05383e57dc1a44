//! Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again
//! whenever it must. Messages go to standard output, what happens to the connection goes to
//! standard error. Ctrl-C ends it.

use std::collections::{HashMap, HashSet};
use std::io::{Write, stdout};
use std::process::exit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use rpassword::prompt_password;
use serde_json::{Value, from_str, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const ENDPOINT: &str = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
const CHANNELS: &[&str] = &["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE: bool = false; // fulgurite:auth
const SILENCE_SECONDS: u64 = 60; // fulgurite:silence

type Keys = Option<(String, String)>;

struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// When it is given up, by the reasons.
    due: HashMap<String, Instant>,
}

impl Connection {
    fn expect(&mut self, reason: String, seconds: u64) {
        self.due.insert(reason, Instant::now() + Duration::from_secs(seconds));
    }

    /// A product that does not exist is acknowledged like any other, and a channel can die while
    /// others of its connection flow: only its own silence shows it.
    fn keep_alive(&mut self, channel: &str) {
        // Order events may well be silent for days.
        if channel.starts_with("lightning_") {
            let reason = format!("{channel} was silent for {SILENCE_SECONDS} s");
            self.expect(reason, SILENCE_SECONDS);
        }
    }

    /// Without an id there would be no answer, not even to a request that is refused.
    async fn request(&mut self, id: &str, method: &str, params: Value) -> Result<()> {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string())).await?;
        self.expect(format!("no answer for {id} in 10 s"), 10);
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<()> {
        for channel in CHANNELS {
            self.request(channel, "subscribe", json!({"channel": channel})).await?;
            self.keep_alive(channel);
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Value> {
        loop {
            let (reason, at) = self.due.iter().min_by_key(|due| due.1).context("nothing is due")?;
            let frame = timeout_at(*at, self.socket.next()).await.context(reason.clone())?;
            match frame.context("the connection ended")?? {
                Message::Text(text) => return Ok(from_str(&text)?),
                Message::Close(Some(close)) => bail!("closed: {close}"),
                // Comes every 15 s. The library answers; who takes more than 3 s is cut off.
                Message::Ping(_) => self.expect("no ping came for 40 s".to_owned(), 40),
                _ => {}
            }
        }
    }
}

/// Hands over a connection's messages. An error may be mended by another connection; what is
/// returned otherwise is why the server refused a request, as it would again.
async fn listen(keys: &Keys, mut handle: impl FnMut(&str, &Value)) -> Result<String> {
    let connecting = timeout(Duration::from_secs(10), connect_async(ENDPOINT));
    let (socket, _) = connecting.await.context("no connection in 10 s")??;
    eprintln!("connected {ENDPOINT}");
    let mut connection = Connection { socket, due: HashMap::new() };
    connection.expect("no ping came for 40 s".to_owned(), 40);
    match keys {
        // Private channels are refused until this is answered.
        Some((key, secret)) => connection.request("auth", "auth", sign(key, secret)).await?,
        None => connection.subscribe().await?,
    }
    loop {
        let frame = connection.receive().await?;
        if frame["method"] == "channelMessage" {
            let channel = frame["params"]["channel"].as_str().unwrap_or_default();
            connection.keep_alive(channel);
            handle(channel, &frame["params"]["message"]);
        } else if let Some(id) = frame["id"].as_str() {
            connection.due.remove(&format!("no answer for {id} in 10 s"));
            if frame["result"] != true {
                return Ok(format!("{id} was refused: {}", frame["error"]["message"]));
            } else if id == "auth" {
                connection.subscribe().await?;
            } else {
                eprintln!("subscribed {id}");
            }
        }
    }
}

/// The parameters of auth: new ones for each connection.
fn sign(key: &str, secret: &str) -> Value {
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let nonce = format!("{:032x}", rand::random::<u128>());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}{nonce}").as_bytes());
    let digest = mac.finalize().into_bytes();
    let signature: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"api_key": key, "timestamp": timestamp, "nonce": nonce, "signature": signature})
}

/// Connects again and again, until a request is refused.
async fn run(keys: Keys) -> String {
    let mut last: HashMap<String, SystemTime> = HashMap::new(); // each channel's last message
    let mut why = String::new(); // what ended the last connection that brought any
    let mut delay = 1.0;
    loop {
        let mut seen = HashSet::new();
        let end = listen(&keys, |channel, message| {
            let now = SystemTime::now();
            let before = last.insert(channel.to_owned(), now);
            let is_first = seen.insert(channel.to_owned());
            // The API never sends again what was missed.
            if let Some(before) = before.filter(|_| is_first) {
                let (from, to) = (clock(before), clock(now));
                eprintln!("missed {channel}: nothing from {from} to {to} ({why})");
            }
            if writeln!(stdout(), "{channel} {message}").is_err() {
                exit(0); // nobody reads any more
            }
        });
        let lost = match end.await {
            Ok(refusal) => return refusal,
            Err(error) => error.to_string(),
        };
        // Being accepted is not enough: a server in trouble may accept everybody, and be of no use.
        if !seen.is_empty() {
            (delay, why) = (1.0, lost.clone());
        }
        let wait = delay * rand::random_range(0.5..1.0); // not all clients at the same moment
        eprintln!("lost: {lost}; again in {wait:.1} s");
        sleep(Duration::from_secs_f64(wait)).await;
        delay = f64::min(delay * 2.0, 30.0);
    }
}

fn clock(time: SystemTime) -> String {
    let ms = time.duration_since(UNIX_EPOCH).unwrap().as_millis() % 86_400_000;
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", s / 3600, s / 60 % 60, s % 60)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let keys = match AUTHENTICATE {
        true => Some((prompt_password("API key: ")?, prompt_password("API secret: ")?)),
        false => None,
    };
    tokio::select! {
        refusal = run(keys) => {
            eprintln!("error: {refusal}");
            exit(1)
        }
        _ = tokio::signal::ctrl_c() => Ok(()), // which drops, and so closes, the connection
    }
}
