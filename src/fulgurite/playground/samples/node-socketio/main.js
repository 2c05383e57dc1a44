// Follows channels of bitFlyer's realtime API over Socket.IO, and comes back after any interruption.

import { createHmac, randomBytes } from "node:crypto";
import { EventEmitter, on, once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import io from "socket.io-client"; // version 2: later ones speak Engine.IO 4, which the API does not offer

const ENDPOINT = "https://io.lightstream.bitflyer.com"; // fulgurite:endpoint
const CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"]; // fulgurite:channels
const AUTHENTICATE = false; // fulgurite:auth
// Each channel has its own limit: one can die while the rest flows, and an unknown product is acknowledged like any
// other and then stays silent. Products that trade seldom need a longer one.
const SILENCE_SECONDS = 60; // fulgurite:silence

/** What the server refuses now, it will refuse again. */
class Refused extends Error {}

/** One connection: yields [channel, message] until it ends, and then throws why. */
async function* listen(credentials, stop) {
  const over = new AbortController();
  const signal = AbortSignal.any([stop, over.signal]);
  const end = (why) => over.abort(new Error(why));

  const timers = new Map();
  const expect = (what, seconds, otherwise) => {
    clearTimeout(timers.get(what));
    timers.set(what, setTimeout(end, seconds * 1000, otherwise));
  };
  const expectMessage = (channel) => {
    if (channel.endsWith("_order_events")) return; // silence there only means no orders
    expect(channel, SILENCE_SECONDS, `${channel} was silent for ${SILENCE_SECONDS} s`);
  };

  // Node verifies the certificate and asks for TLS 1.2 or newer, unless told otherwise.
  const socket = io(ENDPOINT, {
    transports: ["websocket"], // the default begins with long polling, which the API does not offer
    reconnection: false, // its own stays away when the server ends the session, and never notices silence
    forceNew: true, // nothing left over from the connection before
    timeout: 10_000,
  });
  socket.on("connect_error", (error) => end(error.description?.message ?? `no connection: ${error}`));
  socket.on("disconnect", end); // "ping timeout" too: this library pings, as the client must in Engine.IO 3
  socket.on("error", end);
  const { decoder } = socket.io;
  const decode = decoder.add.bind(decoder);
  decoder.add = (frame) => {
    try {
      decode(frame);
    } catch (error) {
      end(String(error)); // a malformed frame would otherwise end the whole program
    }
  };

  const request = (event, argument, name, then) => {
    expect(`answer ${name}`, 10, `no answer to ${event} in 10 s`);
    // Without a callback there is no answer at all, not even to a channel that does not exist.
    socket.emit(event, argument, (refusal) => {
      clearTimeout(timers.get(`answer ${name}`));
      if (refusal) over.abort(new Refused(`${name} was refused: ${refusal.message ?? refusal}`));
      else then();
    });
  };
  const subscribe = () => {
    for (const channel of CHANNELS) {
      request("subscribe", channel, channel, () => console.error(`subscribed ${channel}`));
      expectMessage(channel);
    }
  };
  socket.on("connect", () => {
    console.error(`connected ${ENDPOINT}`);
    // Private channels are refused until auth has been answered.
    if (credentials) request("auth", sign(credentials), "auth", subscribe);
    else subscribe();
  });

  const received = new EventEmitter();
  for (const channel of CHANNELS) {
    socket.on(channel, (message) => {
      expectMessage(channel);
      received.emit("message", channel, message);
    });
  }
  try {
    yield* on(received, "message", { signal });
  } catch (error) {
    throw over.signal.reason ?? error; // why it was aborted, rather than that it was
  } finally {
    for (const timer of timers.values()) clearTimeout(timer);
    socket.close();
  }
}

/** Anew for each connection, since the server checks the time. */
function sign({ key, secret }) {
  const timestamp = Date.now();
  const nonce = randomBytes(16).toString("hex");
  const signature = createHmac("sha256", secret).update(`${timestamp}${nonce}`).digest("hex");
  return { api_key: key, timestamp, nonce, signature };
}

async function ask(question) {
  const terminal = createInterface({ input: process.stdin, terminal: true }); // no output, so no echo
  process.stderr.write(question);
  terminal.on("SIGINT", () => process.exit(0)); // Ctrl-C is a key here, not a signal
  const [answer] = await once(terminal, "line");
  terminal.close();
  process.stderr.write("\n");
  return answer.trim();
}

const clock = (time) => new Date(time).toISOString().slice(11, 23); // UTC, like all times of the API

const credentials = AUTHENTICATE && { key: await ask("API key: "), secret: await ask("API secret: ") };
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
const latest = new Map(); // channel: when its latest message came, and why none came since
for (let failures = 0; !stop.signal.aborted; ) {
  try {
    for await (const [channel, message] of listen(credentials, stop.signal)) {
      const now = Date.now();
      const { at, lost } = latest.get(channel) ?? {};
      // Missed messages never come again; executions can be had from the HTTP API.
      if (lost) console.error(`missed ${channel}: nothing from ${clock(at)} to ${clock(now)} (${lost})`);
      latest.set(channel, { at: now });
      failures = 0; // not on connecting already: a server may accept and close at once
      console.log(`${channel} ${JSON.stringify(message)}`); // its numbers are doubles now: 0.00000001 prints as 1e-8
    }
  } catch (error) {
    if (stop.signal.aborted) {
      setTimeout(process.exit, 1000).unref(); // should nobody answer the close
      break;
    }
    if (error instanceof Refused) {
      console.error(`error: ${error.message}`);
      process.exit(1);
    }
    for (const channel of latest.values()) channel.lost ??= error.message;
    const seconds = Math.min(2 ** failures++, 30) * (0.5 + Math.random() / 2); // bitFlyer restricts who hurries
    console.error(`lost: ${error.message}; again in ${seconds.toFixed(1)} s`);
    await sleep(seconds * 1000, undefined, { signal: stop.signal }).catch(() => {});
  }
}
