// What the page and its backend say to each other: mirrors playground/messages.py, which says what each means.
// Times ending in _ms are milliseconds since 1970-01-01 UTC, on the backend's clock.

/** @typedef {"json-rpc" | "socketio"} Dialect */
/** @typedef {"closed" | "connecting" | "open" | "backing_off" | "failed"} ConnectionState */
/** @typedef {"waiting" | "asked" | "acknowledged" | "refused" | "receiving"} ChannelStateName */
/** @typedef {[price: number, size: number]} Level */

/** @typedef {{type: "hello", version: string, embedded: string, live: string, is_owned: boolean}} Hello */
/** @typedef {{type: "products", endpoint: string, product_codes: string[], from_endpoint: boolean}} Products */
/**
 * @typedef {{type: "connection", state: ConnectionState, endpoint: string, dialect: string, since_ms: number,
 *   detail: string, retry_at_ms: number | null}} Connection
 */
/**
 * @typedef {{channel: string, state: ChannelStateName, messages: number, last_ms: number | null,
 *   detail: string}} ChannelState
 */
/** @typedef {{type: "channels", now_ms: number, frames: number, bytes: number, channels: ChannelState[]}} Channels */
/** @typedef {{type: "frame", direction: "sent" | "received", at_ms: number, text: string, size: number}} Frame */
/**
 * @typedef {{type: "status", kind: string, at_ms: number, channel: string, detail: string, connection: number,
 *   seconds: number | null, code: number | null}} Status
 */
/** @typedef {{at_ms: number, text: string}} Neighbour */
/**
 * @typedef {{type: "gap", channel: string, reason: string, from_ms: number, to_ms: number,
 *   repaired: "pending" | "full" | "partial" | "none", recovered: number, note: string, last: Neighbour | null,
 *   first: Neighbour | null, unresolved: string[]}} Gap
 */
/** @typedef {"executions" | "ticker" | "subscribe" | "heartbeat"} LatencyName */
/** @typedef {{what: LatencyName, count: number, p50: number, p90: number, p99: number, most: number}} Latency */
/** @typedef {{type: "latencies", latencies: Latency[]}} Latencies */
/** @typedef {{type: "malformed", at_ms: number, text: string, problem: string}} Malformed */
/** @typedef {{type: "dropped", count: number}} Dropped */
/**
 * @typedef {{type: "book", product_code: string, state: "LIVE" | "STALE" | "WAITING_SNAPSHOT", reason: string,
 *   drift_count: number, bids: Level[], asks: Level[]}} Book
 */
/**
 * @typedef {{id: number, side: string, price: number, size: number, exec_date: string, backfilled: boolean}} Execution
 */
/** @typedef {{type: "executions", product_code: string, executions: Execution[], restart: boolean}} Executions */
/**
 * @typedef {{type: "ticker", product_code: string, ltp: number, best_bid: number, best_ask: number,
 *   volume: number, state: string, timestamp: string}} Ticker
 */
/** @typedef {"none" | "asked" | "authenticated" | "refused"} AuthState */
/** @typedef {{type: "auth", state: AuthState, detail: string}} Auth */
/** @typedef {{type: "sign", number: number, text: string}} Sign */
/** @typedef {{type: "demokey", api_key: string, api_secret: string}} DemoKey */
/** @typedef {{type: "keys", names: string[], problem: string}} Keys */
/** @typedef {{type: "answer", number: number, status: number, body: string}} Answer */
/** @typedef {{event_type: string, event_date: string, product_code: string, [member: string]: unknown}} OrderEvent */
/**
 * @typedef {{type: "orderevents", channel: string, at_ms: number, origin: "live" | "reconciled",
 *   events: OrderEvent[]}} OrderEvents
 */
/** @typedef {{type: "problem", text: string}} Problem */

/**
 * @typedef {Hello | Products | Connection | Channels | Frame | Status | Gap | Latencies | Malformed | Dropped | Book
 *   | Executions | Ticker | Auth | Sign | DemoKey | Keys | Answer | OrderEvents | Problem} FromBackend
 */

/**
 * @typedef {{type: "connect", endpoint: string, dialect: Dialect, channels: string[], http: string,
 *     api_key: string, stored: string}
 *   | {type: "disconnect"}
 *   | {type: "subscribe", channels: string[]}
 *   | {type: "unsubscribe", channels: string[]}
 *   | {type: "view", product_code: string}
 *   | {type: "signature", number: number, signature: string}
 *   | {type: "demo"}
 *   | {type: "listkeys"}
 *   | {type: "private", number: number, method: "GET" | "POST", target: string, body: string, api_key: string,
 *     timestamp: string, signature: string}
 *   | {type: "control", number: number, method: "GET" | "POST" | "DELETE", path: string, body: string}
 *   | {type: "maintain", number: number}} ToBackend
 */

export {};
