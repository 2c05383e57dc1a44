// The state that several areas share, as signals. Actions and the handlers of messages write them; views only read.
import { computed, signal } from "../vendor/signals.js";
import { isRealAddress } from "./address.js";
import { channelsOf } from "./channels.js";
import { FIRST_PRODUCT } from "./choices.js";
import { FrameLog } from "./framelog.js";
import { emptyWithPast, emptyWithValues, kept, told } from "./source.js";

/** @typedef {import("./choices.js").EndpointChoice} EndpointChoice */
/** @typedef {import("./choices.js").ViewName} ViewName */
/** @typedef {{row: import("./messages.js").Execution | import("./messages.js").Gap, key: number}} TradeRow */

/**
 * @template T
 * @typedef {import("../vendor/signals.js").Signal<T>} Signal
 */

// The page's own line to its backend.
export const link = signal(/** @type {"connecting" | "open" | "silent" | "lost"} */ ("connecting"));
/** Whether the backend has too many pages to serve this one too. */
export const isFull = signal(false);
export const hello = signal(/** @type {import("./messages.js").Hello | null} */ (null));
export const problem = signal("");

// The choices of the user.
export const endpointChoice = signal(/** @type {EndpointChoice} */ ("embedded"));
export const endpointUrl = signal("");
export const httpUrl = signal("");
export const dialect = signal(/** @type {import("./messages.js").Dialect} */ ("json-rpc"));
export const wanted = signal(/** @type {ReadonlySet<string>} */ (new Set(channelsOf(FIRST_PRODUCT))));
/** Channels that can be subscribed again in one go, for a minute. */
export const givenUp = signal(/** @type {readonly string[]} */ ([]));
export const product = signal(FIRST_PRODUCT);
export const addedProducts = signal(/** @type {string[]} */ ([]));
export const view = signal(/** @type {ViewName} */ ("market"));

/** The chosen endpoint: its name, or its address as it was typed. */
export const endpoint = computed(() => (
  endpointChoice.value === "url" ? endpointUrl.value.trim() : endpointChoice.value));

/** Whether the real service is chosen, by its name or by an address of it. */
export const isReal = computed(() => (
  endpointChoice.value === "url" ? isRealAddress(endpoint.value) : endpointChoice.value === "live"));

// The page itself: its folded sides, the part in sight on a narrow screen, the open dialog.
export const leftFolded = signal(false);
export const rightFolded = signal(false);
export const rightShows = signal(/** @type {"sample" | "notes"} */ ("sample"));
export const rightWide = signal(false);
export const part = signal(/** @type {"left" | "middle" | "right"} */ ("middle"));
export const dialog = signal(/** @type {"" | "care" | "keys" | "settings"} */ (""));

/** Whether there are credentials for the private channels; the secret itself is never in the state. */
export const hasCredentials = signal(false);

// The connection to the endpoint.
export const connection = told(() => /** @type {import("./messages.js").Connection | null} */ (null));
export const channels = told(() => (
  /** @type {ReadonlyMap<string, import("./messages.js").ChannelState>} */ (new Map())));
/** Since when each channel is in its state. */
export const channelSince = /** @type {Map<string, {state: string, sinceMs: number}>} */ (new Map());
emptyWithValues(() => channelSince.clear());
/** Messages a second of each channel, and of the whole connection. */
export const rates = told(() => /** @type {ReadonlyMap<string, number>} */ (new Map()));
export const traffic = told(() => ({ frames: 0, bytes: 0 }));
export const endpointProducts = told(() => (
  ["FX_BTC_JPY", "BTC_JPY", "XRP_JPY", "ETH_JPY", "XLM_JPY", "MONA_JPY", "ELF_JPY", "ETH_BTC", "BCH_BTC"]));
export const productsFromEndpoint = told(() => true);

/** The rows of the matrix: the endpoint's products, and those the user added. */
export const products = computed(() => [
  ...endpointProducts.value,
  ...addedProducts.value.filter((code) => !endpointProducts.value.includes(code)),
]);

/** Whether there is a connection, or one is being made. */
export const isConnected = computed(() => {
  const state = connection.value?.state;
  return state === "connecting" || state === "open" || state === "backing_off";
});

// The product in view.
export const book = told(() => /** @type {import("./messages.js").Book | null} */ (null));
/** The last book that was LIVE: shown, dimmed, while the present one may be wrong. */
export const lastLiveBook = told(() => /** @type {import("./messages.js").Book | null} */ (null));
export const ticker = told(() => /** @type {import("./messages.js").Ticker | null} */ (null));
export const trades = told(() => /** @type {TradeRow[]} */ ([]));

// Past events.
export const frameLog = new FrameLog();
/** Changes whenever `frameLog` does. */
export const frameVersion = signal(0);
emptyWithPast(() => {
  frameLog.clear();
  frameVersion.value += 1;
});
/** The frame log for a view, to be redrawn whenever it changes. @returns {FrameLog} */
export function watchFrameLog() {
  void frameVersion.value;
  return frameLog;
}
export const selectedFrame = kept(() => /** @type {import("./framelog.js").Row | null} */ (null));
export const following = signal(true);

/** The backend's clock, moved on four times a second. */
export const now = signal(Date.now());
