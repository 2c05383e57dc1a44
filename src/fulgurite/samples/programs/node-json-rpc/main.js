// Follows channels of bitFlyer's realtime API, JSON-RPC 2.0 over WebSocket, and comes back after any interruption.

import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import WebSocket from "ws";

const ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
const CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE = false; // fulgurite:auth
// Each channel has its own limit: one can die while the rest flows, and an unknown product is acknowledged like any
// other and then stays silent. Products that trade seldom need a longer one.
const SILENCE_SECONDS = 60; // fulgurite:silence
const PING_SECONDS = 40; // the server pings every 15 s, even in a quiet market; `ws` answers

const key = AUTHENTICATE ? await ask("API key: ") : "";
const secret = AUTHENTICATE ? await ask("API secret: ") : "";
let socket;
let failures = 0;
const timers = new Map(); // by expected event
const latest = new Map(); // channel: when its latest message came, and why none came since

function connect() {
  // Node verifies the certificate and asks for TLS 1.2 or newer, unless told otherwise.
  socket = new WebSocket(ENDPOINT, { handshakeTimeout: 10_000 });
  let why;
  const giveUp = (problem) => {
    why ??= problem;
    socket.terminate(); // a dead connection would not answer a close
  };
  const expect = (what, seconds, otherwise = `${what} was silent for ${seconds} s`) => {
    clearTimeout(timers.get(what));
    timers.set(what, setTimeout(giveUp, seconds * 1000, otherwise));
  };
  const expectMessage = (channel) => {
    // No order events only means no orders: there the pings alone tell a dead connection.
    if (!channel.endsWith("_order_events")) expect(channel, SILENCE_SECONDS);
  };
  const request = (name) => {
    const [method, params] = name === "auth" ? ["auth", sign()] : ["subscribe", { channel: name }];
    // Without an id there is no answer at all, not even to a channel that does not exist. It may be a string.
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: name, method, params }));
    expect(`answer ${name}`, 10, `no answer to ${name} in 10 s`);
  };
  const take = (frame) => {
    if (frame?.method === "channelMessage" && CHANNELS.includes(frame.params?.channel)) {
      expectMessage(frame.params.channel);
      received(frame.params);
    } else if (timers.has(`answer ${frame?.id}`)) {
      clearTimeout(timers.get(`answer ${frame.id}`));
      if (frame.result !== true) {
        console.error(`error: ${frame.id} was refused: ${frame.error?.message}`); // it would be refused again
        process.exit(1);
      } else if (frame.id === "auth") {
        CHANNELS.forEach(request);
      } else {
        console.error(`subscribed ${frame.id}`);
        expectMessage(frame.id);
      }
    }
  };

  socket.on("open", () => {
    console.error(`connected ${ENDPOINT}`);
    expect("the server", PING_SECONDS);
    if (AUTHENTICATE) request("auth"); // private channels are refused until it has been answered
    else CHANNELS.forEach(request);
  });
  socket.on("ping", () => expect("the server", PING_SECONDS));
  socket.on("message", (data) => {
    try {
      take(JSON.parse(data));
    } catch (error) {
      giveUp(String(error));
    }
  });
  socket.on("error", (error) => (why ??= error.message || error.code));
  socket.on("close", (code, reason) => {
    // It follows an error and `terminate`, too.
    for (const timer of timers.values()) clearTimeout(timer);
    why ??= `closed with code ${code} ${reason}`.trim();
    for (const channel of latest.values()) channel.lost ??= why;
    const seconds = Math.min(2 ** failures++, 30) * (0.5 + Math.random() / 2); // bitFlyer restricts hasty clients
    console.error(`lost: ${why}; again in ${seconds.toFixed(1)} s`);
    timers.set("retry", setTimeout(connect, seconds * 1000));
  });
}

function received({ channel, message }) {
  const now = new Date().toISOString().slice(11, 23); // UTC, like all times of the API
  const { at, lost } = latest.get(channel) ?? {};
  // Missed messages never come again; executions can be had from the HTTP API.
  if (lost) console.error(`missed ${channel}: nothing from ${at} to ${now} (${lost})`);
  latest.set(channel, { at: now });
  failures = 0; // not on connecting already: a server may accept and close at once
  console.log(`${channel} ${JSON.stringify(message)}`); // its numbers are doubles now: 0.00000001 prints as 1e-8
}

/** Anew for each connection, since the server checks the time. */
function sign() {
  const timestamp = Date.now();
  const nonce = randomBytes(16).toString("hex");
  const signature = createHmac("sha256", secret).update(`${timestamp}${nonce}`).digest("hex");
  return { api_key: key, timestamp, nonce, signature };
}

async function ask(question) {
  if (process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, terminal: true }); // no output, so no echo
    terminal.on("SIGINT", () => process.exit()); // Ctrl-C is a key here, not a signal
    const closed = once(terminal, "close"); // Ctrl-D does that, and then there is no answer
    process.stderr.write(question);
    const answer = await Promise.race([terminal.question("").catch(() => null), closed]);
    terminal.close();
    process.stderr.write("\n");
    if (typeof answer === "string") return answer.trim();
  }
  console.error("error: no API key was typed: run this in a terminal, with nothing redirected");
  process.exit(1);
}

connect();
process.once("SIGINT", () => {
  for (const timer of timers.values()) clearTimeout(timer);
  socket.removeAllListeners().on("error", () => {}); // nothing is said any more
  socket.close(1000);
  setTimeout(() => process.exit(), 1000).unref(); // in case nobody answers the close
});
