// The market of the product in view, and the charts in sight: the backend sends the data of these alone.
import { batch, effect, signal } from "../vendor/signals.js";
import { send } from "./backend.js";
import { CandleStore } from "./candlestore.js";
import { FIRST_CHARTS, FIRST_INTERVAL } from "./choices.js";
import { HeatStore } from "./heatstore.js";
import { emptyWithValues, told } from "./source.js";
import * as state from "./state.js";

/** @typedef {import("./messages.js").Interval} Interval */
/** @typedef {import("./messages.js").MarketPart} MarketPart */
/** @typedef {import("./choices.js").ChartName} ChartName */

const TRADE_LIMIT = 200;
export const upperChart = signal(/** @type {ChartName} */ (FIRST_CHARTS[0]));
export const lowerChart = signal(/** @type {ChartName} */ (FIRST_CHARTS[1]));
export const interval = signal(/** @type {Interval} */ (FIRST_INTERVAL));
// The same chart twice is of no use.
effect(() => {
  if (lowerChart.value === upperChart.value) lowerChart.value = upperChart.value === "heatmap" ? "depth" : "heatmap";
});
/** The parts in sight. */
export const parts = signal(/** @type {readonly MarketPart[]} */ ([]));

export const candleStore = new CandleStore();
export const heatStore = new HeatStore();
/** These change whenever the stores do. */
export const candleVersion = signal(0);
export const heatVersion = signal(0);
export const depth = told(() => /** @type {import("./messages.js").Depth | null} */ (null));
/** The last depth that was LIVE: shown, dimmed, while the present one may be wrong. */
export const lastLiveDepth = told(() => /** @type {import("./messages.js").Depth | null} */ (null));
emptyWithValues(clearCharts);

let nextKey = 0;

/** @param {{product_code: string}} message @returns {boolean} false for one that was on its way at a change of product */
const isInView = ({ product_code }) => product_code === state.product.peek();

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  book(message) {
    state.book.value = message;
    if (message.state === "LIVE") state.lastLiveBook.value = message;
  },
  ticker(message) {
    if (isInView(message)) state.ticker.value = message;
  },
  executions(message) {
    const rows = message.rows.map((row) => ({ row, key: ++nextKey }));
    state.trades.value = (message.restart ? rows : [...state.trades.value, ...rows]).slice(-TRADE_LIMIT);
  },
  candles(message) {
    if (!isInView(message) || message.interval_s !== interval.peek()) return;
    candleStore.add(message);
    candleVersion.value += 1;
  },
  heatmap(message) {
    if (!isInView(message)) return;
    heatStore.add(message);
    heatVersion.value += 1;
  },
  depth(message) {
    if (!isInView(message)) return;
    depth.value = message;
    if (message.state === "LIVE") lastLiveDepth.value = message;
  },
};

/** @param {string} code */
export function viewProduct(code) {
  if (state.product.value === code) return;
  batch(() => {
    state.product.value = code;
    state.book.value = null;
    state.lastLiveBook.value = null;
    state.ticker.value = null;
    state.trades.value = [];
    clearCharts();
  });
  send({ type: "view", product_code: code });
}

/** Show these parts of the market alone. @param {readonly MarketPart[]} shown */
export function showParts(shown) {
  parts.value = shown;
  sendCharts();
}

/** @param {"upper" | "lower"} place @param {ChartName} chart */
export const chooseChart = (place, chart) => { (place === "upper" ? upperChart : lowerChart).value = chart; };

/** @param {Interval} seconds of a candle */
export function chooseInterval(seconds) {
  interval.value = seconds;
  sendCharts();
}

/** Tell a backend that has just said hello the product and the parts in sight. */
export function sendView() {
  send({ type: "view", product_code: state.product.value });
  sendCharts();
}

function sendCharts() {
  send({ type: "charts", parts: [...parts.value], interval_s: interval.value });
}

function clearCharts() {
  candleStore.clear();
  heatStore.clear();
  candleVersion.value += 1;
  heatVersion.value += 1;
  depth.value = null;
  lastLiveDepth.value = null;
}
