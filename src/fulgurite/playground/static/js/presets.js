// The faults of one press: the scenarios of docs/faults.md, shortened so that each shows within a
// minute and ends by itself. The words of each are in words/faults.js.

/** @typedef {import("./faultruns.js").Fault} Fault */
/**
 * @typedef {object} Preset
 * @property {string} id
 * @property {boolean} [maintenance] a short maintenance of all markets
 * @property {(product: string) => Fault[]} [faults] for the control API
 * @property {(product: string) => Record<string, unknown>} [market] a change of a market's state
 * @property {boolean} [needsAuth] shows only where credentials are used
 */

/** @type {Preset[]} */
export const PRESETS = [
  { id: "maintenance", maintenance: true },
  { id: "circuitBreak", market: (product) => ({ product, state: "CIRCUIT BREAK", seconds: 20 }) },
  { id: "outage", faults: () => [{ fault: "refuse", status: 503, seconds: 12 }, { fault: "reset" }] },
  {
    id: "dummyServer",
    faults: () => [
      { fault: "dummy", seconds: 10 }, { fault: "close", code: 1012, reason: "scheduled maintenance" },
    ],
  },
  { id: "flapping", faults: () => [{ fault: "close-at-once", seconds: 8 }, { fault: "close" }] },
  { id: "halfOpen", faults: () => [{ fault: "freeze", seconds: 25 }] },
  {
    id: "deadChannel",
    // Longer than the minute of silence that is allowed before a channel's pace is known.
    faults: (product) => [{ fault: "mute", channel: `lightning_ticker_${product}`, seconds: 90 }],
  },
  { id: "driftingBook", faults: () => [{ fault: "lost-deletions", chance: 0.33, seconds: 30 }] },
  {
    id: "staleBook",
    faults: () => [{ fault: "stale-snapshot", age: 30, seconds: 20 }, { fault: "close" }],
  },
  { id: "anomaly", faults: () => [{ fault: "snapshot-anomaly" }] },
  {
    id: "roughNetwork",
    faults: () => [
      { fault: "delay", by: 0.2, jitter: 0.3, seconds: 20 }, { fault: "reset", after: 5, every: 8, times: 2 },
    ],
  },
  {
    id: "nonsense",
    faults: () => [{ fault: "invalid-json", chance: 0.05, seconds: 10 }],
  },
  { id: "authMute", faults: () => [{ fault: "no-ack", method: "auth", seconds: 15 }, { fault: "close" }], needsAuth: true },
  { id: "authRefused", faults: () => [{ fault: "refuse-auth", seconds: 15 }, { fault: "close" }], needsAuth: true },
];

/** Whether a preset is of markets: those are the same for everyone. @param {Preset} preset */
export const isOfMarkets = ({ maintenance, market }) => Boolean(maintenance || market);

/** Every fault of docs/faults.md, as the control API takes it, to begin with. @type {Fault[]} */
export const EXAMPLES = [
  { fault: "close", code: 1012, reason: "scheduled maintenance" },
  { fault: "reset" },
  { fault: "broken-frame", reset: true },
  { fault: "snapshot-anomaly" },
  { fault: "freeze", seconds: 25 },
  { fault: "delay", by: 1, jitter: 0.5, seconds: 20 },
  { fault: "trickle", bytes_per_second: 2000, seconds: 20 },
  { fault: "no-ack", method: "subscribe", seconds: 30 },
  { fault: "refuse-auth", seconds: 30 },
  { fault: "clock-skew", by: 600, seconds: 30 },
  { fault: "mute", product: "FX_BTC_JPY", seconds: 30 },
  { fault: "lost-messages", chance: 0.1, seconds: 30 },
  { fault: "lost-diffs", chance: 0.1, seconds: 30 },
  { fault: "lost-deletions", seconds: 30 },
  { fault: "stale-snapshot", age: 30, seconds: 60 },
  { fault: "duplicate-executions", seconds: 30 },
  { fault: "zero-ids", seconds: 30 },
  { fault: "invalid-json", chance: 0.05, seconds: 20 },
  { fault: "truncated", chance: 0.05, seconds: 20 },
  { fault: "wrong-types", chance: 0.05, seconds: 20 },
  { fault: "oversized", size: 2000000, chance: 0.02, seconds: 10 },
  { fault: "fragmented", frames: 3, seconds: 20 },
  { fault: "refuse", status: 503, retry_after: 5, seconds: 20 },
  { fault: "slow-handshake", by: 3, seconds: 30 },
  { fault: "close-at-once", code: 1012, seconds: 10 },
  { fault: "dummy", seconds: 10 },
  { fault: "pings", interval: 5, timeout: 1, seconds: 60 },
];
