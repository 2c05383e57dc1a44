// What the charts of the product in view show, and which of them are in sight: the backend sends what these need.
import { signal } from "../vendor/signals.js";
import { CandleStore } from "./candlestore.js";
import { HeatStore } from "./heatstore.js";
import { emptyWithValues, told } from "./source.js";
import { product } from "./state.js";

/** @typedef {import("./messages.js").Interval} Interval */
/** @typedef {import("./messages.js").MarketPart} MarketPart */
/** @typedef {"candles" | "depth" | "heatmap"} ChartName */

export const INTERVALS = /** @type {const} */ ([1, 10, 60, 300]);
export const CHARTS = /** @type {const} */ (["candles", "heatmap", "depth"]);

/** The chart on top, which may be the only one, and the one below it. */
export const FIRST_CHARTS = /** @type {const} */ (["candles", "heatmap"]);
export const FIRST_INTERVAL = 10;
export const upperChart = signal(/** @type {ChartName} */ (FIRST_CHARTS[0]));
export const lowerChart = signal(/** @type {ChartName} */ (FIRST_CHARTS[1]));
export const interval = signal(/** @type {Interval} */ (FIRST_INTERVAL));
/** What is in sight. */
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

/** @param {import("./messages.js").Candles | import("./messages.js").Heatmap | import("./messages.js").Depth} message */
export function takeChart(message) {
  if (message.product_code !== product.peek()) return; // it was on its way when the product was switched
  switch (message.type) {
    case "candles":
      if (message.interval_s !== interval.peek()) return;
      candleStore.take(message);
      candleVersion.value += 1;
      break;
    case "heatmap":
      heatStore.take(message);
      heatVersion.value += 1;
      break;
    case "depth":
      depth.value = message;
      if (message.state === "LIVE") lastLiveDepth.value = message;
  }
}

/** Another product is in view: what is known of it comes from the backend. */
export function clearCharts() {
  candleStore.clear();
  heatStore.clear();
  candleVersion.value += 1;
  heatVersion.value += 1;
  depth.value = null;
  lastLiveDepth.value = null;
}
