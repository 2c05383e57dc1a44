// The executions of the product in view, newest first, with the gaps between them.
import { subscribe } from "../actions.js";
import { KINDS } from "../channels.js";
import { html } from "../dom.js";
import { decimalsOf, formatDate, formatPrice, formatSize } from "../format.js";
import { t } from "../i18n.js";
import { isConnected, product, trades, wanted } from "../state.js";
import { gapDetail, gapText } from "./events.js";

/** @typedef {import("../messages.js").Execution} Execution */

/** More than fit on any screen; the list scrolls. */
const SHOWN = 100;
const SIDES = /** @type {const} */ ({
  BUY: { style: "buy", mark: "▲", key: "buy" },
  SELL: { style: "sell", mark: "▼", key: "sell" },
});

export function Trades() {
  const rows = trades.value.slice(-SHOWN).toReversed();
  const prices = rows.flatMap((row) => (row.type === "execution" ? [row.execution.price] : []));
  const decimals = decimalsOf(prices);
  return html`
    <section class="trades" aria-labelledby="trades-title">
      <header class="sub-head"><h3 id="trades-title" title=${t("localTime")}>${t("trades")}</h3></header>
      ${rows.length === 0 ? html`<${NoTrades} />` : html`
        <div class="trades-scroll" tabindex="0">
          <table class="tape">
            <thead>
              <tr>
                <th scope="col">${t("time")}</th><th scope="col">${t("side")}</th>
                <th scope="col" class="number">${t("size")}</th><th scope="col" class="number">${t("price")}</th>
              </tr>
            </thead>
            <tbody>
              ${rows.map((row) => (row.type === "gap"
                ? html`<tr key=${row.key} class="gap-row">
                    <td colspan="4" title=${gapDetail(row)}><strong>${t("gap")}</strong> ${gapText(row)}</td></tr>`
                : html`<${TradeRow} key=${row.key} execution=${row.execution} decimals=${decimals} />`))}
            </tbody>
          </table>
        </div>`}
    </section>
  `;
}

/** @param {{execution: Execution, decimals: number}} props */
function TradeRow({ execution, decimals }) {
  const side = execution.side === "BUY" || execution.side === "SELL" ? SIDES[execution.side] : null;
  return html`
    <tr class=${side?.style ?? ""} title="id ${execution.id}, ${execution.exec_date}">
      <td class="time">${formatDate(execution.exec_date)}</td>
      <td class="side">${side ? html`<span aria-hidden="true">${side.mark}</span> ${t(side.key)}` : t("itayose")}</td>
      <td class="number">${formatSize(execution.size)}</td>
      <td class="number price">${formatPrice(execution.price, decimals)}</td>
    </tr>
  `;
}

function NoTrades() {
  const channel = KINDS[3].prefix + product.value;
  if (wanted.value.has(channel)) return html`<p class="empty">${isConnected.value ? t("tradesEmpty") : ""}</p>`;
  return html`
    <div class="empty">
      <p>${t("tradesOff")}</p>
      <button type="button" class="action" onClick=${() => subscribe([channel])}>${t("subscribeThese")}</button>
    </div>
  `;
}
