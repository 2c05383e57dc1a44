// The executions of the product in view, newest first, with the gaps between them.
import { subscribe } from "../actions.js";
import { KINDS } from "../channels.js";
import { html } from "../dom.js";
import { decimalsOf, formatDate, formatPrice, formatSize, formatSpan } from "../format.js";
import { oldChannel, whyOld } from "../freshness.js";
import { t } from "../i18n.js";
import { product, trades, wanted } from "../state.js";
import { Age } from "./age.js";
import { gapDetail, gapText } from "./events.js";
import { useStill } from "./still.js";

/** @typedef {import("../messages.js").Execution} Execution */

/** More than fit on any screen; the list scrolls. */
const SHOWN = 100;
const REPAIRS = /** @type {const} */ ({
  pending: "missedPending", full: "missedFull", partial: "missedPartial", none: "missedNone",
});
const SIDES = /** @type {const} */ ({
  BUY: { style: "buy", mark: "▲", key: "buy" },
  SELL: { style: "sell", mark: "▼", key: "sell" },
});

/** An execution stands out if so few of those in sight, as a share, are as large. */
const LARGE_SHARE = 0.05;
const LARGE_FROM = 20;

export function Trades() {
  const { hold, still } = useStill();
  return still(() => drawTrades(hold));
}

/** @param {import("./still.js").Still["hold"]} hold */
function drawTrades(hold) {
  const rows = trades.value.slice(-SHOWN).toReversed();
  const executions = rows.flatMap(({ row }) => (row.type === "execution" ? [row] : []));
  const decimals = decimalsOf(executions.map(({ price }) => price));
  decideLarge(executions);
  return html`
    <section class="trades" aria-labelledby="trades-title">
      <header class="sub-head"><h3 id="trades-title" title=${t("localTime")}>${t("trades")}</h3>
        ${rows.length > 0 && html`<${Age} of=${() => oldChannel(KINDS[3].prefix + product.value)} />`}
      </header>
      ${rows.length === 0 ? html`<${NoTrades} />` : html`
        <div class="trades-scroll" tabindex="0" onPointerDown=${hold}>
          <table class="executions">
            <thead>
              <tr>
                <th scope="col">${t("time")}</th><th scope="col">${t("side")}</th>
                <th scope="col" class="number">${t("size")}</th><th scope="col" class="number">${t("price")}</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map(({ row, key }) => (row.type === "gap"
                ? html`<${GapRow} key=${key} gap=${row} />`
                : html`<${TradeRow} key=${key} execution=${row} decimals=${decimals}
                    isLarge=${areLarge.get(row) ?? false} />`))}
            </tbody>
          </table>
        </div>`}
    </section>
  `;
}

/** Whether an execution stands out, decided once, so that no row changes afterwards.
 * @type {WeakMap<Execution, boolean>} */
const areLarge = new WeakMap();

/** @param {Execution[]} executions those in sight */
function decideLarge(executions) {
  if (executions.length < LARGE_FROM || executions.every((execution) => areLarge.has(execution))) return;
  const sizes = executions.map(({ size }) => size).sort((one, other) => other - one);
  const large = sizes[Math.floor(sizes.length * LARGE_SHARE)] ?? Infinity;
  for (const execution of executions) {
    if (!areLarge.has(execution)) areLarge.set(execution, execution.size >= large);
  }
}

/** @param {{gap: import("../messages.js").Gap}} props */
function GapRow({ gap }) {
  const row = { ...gap, channels: [gap.channel] };
  return html`
    <tr class="gap-row" data-repaired=${gap.repaired}>
      <td colspan="4" title=${`${gapText(row)}; ${gapDetail(row)}`}>
        <strong>${t("missedGap", { span: formatSpan(gap.to_ms - gap.from_ms) })}</strong>${" "}
        ${t(REPAIRS[gap.repaired], { count: gap.recovered })}</td>
    </tr>`;
}

/** @param {{execution: Execution, decimals: number, isLarge: boolean}} props */
function TradeRow({ execution, decimals, isLarge }) {
  const side = execution.side === "BUY" || execution.side === "SELL" ? SIDES[execution.side] : null;
  const title = `id ${execution.id}, ${execution.exec_date}`;
  return html`
    <tr class="${side?.style ?? ""} ${isLarge ? "large" : ""}" data-id=${execution.id}
      title=${execution.backfilled ? `${title}. ${t("backfilledHint")}` : title}>
      <td class="time">${formatDate(execution.exec_date)}${execution.backfilled && html`
        <span class="backfilled" role="img" aria-label=${t("backfilledHint")}>↺</span>`}</td>
      <td class="side">${side ? html`<span aria-hidden="true">${side.mark}</span> ${t(side.key)}` : t("itayose")}</td>
      <td class="number size">${formatSize(execution.size)}</td>
      <td class="number price">${formatPrice(execution.price, decimals)}</td>
    </tr>
  `;
}

function NoTrades() {
  const channel = KINDS[3].prefix + product.value;
  if (wanted.value.has(channel)) return html`<p class="empty">${whyOld() === null ? t("tradesEmpty") : ""}</p>`;
  return html`
    <div class="empty">
      <p>${t("tradesOff")}</p>
      <button type="button" class="action" onClick=${() => subscribe([channel])}>${t("subscribeThese")}</button>
    </div>
  `;
}
