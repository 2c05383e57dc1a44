//! Prints what bitFlyer's realtime API sends (Socket.IO 2.0), and connects again whenever it must.
//! Messages go to standard output, what happens to the connection goes to standard error. Ctrl-C
//! ends it.
//!
//! The crates for Socket.IO speak later versions of it. Its frames are few, so they are plain here:
//! a digit of Engine.IO, after its 4 a digit of Socket.IO, the number of a request, then JSON.

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
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const ENDPOINT: &str = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
const CHANNELS: &[&str] = &["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE: bool = false; // fulgurite:auth
const SILENCE_SECONDS: u64 = 60; // fulgurite:silence

type Keys = Option<(String, String)>;

struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// When it is given up, by the reasons.
    due: HashMap<String, Instant>,
    /// The names of the requests, whose places are their numbers.
    asked: Vec<String>,
    next_ping: Instant,
    ping_interval: Duration,
    ping_timeout: Duration,
}

impl Connection {
    fn expect(&mut self, reason: String, within: Duration) {
        self.due.insert(reason, Instant::now() + within);
    }

    /// A product that does not exist is acknowledged like any other, and a channel can die while
    /// others of its connection flow: only its own silence shows it.
    fn keep_alive(&mut self, channel: &str) {
        // Order events may well be silent for days.
        if channel.starts_with("lightning_") {
            let reason = format!("{channel} was silent for {SILENCE_SECONDS} s");
            self.expect(reason, Duration::from_secs(SILENCE_SECONDS));
        }
    }

    /// Without a number there would be no answer, not even to a request that is refused.
    async fn request(&mut self, name: &str, arguments: Value) -> Result<()> {
        let number = self.asked.len();
        self.socket.send(Message::text(format!("42{number}{arguments}"))).await?;
        self.expect(format!("no answer for {name} in 10 s"), Duration::from_secs(10));
        self.asked.push(name.to_owned());
        Ok(())
    }

    async fn subscribe(&mut self) -> Result<()> {
        for channel in CHANNELS {
            self.request(channel, json!(["subscribe", channel])).await?;
            self.keep_alive(channel);
        }
        Ok(())
    }

    /// The next frame. In this version of Engine.IO it is the client that pings meanwhile; the server
    /// hangs up on one that does not.
    async fn receive(&mut self) -> Result<Utf8Bytes> {
        loop {
            let (reason, at) = self.due.iter().min_by_key(|due| due.1).context("nothing is due")?;
            tokio::select! {
                _ = sleep_until(*at) => bail!(reason.clone()),
                _ = sleep_until(self.next_ping) => {
                    self.socket.send(Message::text("2")).await?;
                    self.next_ping += self.ping_interval;
                    self.expect("no pong came".to_owned(), self.ping_timeout);
                }
                frame = self.socket.next() => match frame.context("the connection ended")?? {
                    Message::Text(text) => return Ok(text),
                    Message::Close(Some(close)) => bail!("closed: {close}"),
                    _ => {}
                },
            }
        }
    }
}

/// Hands over a connection's messages. An error may be mended by another connection; what is
/// returned otherwise is why the server refused a request, as it would again.
async fn listen(keys: &Keys, mut handle: impl FnMut(&str, &Value)) -> Result<String> {
    // Polling, with which Socket.IO likes to begin, is refused here.
    let url = ENDPOINT.replacen("http", "ws", 1) + "/socket.io/?EIO=3&transport=websocket";
    let connecting = timeout(Duration::from_secs(10), connect_async(url));
    let (socket, _) = connecting.await.context("no connection in 10 s")??;
    eprintln!("connected {ENDPOINT}");
    let mut connection = Connection {
        socket,
        due: HashMap::new(),
        asked: Vec::new(),
        next_ping: Instant::now() + Duration::from_secs(3600), // the server says when
        ping_interval: Duration::ZERO,
        ping_timeout: Duration::ZERO,
    };
    connection.expect("no handshake in 10 s".to_owned(), Duration::from_secs(10));
    loop {
        let frame = connection.receive().await?;
        if let Some(opened) = frame.strip_prefix('0') {
            let opened: Value = from_str(opened)?;
            let duration = |name| opened[name].as_u64().map(Duration::from_millis).context(name);
            connection.ping_interval = duration("pingInterval")?;
            connection.ping_timeout = duration("pingTimeout")?;
            connection.next_ping = Instant::now() + connection.ping_interval;
        } else if frame.as_str() == "3" {
            connection.due.remove("no pong came");
        } else if frame.starts_with("40") {
            connection.due.remove("no handshake in 10 s");
            match keys {
                // Private channels are refused until this is answered.
                Some((key, secret)) => {
                    connection.request("auth", json!(["auth", sign(key, secret)])).await?
                }
                None => connection.subscribe().await?,
            }
        } else if let Some(event) = frame.strip_prefix("42") {
            let event: Value = from_str(event)?;
            let channel = event[0].as_str().unwrap_or_default();
            connection.keep_alive(channel);
            handle(channel, &event[1]);
        } else if let Some(answer) = frame.strip_prefix("43") {
            let (number, arguments) = answer.split_at(answer.find('[').context("no arguments")?);
            let name = connection.asked.get(number.parse::<usize>()?).context("not asked")?.clone();
            connection.due.remove(&format!("no answer for {name} in 10 s"));
            let problem = &from_str::<Value>(arguments)?[0];
            if !problem.is_null() {
                return Ok(format!("{name} was refused: {problem}"));
            } else if name == "auth" {
                connection.subscribe().await?;
            } else {
                eprintln!("subscribed {name}");
            }
        } else if frame.starts_with("41") || frame.starts_with("44") {
            bail!("the server disconnected: {frame}");
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
