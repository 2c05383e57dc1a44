// What the page and its backend say to each other: mirrors playground/messages.py, which says what each means.
// Times ending in _ms are milliseconds since 1970-01-01 UTC, on the backend's clock.

/** @typedef {"json-rpc" | "socketio"} Dialect */
/** @typedef {"closed" | "connecting" | "open" | "backing_off" | "failed"} ConnectionState */
/** @typedef {"waiting" | "asked" | "acknowledged" | "refused" | "receiving"} ChannelStateName */
/** @typedef {[price: number, size: number]} Level */

/** @typedef {{type: "hello", version: string, embedded: string, live: string}} Hello */
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
/** @typedef {{type: "status", kind: string, at_ms: number, channel: string, detail: string}} Status */
/**
 * @typedef {{type: "gap", channel: string, reason: string, from_ms: number, to_ms: number,
 *   repaired: string}} Gap
 */
/** @typedef {{type: "malformed", at_ms: number, text: string, problem: string}} Malformed */
/** @typedef {{type: "dropped", count: number}} Dropped */
/**
 * @typedef {{type: "book", product_code: string, state: "LIVE" | "STALE" | "WAITING_SNAPSHOT", reason: string,
 *   drift_count: number, bids: Level[], asks: Level[]}} Book
 */
/** @typedef {{id: number, side: string, price: number, size: number, exec_date: string}} Execution */
/** @typedef {{type: "executions", product_code: string, executions: Execution[], restart: boolean}} Executions */
/**
 * @typedef {{type: "ticker", product_code: string, ltp: number, best_bid: number, best_ask: number,
 *   volume: number, state: string, timestamp: string}} Ticker
 */
/** @typedef {{type: "problem", text: string}} Problem */

/**
 * @typedef {Hello | Products | Connection | Channels | Frame | Status | Gap | Malformed | Dropped | Book
 *   | Executions | Ticker | Problem} FromBackend
 */

/**
 * @typedef {{type: "connect", endpoint: string, dialect: Dialect, channels: string[], http: string}
 *   | {type: "disconnect"}
 *   | {type: "subscribe", channels: string[]}
 *   | {type: "unsubscribe", channels: string[]}
 *   | {type: "view", product_code: string}} ToBackend
 */

export {};
