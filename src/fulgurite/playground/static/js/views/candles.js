// Candles and volume of the product in view, drawn by Lightweight Charts.
import { useLayoutEffect, useRef } from "../../vendor/preact-hooks.js";
import { CandlestickSeries, HistogramSeries, createChart } from "../../vendor/lightweight-charts.js";
import { effect, signal } from "../../vendor/signals.js";
import { faded, readColours, watchColours } from "../colours.js";
import { html } from "../dom.js";
import { decimalsOf, formatClock, formatPrice, formatSize } from "../format.js";
import { whyOld } from "../freshness.js";
import { t } from "../i18n.js";
import { candleStore, candleVersion, interval } from "../marketdata.js";
import { product, wanted } from "../state.js";
import { KINDS } from "../channels.js";
import { gapShading } from "./gapshading.js";

/** @typedef {import("../colours.js").Colours} Colours */
/** @typedef {import("../messages.js").Candle} Candle */
/** @typedef {import("../../vendor/lightweight-charts.js").Bar} Bar */
/** @typedef {import("../../vendor/lightweight-charts.js").Point} Point */
/** @typedef {import("../../vendor/lightweight-charts.js").Whitespace} Whitespace */

/** The interval under the pointer, if there is one. */
const pointed = signal(/** @type {number | null} */ (null));

const KEY_STEP = 5;
const ZOOM = 1.25;

export function CandleChart() {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => (ref.current ? mount(ref.current) : undefined), []);
  return html`
    <div class="chart-place">
      <div class="chart-canvas candles" ref=${ref} role="img" tabindex="0" aria-label=${describe()}
        data-test="candles" data-candles=${candleVersion.value && candleStore.candles.size}
        data-gaps=${candleStore.gaps.length}></div>
      <${Legend} />
      <${Empty} />
      <a class="chart-credit" href="https://www.tradingview.com/" target="_blank" rel="noopener noreferrer"
        title="TradingView Lightweight Charts™, Copyright (c) TradingView, Inc.">TradingView Lightweight Charts™</a>
    </div>
  `;
}

/** @returns {string} the chart in words */
function describe() {
  void candleVersion.value;
  const name = t("candlesOf", { product: product.value, interval: intervalName(interval.value) });
  const shown = candleStore.summary();
  if (!shown) return name;
  const [last, high, low] = [formatPrice(shown.last), formatPrice(shown.high), formatPrice(shown.low)];
  const gaps = candleStore.gaps.length ? ` ${t("candlesGaps", { count: candleStore.gaps.length })}` : "";
  return `${name}: ${t("candlesSummary", { count: shown.count, last, high, low })}${gaps}`;
}

/** @param {number} seconds @returns {string} */
export const intervalName = (seconds) => (seconds < 60 ? t("seconds", { n: seconds }) : t("minutes", { n: seconds / 60 }));

/** The numbers of the candle under the pointer, or of the newest. */
function Legend() {
  void candleVersion.value;
  const time = pointed.value ?? candleStore.newest;
  const candle = candleStore.candles.get(time);
  if (!candle) return null;
  const [, open, high, low, close, volume] = candle;
  const decimals = decimalsOf([open, high, low, close]);
  const style = close >= open ? "buy" : "sell";
  return html`
    <p class="chart-legend" aria-hidden="true">
      <span class="legend-time">${formatClock(time * 1000)}</span>
      ${[["candleOpen", open], ["candleHigh", high], ["candleLow", low], ["candleClose", close]].map(([key, price]) => html`
        <span key=${key}><i>${t(/** @type {"candleOpen"} */ (key))}</i>
          <b class=${style}>${formatPrice(/** @type {number} */ (price), decimals)}</b></span>`)}
      <span><i>${t("volumeShort")}</i> <b>${formatSize(volume)}</b></span>
    </p>
  `;
}

function Empty() {
  void candleVersion.value;
  const { history, problem, candles } = candleStore;
  if (candles.size) {
    return history === "failed" && html`<p class="chart-note" title=${problem}>${t("historyFailed")}</p>`;
  }
  const subscribed = wanted.value.has(KINDS[3].prefix + product.value);
  if (history === "loading") return html`<div class="overlay"><p>${t("historyLoading")}</p></div>`;
  if (!subscribed) return html`<div class="overlay"><p>${t("tradesOff")}</p></div>`;
  if (whyOld() !== null) return null; // above the view it says why
  return html`<div class="overlay"><p>${t("candlesEmpty")} ${history === "failed" ? problem : ""}</p></div>`;
}

/** @param {HTMLElement} place */
function mount(place) {
  const chart = createChart(place, { autoSize: true, ...fixedOptions() });
  // The last price has a line of its own: the library's takes the colour that a hollow candle is filled with.
  const candles = chart.addSeries(CandlestickSeries, { lastValueVisible: false, priceLineVisible: false });
  const last = candles.createPriceLine({ price: 0, lineWidth: 1, lineStyle: 2, axisLabelVisible: true });
  const volumes = chart.addSeries(HistogramSeries, {
    priceScaleId: "", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
  });
  volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  candles.priceScale().applyOptions({ scaleMargins: { top: 0.17, bottom: 0.24 } });
  let colours = readColours();
  const shading = gapShading(chart, candleStore, () => colours);
  candles.attachPrimitive(shading);

  let drawnTo = -Infinity;
  let decimals = -1;
  /** @param {boolean} all */
  const drawRows = (all) => {
    const from = candleStore.takeChanges();
    if (!all && from === Infinity) return;
    if (all || from < drawnTo || drawnTo === -Infinity) {
      const rows = candleStore.intervals(-Infinity);
      candles.setData(rows.map(bar));
      volumes.setData(rows.map((row) => point(row, colours)));
      if (from === -Infinity) chart.timeScale().resetTimeScale();
    } else {
      for (const row of candleStore.intervals(from)) {
        candles.update(bar(row));
        volumes.update(point(row, colours));
      }
    }
    // Without candles the library goes on showing the prices of those that were there.
    chart.applyOptions({ rightPriceScale: { visible: candleStore.candles.size > 0 } });
    drawnTo = candleStore.newest;
    const newest = candleStore.candles.get(drawnTo);
    const isUp = newest !== undefined && newest[4] >= newest[1];
    last.applyOptions({
      price: newest?.[4] ?? 0, color: isUp ? colours.buy : colours.sell, axisLabelTextColor: colours.panel,
      lineVisible: newest !== undefined, axisLabelVisible: newest !== undefined,
    });
    const needed = Math.max(candleStore.candles.size ? decimals : -1, decimalsOf(candleStore.prices()));
    if (needed !== decimals) {
      decimals = needed;
      const formatter = (/** @type {number} */ price) => formatPrice(price, needed);
      candles.applyOptions({ priceFormat: { type: "custom", formatter, minMove: 10 ** -needed } });
    }
  };

  let frame = 0;
  let areColoursNew = true;
  const redraw = () => {
    frame = 0;
    if (areColoursNew) {
      colours = readColours();
      chart.applyOptions(chartColours(colours));
      candles.applyOptions(candleColours(colours));
    }
    drawRows(areColoursNew);
    areColoursNew = false;
    shading.update();
  };
  const request = () => { frame ||= requestAnimationFrame(redraw); };
  const stops = [
    effect(() => {
      void candleVersion.value;
      request();
    }),
    effect(() => {
      watchColours();
      areColoursNew = true;
      request();
    }),
  ];
  chart.subscribeCrosshairMove(({ time }) => { pointed.value = time ?? null; });
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const scale = chart.timeScale();
    if (event.key === "ArrowLeft") scale.scrollToPosition(scale.scrollPosition() - KEY_STEP, false);
    else if (event.key === "ArrowRight") scale.scrollToPosition(scale.scrollPosition() + KEY_STEP, false);
    else if (event.key === "+") scale.applyOptions({ barSpacing: scale.options().barSpacing * ZOOM });
    else if (event.key === "-") scale.applyOptions({ barSpacing: scale.options().barSpacing / ZOOM });
    else if (event.key === "End") scale.scrollToRealTime();
    else return;
    event.preventDefault();
  };
  place.addEventListener("keydown", press);
  return () => {
    for (const stop of stops) stop();
    cancelAnimationFrame(frame);
    place.removeEventListener("keydown", press);
    pointed.value = null;
    chart.remove();
  };
}

/** @param {{time: number, candle: Candle | undefined}} row @returns {Bar | Whitespace} */
function bar({ time, candle }) {
  if (!candle) return { time };
  const [, open, high, low, close] = candle;
  return { time, open, high, low, close };
}

/** @param {{time: number, candle: Candle | undefined}} row @param {Colours} colours @returns {Point | Whitespace} */
function point({ time, candle }, colours) {
  if (!candle) return { time };
  return { time, value: candle[5], color: faded(candle[4] >= candle[1] ? colours.buy : colours.sell, 0.35) };
}

const fixedOptions = () => ({
  // The library's own logo needs an inline style, and the page forbids those: the credit stands beside the chart.
  layout: { attributionLogo: false, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 },
  rightPriceScale: { borderVisible: false },
  timeScale: {
    borderVisible: false, timeVisible: true, secondsVisible: true, barSpacing: 7, rightOffset: 4,
    tickMarkFormatter: (/** @type {number} */ time, /** @type {number} */ kind) => tickText(time, kind),
  },
  localization: { timeFormatter: (/** @type {number} */ time) => `${dayText(time)} ${formatClock(time * 1000)}` },
  crosshair: { mode: 0 },
});

/** @param {number} time @returns {string} the day here */
function dayText(time) {
  const date = new Date(time * 1000);
  return `${date.getMonth() + 1}/${date.getDate()}`;
}

/** @param {number} time @param {number} kind of the library: 3 is a time, 4 one with seconds, less are days and longer
 * @returns {string} */
function tickText(time, kind) {
  if (kind < 3) return dayText(time);
  return kind === 3 ? formatClock(time * 1000).slice(0, 5) : formatClock(time * 1000);
}

/** @param {Colours} colours */
const chartColours = (colours) => ({
  layout: { background: { type: "solid", color: colours.panel }, textColor: colours.muted },
  grid: { vertLines: { color: faded(colours.line, 0.6) }, horzLines: { color: faded(colours.line, 0.6) } },
  crosshair: {
    vertLine: { color: colours.muted, labelBackgroundColor: colours["line-strong"] },
    horzLine: { color: colours.muted, labelBackgroundColor: colours["line-strong"] },
  },
});

/** @param {Colours} colours */
const candleColours = (colours) => ({
  // Hollow rises and full falls, so that colour does not stand alone.
  upColor: colours.panel, downColor: colours.sell,
  borderUpColor: colours.buy, borderDownColor: colours.sell, wickUpColor: colours.buy, wickDownColor: colours.sell,
});
