//! Prints what bitFlyer's realtime API sends (JSON-RPC 2.0 over WebSocket), and connects again whenever it must.
//! Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C ends it.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io::{self, Write};
use std::process::{ExitCode, exit};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const ENDPOINT: &str = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
const CHANNELS: &[&str] = &["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE: bool = false; // fulgurite:auth
const SILENCE_SECONDS: u64 = 60; // fulgurite:silence

/// Why a connection ended.
enum End {
    Lost(String),
    /// An answer that another attempt would not change.
    Refused(String),
}

impl<E: std::error::Error> From<E> for End {
    fn from(error: E) -> Self {
        End::Lost(error.to_string())
    }
}

struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// When the connection is given up, by the reasons.
    due: HashMap<String, Instant>,
}

impl Connection {
    fn expect(&mut self, reason: &str, seconds: u64) {
        let at = Instant::now() + Duration::from_secs(seconds);
        self.due.insert(reason.to_owned(), at);
    }

    /// A product that does not exist is acknowledged like any other, and a channel can die while others of its
    /// connection flow: only its own silence shows it. Order events may well be silent for days.
    fn keep_alive(&mut self, channel: &str) {
        if channel.starts_with("lightning_") {
            self.expect(
                &format!("{channel} was silent for {SILENCE_SECONDS} s"),
                SILENCE_SECONDS,
            );
        }
    }

    /// Without an id there would be no answer, not even when it is refused.
    async fn request(&mut self, id: &str, method: &str, params: Value) -> Result<(), End> {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string())).await?;
        self.expect(&format!("no answer for {id} in 10 s"), 10);
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<(), End> {
        for channel in CHANNELS {
            self.request(channel, "subscribe", json!({"channel": channel}))
                .await?;
            self.keep_alive(channel);
        }
        Ok(())
    }

    /// The next frame of JSON.
    async fn receive(&mut self) -> Result<Value, End> {
        loop {
            let (reason, at) = self
                .due
                .iter()
                .min_by_key(|(_, at)| **at)
                .expect("a ping is always due");
            match timeout_at(*at, self.socket.next()).await {
                Err(_) => return Err(End::Lost(reason.clone())),
                Ok(None) => return Err(End::Lost("closed".to_owned())),
                Ok(Some(frame)) => match frame? {
                    Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                    Message::Close(Some(close)) => {
                        return Err(End::Lost(format!("closed: {close}")));
                    }
                    // Comes every 15 s. The library answers; who does so after more than 3 s is cut off.
                    Message::Ping(_) => self.expect("no ping came for 40 s", 40),
                    _ => {}
                },
            }
        }
    }
}

/// Sees one connection through to its end, and hands over its messages.
async fn listen(
    keys: &Option<(String, String)>,
    mut handle: impl FnMut(&str, &Value),
) -> Result<Infallible, End> {
    let (socket, _) = timeout(Duration::from_secs(10), connect_async(ENDPOINT)).await??;
    eprintln!("connected {ENDPOINT}");
    let mut connection = Connection {
        socket,
        due: HashMap::new(),
    };
    connection.expect("no ping came for 40 s", 40);
    match keys {
        // Private channels are refused until this is answered.
        Some((key, secret)) => {
            connection
                .request("auth", "auth", sign(key, secret))
                .await?
        }
        None => connection.subscribe().await?,
    }
    loop {
        let frame = connection.receive().await?;
        if frame["method"] == "channelMessage" {
            let channel = frame["params"]["channel"].as_str().unwrap_or_default();
            connection.keep_alive(channel);
            handle(channel, &frame["params"]["message"]);
        } else if let Some(id) = frame["id"].as_str() {
            connection
                .due
                .remove(&format!("no answer for {id} in 10 s"));
            if frame["result"] != true {
                let reason = frame["error"]["message"]
                    .as_str()
                    .unwrap_or("it was not said why");
                return Err(End::Refused(format!("{id} was refused: {reason}")));
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
    let timestamp = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970")
        .as_millis() as u64;
    let nonce = format!("{:032x}", rand::random::<u128>());
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())
        .expect("a key of any length will do");
    mac.update(format!("{timestamp}{nonce}").as_bytes());
    let signature: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    json!({"api_key": key, "timestamp": timestamp, "nonce": nonce, "signature": signature})
}

fn clock(time: SystemTime) -> String {
    let ms = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    format!(
        "{:02}:{:02}:{:02}.{:03}",
        ms / 3_600_000 % 24,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000
    )
}

/// Connects, again and again, until a request is refused.
async fn run(keys: Option<(String, String)>) -> String {
    let mut last: HashMap<String, SystemTime> = HashMap::new(); // when each channel's last message came
    let mut why = String::new(); // what ended the last connection that brought any
    let mut delay = 1.0;
    loop {
        let mut seen = HashSet::new();
        let Err(end) = listen(&keys, |channel, message| {
            let now = SystemTime::now();
            let before = last.insert(channel.to_owned(), now);
            // The API never sends again what was missed.
            if let (true, Some(before)) = (seen.insert(channel.to_owned()), before) {
                eprintln!(
                    "missed {channel}: nothing from {} to {} ({why})",
                    clock(before),
                    clock(now)
                );
            }
            if writeln!(io::stdout(), "{channel} {message}").is_err() {
                exit(0); // nobody reads any more
            }
        })
        .await;
        let reason = match end {
            End::Refused(reason) => return reason,
            End::Lost(reason) => reason,
        };
        if !seen.is_empty() {
            // Only now: a server in trouble may accept everybody, and be of no use.
            (delay, why) = (1.0, reason.clone());
        }
        let wait = delay * rand::random_range(0.5..1.0); // not all clients at the same moment
        eprintln!("lost: {reason}; again in {wait:.1} s");
        sleep(Duration::from_secs_f64(wait)).await;
        delay = f64::min(delay * 2.0, 30.0);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<ExitCode> {
    let keys = if AUTHENTICATE {
        Some((
            rpassword::prompt_password("API key: ")?,
            rpassword::prompt_password("API secret: ")?,
        ))
    } else {
        None
    };
    tokio::select! {
        reason = run(keys) => {
            eprintln!("error: {reason}");
            Ok(ExitCode::FAILURE)
        }
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS), // and the connection is closed with what it belongs to
    }
}
