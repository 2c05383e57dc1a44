// The choices that the page offers, and those of a first visit.

export const VIEWS = /** @type {const} */ (["market", "frames", "connection", "orders", "faults"]);
export const DIALECTS = /** @type {const} */ (["json-rpc", "socketio"]);
export const LANGUAGES = /** @type {const} */ (["en", "ja"]);
export const CHARTS = /** @type {const} */ (["candles", "heatmap", "depth"]);
/** Seconds of a candle. */
export const INTERVALS = /** @type {const} */ ([1, 10, 60, 300]);

export const FIRST_PRODUCT = "FX_BTC_JPY";
/** The chart on top, perhaps the only one, and the one below it. */
export const FIRST_CHARTS = /** @type {const} */ (["candles", "heatmap"]);
export const FIRST_INTERVAL = 10;

/** @typedef {"embedded" | "live" | "url"} EndpointChoice */
/** @typedef {typeof VIEWS[number]} ViewName */
/** @typedef {typeof LANGUAGES[number]} Language */
/** @typedef {typeof CHARTS[number]} ChartName */
