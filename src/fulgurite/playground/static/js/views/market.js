// The market view of one product: its switch, its ticker, the charts, the ladder and the executions.
import { useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { KINDS } from "../channels.js";
import { html } from "../dom.js";
import { formatPrice, formatSize } from "../format.js";
import { oldChannel } from "../freshness.js";
import { t } from "../i18n.js";
import { lowerChart, showParts, upperChart, viewProduct } from "../marketdata.js";
import { product, products, ticker } from "../state.js";
import { Age } from "./age.js";
import { Chart } from "./charts.js";
import { Ladder } from "./ladder.js";
import { Trades } from "./trades.js";
import { Why } from "./why.js";

/** From this size on, in pixels, there is room for a second chart. */
const WIDE = 860;
const HIGH = 480;

export function Market() {
  const { ref, hasRoom } = useRoom();
  const upper = upperChart.value;
  const lower = lowerChart.value;
  useLayoutEffect(() => {
    showParts(hasRoom ? ["book", upper, lower] : ["book", upper]);
  }, [upper, lower, hasRoom]);
  useLayoutEffect(() => () => showParts([]), []);
  return html`
    <section class="panel market-panel" aria-label=${t("market")} ref=${ref}>
      <header class="panel-head market-head">
        <${ProductSwitch} />
        <${TickerLine} />
      </header>
      <${Why} />
      <div class=${hasRoom ? "market-body market-wide" : "market-body"}>
        <${Chart} name="upper" chosen=${upperChart} taken=${null} />
        ${hasRoom && html`<${Chart} name="lower" chosen=${lowerChart} taken=${upper} />`}
        <${Ladder} />
        <${Trades} />
      </div>
    </section>
  `;
}

/** Whether the view is large enough for two charts. */
function useRoom() {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [hasRoom, setHasRoom] = useState(false);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const look = () => setHasRoom(element.clientWidth >= WIDE && element.clientHeight >= HIGH);
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, hasRoom };
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
  const old = () => oldChannel(KINDS[2].prefix + row.product_code);
  const price = (/** @type {number} */ value) => formatPrice(value);
  return html`
    <dl class="ticker" data-test="ticker">
      <div class="ticker-last"><dt>${t("last")}</dt><dd>${price(row.ltp)}</dd></div>
      <div><dt>${t("bestBid")}</dt><dd class="buy">${price(row.best_bid)}</dd></div>
      <div><dt>${t("bestAsk")}</dt><dd class="sell">${price(row.best_ask)}</dd></div>
      <div class="ticker-volume"><dt>${t("volume")}</dt><dd>${formatSize(row.volume)}</dd></div>
      ${row.state && html`<div><dt>${t("marketState")}</dt><dd class="market-state">${row.state}</dd></div>`}
    </dl>
    <${Age} of=${old} />
  `;
}
