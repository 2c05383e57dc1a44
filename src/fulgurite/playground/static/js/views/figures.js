// How the connection is doing: how long things take, and how many messages each channel brings.
import { shortName } from "../channels.js";
import { html } from "../dom.js";
import { formatRate } from "../format.js";
import { oldConnection } from "../freshness.js";
import { latencies, rateHistory, rateVersion } from "../happened.js";
import { t } from "../i18n.js";
import { BUCKET_MS, BUCKETS } from "../ratehistory.js";
import { connection, rates } from "../state.js";
import { Age } from "./age.js";
import { formatMs } from "./events.js";

const NAMES = /** @type {const} */ ({
  executions: "latencyExecutions", ticker: "latencyTicker", subscribe: "latencySubscribe",
  heartbeat: "latencyHeartbeat",
});
const CHART_HEIGHT = 20;

export function Figures() {
  return html`
    <div class="figures" tabindex="0" role="group" aria-label=${`${t("latency")}, ${t("messageRates")}`}>
      <${Latency} />
      <${Rates} />
    </div>
  `;
}

function Latency() {
  const rows = latencies.value;
  return html`
    <section aria-labelledby="latency-title">
      <header class="sub-head"><h3 id="latency-title">${t("latency")}</h3>
        ${rows.length > 0 && html`<${Age} of=${oldConnection} />`}</header>
      ${rows.length === 0 ? html`<p class="empty">${t("latencyNone")}</p>` : html`
        <table class="latency">
          <thead>
            <tr>
              <th scope="col">${t("latencyWhat")}</th>
              ${["50 %", "90 %", "99 %", t("latencyMost"), t("latencyCount")].map((name) => html`
                <th key=${name} scope="col" class="number">${name}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map(({ what, count, p50, p90, p99, most }) => html`
              <tr key=${what} data-latency=${what}>
                <th scope="row">${t(NAMES[what])}</th>
                ${[p50, p90, p99, most].map((ms, index) => html`<td key=${index} class="number">${formatMs(ms)}</td>`)}
                <td class="number hint">${count}</td>
              </tr>`)}
          </tbody>
        </table>`}
      <p class="hint figures-note">${t("latencyCaveat")}
        ${connection.value?.dialect === "json-rpc" && html` ${t("latencyNoHeartbeat")}`}</p>
    </section>
  `;
}

function Rates() {
  void rateVersion.value;
  const channels = [...rateHistory.counts.keys()];
  return html`
    <section aria-labelledby="rates-title">
      <header class="sub-head">
        <h3 id="rates-title">${t("messageRates")}</h3><span class="hint">${t("messageRatesOf")}</span>
        ${channels.length > 0 && html`<${Age} of=${oldConnection} />`}
      </header>
      ${channels.length === 0 ? html`<p class="empty">${t("messageRatesEmpty")}</p>` : html`
        <ul class="rate-charts">
          ${channels.map((channel) => html`<${Chart} key=${channel} channel=${channel} />`)}
        </ul>`}
    </section>
  `;
}

/** @param {{channel: string}} props */
function Chart({ channel }) {
  // The last bucket is not full yet.
  const counts = rateHistory.counts.get(channel)?.slice(0, -1) ?? [];
  const most = Math.max(...counts, 1);
  const rate = formatRate(rates.value.get(channel) ?? 0);
  const text = { channel: shortName(channel), rate, most: formatRate((most * 1000) / BUCKET_MS) };
  return html`
    <li data-channel=${channel}>
      <span class="rate-name">${text.channel}</span>
      <svg class="rate-chart" viewBox="0 0 ${BUCKETS - 1} ${CHART_HEIGHT}" preserveAspectRatio="none" role="img"
        aria-label=${t("messageRateText", text)}><path d=${bars(counts, most)} /></svg>
      <span class="rate-now number" aria-hidden="true">${rate}</span>
    </li>
  `;
}

/** @param {number[]} counts @param {number} most @returns {string} the path of an area in steps */
function bars(counts, most) {
  const steps = counts.map((count, index) => {
    const y = (CHART_HEIGHT * (1 - count / most)).toFixed(1);
    return `V${y}H${index + 1}`;
  });
  return `M0 ${CHART_HEIGHT}${steps.join("")}V${CHART_HEIGHT}Z`;
}
