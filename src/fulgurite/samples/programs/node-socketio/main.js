// Follows channels of bitFlyer's realtime API over Socket.IO, and comes back after any interruption.

import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import io from "socket.io-client"; // version 2: later ones speak Engine.IO 4, which the API does not offer

const ENDPOINT = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
const CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE = false; // fulgurite:auth
// Each channel has its own limit: one can die while the rest flows, and an unknown product is acknowledged like any
// other and then stays silent. Products that trade seldom need a longer one.
const SILENCE_SECONDS = 60; // fulgurite:silence

const key = AUTHENTICATE ? await ask("API key: ") : "";
const secret = AUTHENTICATE ? await ask("API secret: ") : "";
let socket;
let failures = 0;
const timers = new Map(); // by expected event
const latest = new Map(); // channel: when its latest message came, and why none came since

function connect() {
  // Node verifies the certificate and asks for TLS 1.2 or newer, unless told otherwise.
  socket = io(ENDPOINT, {
    transports: ["websocket"], // the default begins with long polling, which the API does not offer
    reconnection: false, // its own stays away when the server ends the session, and never notices silence
    forceNew: true, // nothing left over from the connection before
  });

  const lost = (why) => {
    disconnect();
    for (const channel of latest.values()) channel.lost ??= why;
    const seconds = Math.min(2 ** failures++, 30) * (0.5 + Math.random() / 2); // bitFlyer restricts hasty clients
    console.error(`lost: ${why}; again in ${seconds.toFixed(1)} s`);
    timers.set("retry", setTimeout(connect, seconds * 1000));
  };
  const expect = (what, seconds, otherwise = `${what} was silent for ${seconds} s`) => {
    clearTimeout(timers.get(what));
    timers.set(what, setTimeout(lost, seconds * 1000, otherwise));
  };
  const expectMessage = (channel) => {
    if (!channel.endsWith("_order_events")) expect(channel, SILENCE_SECONDS); // silence there only means no orders
  };
  const request = (name) => {
    const [event, argument] = name === "auth" ? ["auth", sign()] : ["subscribe", name];
    // Without a callback there is no answer at all, not even to a channel that does not exist.
    socket.emit(event, argument, (refusal) => {
      clearTimeout(timers.get(`answer ${name}`));
      if (refusal) {
        console.error(`error: ${name} was refused: ${refusal.message ?? refusal}`); // it would be refused again
        process.exit(1);
      } else if (name === "auth") {
        CHANNELS.forEach(request);
      } else {
        console.error(`subscribed ${name}`);
        expectMessage(name);
      }
    });
    expect(`answer ${name}`, 10, `no answer to ${name} in 10 s`);
  };

  expect("session", 10, "no session in 10 s");
  socket.on("connect", () => {
    console.error(`connected ${ENDPOINT}`);
    clearTimeout(timers.get("session"));
    if (AUTHENTICATE) request("auth"); // private channels are refused until it has been answered
    else CHANNELS.forEach(request);
  });
  for (const channel of CHANNELS) {
    socket.on(channel, (message) => {
      expectMessage(channel);
      received({ channel, message });
    });
  }
  socket.on("connect_error", (error) => lost(error.description?.message || `${error}`));
  socket.on("disconnect", lost); // "ping timeout" too: this library pings, as the client must in Engine.IO 3
  socket.on("error", lost);
  const { decoder } = socket.io; // its error at a malformed frame would end the whole program
  const decode = decoder.add.bind(decoder);
  decoder.add = (frame) => {
    try {
      decode(frame);
    } catch (error) {
      if (socket.connected) lost(String(error));
    }
  };
}

function disconnect() {
  for (const timer of timers.values()) clearTimeout(timer);
  socket.removeAllListeners(); // they would tell of this end, too
  socket.close();
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
  disconnect();
  setTimeout(() => process.exit(), 1000).unref(); // in case nobody answers the close
});
