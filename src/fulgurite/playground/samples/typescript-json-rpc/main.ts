// Follows channels of bitFlyer's realtime API, JSON-RPC 2.0 over WebSocket, and comes back after any interruption.

import { createHmac, randomBytes } from "node:crypto";
import { on, once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

const ENDPOINT = "wss://ws.lightstream.bitflyer.com/json-rpc"; // fulgurite:endpoint
const CHANNELS = ["lightning_ticker_BTC_JPY", "lightning_executions_BTC_JPY"] as const; // fulgurite:channels
const AUTHENTICATE: boolean = false; // fulgurite:auth
// Each channel has its own limit: one can die while the rest flows, and an unknown product is acknowledged like any
// other and then stays silent. Products that trade seldom need a longer one.
const SILENCE_SECONDS = 60; // fulgurite:silence
const PING_SECONDS = 40; // the server pings every 15 s, whatever the market does; `ws` answers

type Level = { price: number; size: number }; // a size of 0 removes the level
type Board = { mid_price: number; bids: Level[]; asks: Level[] };
type Ticker = { timestamp: string; best_bid: number; best_ask: number; ltp: number; volume: number; state: string };
type Execution = { id: number; side: "BUY" | "SELL" | ""; price: number; size: number; exec_date: string };
type OrderEvent = { product_code: string; event_type: string; event_date: string; [more: string]: unknown };
type Message<C> = C extends `lightning_board_${string}` ? Board
  : C extends `lightning_ticker_${string}` ? Ticker
  : C extends `lightning_executions_${string}` ? Execution[]
  : OrderEvent[];
type Channel = (typeof CHANNELS)[number];
type Update = { [C in Channel]: { channel: C; message: Message<C> } }[Channel]; // to be told apart by `channel`

type Answer = { id: string; result?: unknown; error?: { code: number; message: string } };
type Frame = Partial<Answer & { method: string; params: Update }> | null; // what nobody checked may lack anything
type Credentials = { key: string; secret: string };

/** What the server refuses now, it will refuse again. */
class Refused extends Error {}

/** One connection: yields messages until it ends, and then throws why. */
async function* listen(credentials: Credentials | undefined, stop: AbortSignal): AsyncGenerator<Update> {
  const over = new AbortController();
  const signal = AbortSignal.any([stop, over.signal]);
  const end = (why: string) => over.abort(new Error(why));

  const timers = new Map<string, NodeJS.Timeout>();
  const expect = (what: string, seconds: number, otherwise = `${what} was silent for ${seconds} s`) => {
    clearTimeout(timers.get(what));
    timers.set(what, setTimeout(end, seconds * 1000, otherwise));
  };
  const expectMessage = (channel: string) => {
    // No order events only means no orders: there the pings alone tell a dead connection.
    if (!channel.endsWith("_order_events")) expect(channel, SILENCE_SECONDS);
  };

  // Node verifies the certificate and asks for TLS 1.2 or newer, unless told otherwise.
  const socket = new WebSocket(ENDPOINT, { handshakeTimeout: 10_000 });
  socket.on("ping", () => expect("the server", PING_SECONDS));
  socket.on("error", (error) => end(error.message || error.name));
  socket.on("close", (code, reason) => end(`closed with code ${code} ${reason}`.trim()));
  const frames = on(socket, "message", { signal });

  const request = (id: string, method: string, params: object) => {
    // Without an id there is no answer at all, not even to a channel that does not exist.
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    expect(`answer ${id}`, 10, `no answer to ${method} in 10 s`);
  };
  const subscribe = () => {
    for (const channel of CHANNELS) {
      request(channel, "subscribe", { channel }); // ids may be strings: the channel itself tells the answers apart
      expectMessage(channel);
    }
  };

  try {
    await once(socket, "open", { signal });
    console.error(`connected ${ENDPOINT}`);
    expect("the server", PING_SECONDS);
    if (credentials) request("auth", "auth", sign(credentials));
    else subscribe();

    for await (const [data] of frames) {
      const frame: Frame = JSON.parse(String(data));
      if (frame?.method === "channelMessage" && frame.params && CHANNELS.includes(frame.params.channel)) {
        expectMessage(frame.params.channel);
        yield frame.params;
      } else if (frame?.id && timers.has(`answer ${frame.id}`)) {
        clearTimeout(timers.get(`answer ${frame.id}`));
        if (frame.result !== true) throw new Refused(`${frame.id} was refused: ${frame.error?.message ?? data}`);
        if (frame.id === "auth") subscribe(); // private channels are refused until auth has been answered
        else console.error(`subscribed ${frame.id}`);
      }
    }
  } catch (error) {
    throw over.signal.reason ?? error; // why it was aborted, rather than that it was
  } finally {
    for (const timer of timers.values()) clearTimeout(timer);
    socket.close(1000);
    setTimeout(() => socket.terminate(), 1000).unref(); // should nobody answer the close
  }
}

/** Anew for each connection, since the server checks the time. */
function sign({ key, secret }: Credentials) {
  const timestamp = Date.now();
  const nonce = randomBytes(16).toString("hex");
  const signature = createHmac("sha256", secret).update(`${timestamp}${nonce}`).digest("hex");
  return { api_key: key, timestamp, nonce, signature };
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, terminal: true }); // no output, so no echo
  process.stderr.write(question);
  terminal.on("SIGINT", () => process.exit(0)); // Ctrl-C is a key here, not a signal
  const [answer] = await once(terminal, "line");
  terminal.close();
  process.stderr.write("\n");
  return answer.trim();
}

const clock = (time: number) => new Date(time).toISOString().slice(11, 23); // UTC, like all times of the API

const credentials = AUTHENTICATE ? { key: await ask("API key: "), secret: await ask("API secret: ") } : undefined;
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
const latest = new Map<Channel, { at: number; lost?: string }>(); // when its latest message came, and why none since
for (let failures = 0; !stop.signal.aborted; ) {
  try {
    for await (const { channel, message } of listen(credentials, stop.signal)) {
      const before = latest.get(channel);
      const now = Date.now();
      // Missed messages never come again; executions can be had from the HTTP API.
      if (before?.lost)
        console.error(`missed ${channel}: nothing from ${clock(before.at)} to ${clock(now)} (${before.lost})`);
      latest.set(channel, { at: now });
      failures = 0; // not on connecting already: a server may accept and close at once
      console.log(`${channel} ${JSON.stringify(message)}`); // its numbers are doubles now: 0.00000001 prints as 1e-8
    }
  } catch (error) {
    if (stop.signal.aborted) break;
    const why = error instanceof Error ? error.message : String(error);
    if (error instanceof Refused) {
      console.error(`error: ${why}`);
      process.exit(1);
    }
    for (const channel of latest.values()) channel.lost ??= why;
    const seconds = Math.min(2 ** failures++, 30) * (0.5 + Math.random() / 2); // bitFlyer restricts who hurries
    console.error(`lost: ${why}; again in ${seconds.toFixed(1)} s`);
    await sleep(seconds * 1000, undefined, { signal: stop.signal }).catch(() => {});
  }
}
