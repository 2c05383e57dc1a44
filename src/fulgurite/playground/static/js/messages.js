// The messages between the page and its backend. They mirror playground/messages.py, where each is described.
// Times ending in _ms are milliseconds since 1970-01-01 UTC, on the backend's clock.

/** @typedef {"json-rpc" | "socketio"} Dialect */
/** @typedef {"closed" | "connecting" | "open" | "backing_off" | "failed"} ConnectionState */
/** @typedef {"waiting" | "asked" | "acknowledged" | "refused" | "receiving"} ChannelStateName */
/** @typedef {[price: number, size: number]} Level */
/** @typedef {1 | 10 | 60 | 300} Interval */
/** @typedef {"book" | "candles" | "depth" | "heatmap"} MarketPart */

/** @typedef {{type: "hello", version: string, embedded: string, live: string, is_owned: boolean,
 *   client: string}} Hello */
/** @typedef {{type: "source", number: number}} Source */
/** @typedef {{type: "products", endpoint: string, product_codes: string[], from_endpoint: boolean}} Products */
/**
 * @typedef {{type: "connection", state: ConnectionState, endpoint: string, dialect: string, since_ms: number,
 *   detail: string, retry_at_ms: number | null, why: string, code: number | null}} Connection
 */
/**
 * @typedef {{channel: string, state: ChannelStateName, messages: number, last_ms: number | null,
 *   detail: string}} ChannelState
 */
/** @typedef {{type: "channels", now_ms: number, frames: number, bytes: number, channels: ChannelState[]}} Channels */
/** @typedef {{type: "frame", direction: "sent" | "received", at_ms: number, text: string, size: number,
 *   by_hand: boolean}} Frame */
/**
 * @typedef {{type: "status", kind: string, at_ms: number, channel: string, detail: string, connection: number,
 *   seconds: number | null, code: number | null, words: string | null, failure: string | null,
 *   http_status: number | null}} Status
 */
/** @typedef {{at_ms: number, text: string}} Neighbour */
/**
 * @typedef {{type: "gap", channel: string, reason: string, from_ms: number, to_ms: number,
 *   repaired: "pending" | "full" | "partial" | "none", recovered: number, note: string, last: Neighbour | null,
 *   first: Neighbour | null, unresolved: string[], code: number | null,
 *   cause: "interrupted" | "silent" | "unreadable" | "dropped" | "renumbered" | "withheld"}} Gap
 */
/** @typedef {{type: "gapfirst", channel: string, from_ms: number, to_ms: number, first: Neighbour}} GapFirst */
/** @typedef {"executions" | "ticker" | "subscribe" | "heartbeat"} LatencyName */
/** @typedef {{what: LatencyName, count: number, p50: number, p90: number, p99: number, most: number}} Latency */
/** @typedef {{type: "latencies", latencies: Latency[]}} Latencies */
/** @typedef {{type: "malformed", at_ms: number, text: string, problem: string}} Malformed */
/** @typedef {{type: "dropped", count: number}} Dropped */
/** @typedef {"LIVE" | "AUCTION" | "STALE" | "WAITING_SNAPSHOT"} BookState */
/**
 * @typedef {{type: "book", product_code: string, state: BookState, reason: string, drift_count: number,
 *   bids: Level[], asks: Level[], uncrossing: number | null}} Book
 */
/**
 * @typedef {{type: "execution", id: number, side: string, price: number, size: number, exec_date: string,
 *   backfilled?: boolean}} Execution
 */
/** @typedef {{type: "executions", product_code: string, rows: (Execution | Gap)[], restart: boolean}} Executions */
/**
 * @typedef {[timeS: number, open: number, high: number, low: number, close: number, volume: number]} Candle
 * @typedef {[fromMs: number, toMs: number]} GapSpan
 * @typedef {{type: "candles", product_code: string, interval_s: Interval, candles: Candle[], gaps: GapSpan[],
 *   history: "unasked" | "loading" | "ready" | "failed", problem: string, restart: boolean}} Candles
 */
/**
 * @typedef {[side: string, price: number, size: number]} ColumnTrade
 * @typedef {[atMs: number, bestBid: number, bestAsk: number, first: number, sizes: number[],
 *   trades: ColumnTrade[]]} Column
 * @typedef {{type: "heatmap", product_code: string, step: number, columns: Column[], restart: boolean}} Heatmap
 */
/** @typedef {{type: "depth", product_code: string, state: BookState, bids: Level[], asks: Level[]}} Depth */
/**
 * @typedef {{type: "ticker", product_code: string, ltp: number, best_bid: number, best_ask: number,
 *   volume: number, state: string, timestamp: string}} Ticker
 */
/** @typedef {"none" | "asked" | "authenticated" | "refused" | "unsigned"} AuthState */
/** @typedef {{type: "auth", state: AuthState, detail: string}} Auth */
/** @typedef {{type: "sign", number: number, text: string, endpoint: string, http: string}} Sign */
/** @typedef {{type: "demokey", api_key: string, api_secret: string}} DemoKey */
/** @typedef {{type: "keys", names: Record<string, string>, problem: string}} Keys */
/** @typedef {{type: "answer", number: number, status: number, body: string, at_ms: number}} Answer */
/** @typedef {{event_type: string, event_date: string, product_code: string, [member: string]: unknown}} OrderEvent */
/**
 * @typedef {{type: "orderevents", channel: string, at_ms: number, origin: "live" | "reconciled",
 *   events: OrderEvent[]}} OrderEvents
 */
/**
 * @typedef {{type: "recording", active: boolean, since_ms: number, frames: number, bytes: number, key: string,
 *   problem: string}} Recording
 * @typedef {{type: "replay", run: number, name: string, dialect: Dialect, from_ms: number, to_ms: number,
 *   to_clock_ms: number, lines: number, malformed: number, problems: string[], channels: string[]}} Replay
 * @typedef {{type: "replaystate", at_ms: number, clock_ms: number, speed: number | null, paused: boolean, ended: boolean,
 *   seeking: number | null}} ReplayState
 * @typedef {{type: "handstate", state: "closed" | "connecting" | "open", url: string, detail: string}} HandState
 */
/** @typedef {{type: "problem", text: string}} Problem */

/**
 * @typedef {Hello | Source | Products | Connection | Channels | Frame | Status | Gap | GapFirst | Latencies | Malformed
 *   | Dropped | Book | Executions | Candles | Heatmap | Depth | Ticker | Auth | Sign | DemoKey | Keys | Answer
 *   | OrderEvents | Recording | Replay | ReplayState | HandState | Problem} FromBackend
 */

/**
 * @typedef {{type: "connect", endpoint: string, dialect: Dialect, channels: string[], http: string,
 *     api_key: string, stored: string, source: number}
 *   | {type: "disconnect", source: number}
 *   | {type: "subscribe", channels: string[]}
 *   | {type: "unsubscribe", channels: string[]}
 *   | {type: "view", product_code: string}
 *   | {type: "record", on: boolean}
 *   | {type: "openreplay", key: string, name: string}
 *   | {type: "pace", speed: number | null, paused: boolean}
 *   | {type: "seek", at_ms: number}
 *   | {type: "byhand", text: string, endpoint: string, dialect: Dialect, confirmed: boolean}
 *   | {type: "endbyhand"}
 *   | {type: "charts", parts: MarketPart[], interval_s: Interval}
 *   | {type: "signature", number: number, signature: string}
 *   | {type: "demo"}
 *   | {type: "listkeys"}
 *   | {type: "private", number: number, method: "GET" | "POST", target: string, body: string, api_key: string,
 *     timestamp: string, signature: string}
 *   | {type: "control", number: number, method: "GET" | "POST" | "DELETE", path: string, body: string}
 *   | {type: "maintain", number: number}} ToBackend
 */

/** An area's handlers, by the type of message.
 * @typedef {{[T in FromBackend["type"]]?: (message: Extract<FromBackend, {type: T}>) => void}} Handlers */

export {};
