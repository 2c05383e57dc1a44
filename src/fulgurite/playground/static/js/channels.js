// Channels: their names, and their cells in the matrix.

/** @typedef {import("./messages.js").ChannelState} ChannelState */

/** The public kinds, in the order of the matrix: the wire's prefix, and the short name of the column. */
export const KINDS = /** @type {const} */ ([
  { prefix: "lightning_board_snapshot_", label: "snapshot" },
  { prefix: "lightning_board_", label: "board" },
  { prefix: "lightning_ticker_", label: "ticker" },
  { prefix: "lightning_executions_", label: "executions" },
]);

/** The channels of one's own orders: they need credentials. */
export const PRIVATE = /** @type {const} */ (["child_order_events", "parent_order_events"]);

/** @param {string} channel */
export const isPrivate = (channel) => PRIVATE.some((name) => name === channel);

/** @param {string} channel @returns {string} without the part that all names share */
export const shortName = (channel) => channel.replace(/^lightning_/, "");

/** @param {string} channel @returns {string} the product code in a channel's name */
export function productOf(channel) {
  const kind = KINDS.find(({ prefix }) => channel.startsWith(prefix));
  return kind ? channel.slice(kind.prefix.length) : "";
}

/** Every channel of a product. @param {string} product @returns {string[]} */
export const channelsOf = (product) => KINDS.map(({ prefix }) => prefix + product);

/**
 * The longest silence that means nothing: snapshots come about every 5 s, executions with trades, and events of orders
 * perhaps never.
 * @param {string} channel
 * @returns {number} milliseconds
 */
export function silenceOf(channel) {
  if (isPrivate(channel)) return Infinity;
  return channel.startsWith("lightning_executions_") ? 60_000 : 15_000;
}

/** How many steps of age a cell can show. */
export const WARMEST = 6;

/**
 * How long ago the last message came, in steps from warm to cold.
 * @param {CellState} cell
 * @param {string} channel
 * @returns {number} from `WARMEST` to 1; 0 where there is no age
 */
export function warmth({ name, ageMs }, channel) {
  if (name !== "receiving" || ageMs === null) return 0;
  const coldMs = Math.min(silenceOf(channel), 60_000);
  return WARMEST - Math.min(WARMEST - 1, Math.floor((ageMs / coldMs) * WARMEST));
}

/**
 * The likeliest reason why an acknowledged channel is silent, as a key of the page's texts.
 * @param {string} channel
 * @param {{isListed: boolean | null, othersFlow: boolean, siblingsFlow: boolean}} known whether the endpoint lists the
 *   product (null: it does not say), whether any other channel gets messages, whether any other of its product does
 */
export function whySilent(channel, { isListed, othersFlow, siblingsFlow }) {
  if (isListed === false) return /** @type {const} */ ("silentUnlisted");
  if (!othersFlow) return /** @type {const} */ ("silentAll");
  if (channel.startsWith("lightning_executions_")) return /** @type {const} */ ("silentExecutions");
  if (siblingsFlow) return /** @type {const} */ ("silentAlone");
  return isListed ? /** @type {const} */ ("silentProduct") : /** @type {const} */ ("silentMaybeUnlisted");
}

/**
 * @typedef {{name: "off" | "chosen" | "waiting" | "asked" | "acknowledged" | "silent" | "receiving" | "quiet"
 *   | "refused", ageMs: number | null, detail: string}} CellState
 */

/**
 * The state of a cell of the matrix.
 * @param {boolean} wanted whether the user has chosen the channel
 * @param {ChannelState | undefined} state the backend's word on it, if it is connected
 * @param {number | undefined} sinceMs since when the channel has been in a state without messages
 * @param {number} nowMs
 * @returns {CellState}
 */
export function cellState(wanted, state, sinceMs, nowMs) {
  if (!wanted) return { name: "off", ageMs: null, detail: "" };
  if (!state) return { name: "chosen", ageMs: null, detail: "" };
  const { detail } = state;
  const silenceMs = silenceOf(state.channel);
  if (state.state === "receiving" && state.last_ms !== null) {
    const ageMs = Math.max(0, nowMs - state.last_ms);
    return { name: ageMs > silenceMs ? "quiet" : "receiving", ageMs, detail };
  }
  if (state.state === "acknowledged") {
    const ageMs = sinceMs === undefined ? 0 : Math.max(0, nowMs - sinceMs);
    return { name: ageMs > silenceMs ? "silent" : "acknowledged", ageMs, detail };
  }
  return { name: state.state === "receiving" ? "acknowledged" : state.state, ageMs: null, detail };
}
