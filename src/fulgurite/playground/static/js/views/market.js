// The market view of one product: its switch, its ticker, the ladder and the executions.
import { viewProduct } from "../actions.js";
import { html } from "../dom.js";
import { formatPrice, formatSize } from "../format.js";
import { t } from "../i18n.js";
import { product, products, ticker } from "../state.js";
import { Ladder } from "./ladder.js";
import { Trades } from "./trades.js";

export function Market() {
  return html`
    <section class="panel market-panel" aria-label=${t("market")}>
      <header class="panel-head market-head">
        <${ProductSwitch} />
        <${TickerLine} />
      </header>
      <div class="market-body">
        <${Ladder} />
        <${Trades} />
      </div>
    </section>
  `;
}

function ProductSwitch() {
  /** @param {Event} event */
  const choose = ({ currentTarget }) => {
    if (currentTarget instanceof HTMLSelectElement) viewProduct(currentTarget.value);
  };
  return html`
    <select class="product-switch" aria-label=${t("product")} value=${product.value} onChange=${choose}>
      ${products.value.map((code) => html`<option key=${code} value=${code}>${code}</option>`)}
    </select>
  `;
}

function TickerLine() {
  const row = ticker.value;
  if (!row) return html`<p class="ticker hint">${t("noTicker")}</p>`;
  const price = (/** @type {number} */ value) => formatPrice(value);
  return html`
    <dl class="ticker" data-test="ticker">
      <div class="ticker-last"><dt>${t("last")}</dt><dd>${price(row.ltp)}</dd></div>
      <div><dt>${t("bestBid")}</dt><dd class="buy">${price(row.best_bid)}</dd></div>
      <div><dt>${t("bestAsk")}</dt><dd class="sell">${price(row.best_ask)}</dd></div>
      <div class="ticker-volume"><dt>${t("volume")}</dt><dd>${formatSize(row.volume)}</dd></div>
      ${row.state && html`<div><dt>${t("marketState")}</dt><dd class="market-state">${row.state}</dd></div>`}
    </dl>
  `;
}
