// One chart of the product in view, and the switch to the others.
import { KINDS } from "../channels.js";
import { CHARTS, INTERVALS } from "../choices.js";
import { html } from "../dom.js";
import { oldBook, oldChannel } from "../freshness.js";
import { t } from "../i18n.js";
import {
  candleStore, candleVersion, chooseChart, chooseInterval, heatStore, heatVersion, interval, lastLiveDepth,
} from "../marketdata.js";
import { product } from "../state.js";
import { Age } from "./age.js";
import { CandleChart, intervalName } from "./candles.js";
import { DepthChart } from "./depth.js";
import { HeatMap, HeatScale } from "./heatmap.js";

/** @typedef {import("../choices.js").ChartName} ChartName */

const VIEWS = { candles: CandleChart, heatmap: HeatMap, depth: DepthChart };
const NAMES = /** @type {const} */ ({ candles: "candles", heatmap: "heatmap", depth: "depthChart" });

/** @param {{name: "upper" | "lower", chosen: import("../state.js").Signal<ChartName>, taken: ChartName | null}} props its
 * place, its chart, and the chart that is shown elsewhere */
export function Chart({ name, chosen, taken }) {
  const shown = chosen.value;
  return html`
    <section class="chart chart-${name}" aria-label=${t(NAMES[shown])}>
      <header class="sub-head chart-head">
        <fieldset class="segments">
          <legend class="for-readers">${t("chart")}</legend>
          ${CHARTS.filter((chart) => chart !== taken).map((chart) => html`
            <label key=${chart}>
              <input type="radio" name=${`chart-${name}`} value=${chart} checked=${shown === chart}
                onChange=${() => chooseChart(name, chart)} />
              <span>${t(NAMES[chart])}</span>
            </label>`)}
        </fieldset>
        <span class="push"></span>
        ${shown === "candles" && html`<${Intervals} name=${name} />`}
        ${shown === "heatmap" && html`<${HeatScale} />`}
      </header>
      <${VIEWS[shown]} key=${shown} />
      ${hasSomething(shown) && html`<${Age} of=${
        () => (shown === "candles" ? oldChannel(KINDS[3].prefix + product.value) : oldBook())} />`}
    </section>
  `;
}

/** Whether there is anything that can be old. @param {ChartName} chart */
function hasSomething(chart) {
  void [candleVersion.value, heatVersion.value];
  return { candles: candleStore.candles.size > 0, heatmap: heatStore.columns.length > 0, depth: lastLiveDepth.value }[chart];
}

/** @param {{name: string}} props */
function Intervals({ name }) {
  return html`
    <fieldset class="segments">
      <legend class="for-readers">${t("interval")}</legend>
      ${INTERVALS.map((seconds) => html`
        <label key=${seconds}>
          <input type="radio" name=${`interval-${name}`} value=${seconds} checked=${interval.value === seconds}
            onChange=${() => chooseInterval(seconds)} />
          <span>${intervalName(seconds)}</span>
        </label>`)}
    </fieldset>
  `;
}
