// The matrix: one row a product, one column a channel; a click subscribes or unsubscribes.
import { addProduct, toggleChannel, unsubscribe, viewProduct } from "../actions.js";
import { cellState, KINDS, silenceOf } from "../channels.js";
import { html } from "../dom.js";
import { formatRate, formatSpan } from "../format.js";
import { t } from "../i18n.js";
import * as state from "../state.js";
import { useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../channels.js").CellState} CellState */

export function Matrix() {
  const [pointedAt, pointAt] = useState("");
  const products = state.products.value;
  return html`
    <section class="panel matrix-panel" aria-labelledby="matrix-title">
      <header class="panel-head">
        <h2 id="matrix-title">${t("channels")}</h2>
        <button type="button" class="plain" disabled=${state.wanted.value.size === 0}
          onClick=${() => unsubscribe([...state.wanted.value])}>${t("unsubscribeAll")}</button>
      </header>
      <div class="matrix-scroll">
        <table class="matrix" onKeyDown=${moveFocus} onMouseLeave=${() => pointAt("")}>
          <caption class="for-readers">${t("matrixCaption")}</caption>
          <thead>
            <tr>
              <th scope="col"><span class="for-readers">${t("product")}</span></th>
              ${KINDS.map(({ prefix, label }) => html`<th scope="col" title="${prefix}…" key=${label}>${label}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${products.map((product) => html`<${ProductRow} key=${product} product=${product} pointAt=${pointAt} />`)}
          </tbody>
        </table>
      </div>
      <${Explanation} channel=${pointedAt} />
      <${AddProduct} />
    </section>
  `;
}

/** @param {{product: string, pointAt: (channel: string) => void}} props */
function ProductRow({ product, pointAt }) {
  const inView = state.product.value === product;
  return html`
    <tr class=${inView ? "in-view" : ""}>
      <th scope="row">
        <button type="button" class="product" aria-pressed=${inView ? "true" : "false"}
          title=${t("showProduct", { product })} onClick=${() => viewProduct(product)}>${product}</button>
      </th>
      ${KINDS.map(({ prefix, label }) => html`
        <td key=${label}><${Cell} channel=${prefix + product} label="${label}, ${product}" pointAt=${pointAt} /></td>`)}
    </tr>
  `;
}

/** @param {string} channel @returns {CellState} */
const stateOf = (channel) => cellState(
  state.wanted.value.has(channel), state.channels.value.get(channel), state.channelSince.get(channel)?.sinceMs,
  state.now.value,
);

/** What stands in the cell; its class says it in colour too. @param {CellState} cell @param {number} rate */
function mark(cell, rate) {
  switch (cell.name) {
    case "off": return "";
    case "chosen":
    case "waiting": return "○";
    case "asked": return "…";
    case "acknowledged": return "✓";
    case "silent":
    case "quiet": return shortAge(cell.ageMs ?? 0);
    case "refused": return "✕";
    case "receiving": return formatRate(rate);
  }
}

/** @param {number} ms @returns {string} */
const shortAge = (ms) => (ms < 120_000 ? `${Math.floor(ms / 1000)}s` : `${Math.floor(ms / 60_000)}m`);

/** @param {CellState} cell @param {number} rate @returns {string} */
function inWords(cell, rate) {
  const age = formatSpan(cell.ageMs ?? 0);
  switch (cell.name) {
    case "off": return t("cellOff");
    case "chosen": return t("cellChosen");
    case "waiting": return t("cellWaiting");
    case "asked": return t("cellAsked");
    case "acknowledged": return t("cellAcknowledged");
    case "silent": return t("cellSilent", { age });
    case "receiving": return t("cellReceiving", { rate: formatRate(rate), age });
    case "quiet": return t("cellQuiet", { age });
    case "refused": return t("cellRefused", { reason: cell.detail });
  }
}

/**
 * How long ago the last message came, in five steps from warm to cold.
 * @param {CellState} cell
 * @param {string} channel
 */
function warmth(cell, channel) {
  if (cell.name !== "receiving" || cell.ageMs === null) return 0;
  return 5 - Math.min(4, Math.floor((cell.ageMs / silenceOf(channel)) * 5));
}

/** @param {{channel: string, label: string, pointAt: (channel: string) => void}} props */
function Cell({ channel, label, pointAt }) {
  const cell = stateOf(channel);
  const rate = state.rates.value.get(channel) ?? 0;
  return html`
    <button type="button" class="cell cell-${cell.name} warm-${warmth(cell, channel)}" data-channel=${channel}
      data-state=${cell.name} aria-pressed=${cell.name === "off" ? "false" : "true"}
      aria-label="${label}: ${inWords(cell, rate)}" onClick=${() => toggleChannel(channel)}
      onFocus=${() => pointAt(channel)} onMouseEnter=${() => pointAt(channel)}>${mark(cell, rate)}</button>
  `;
}

/** Says all about the cell that is pointed at, or what the marks mean. @param {{channel: string}} props */
function Explanation({ channel }) {
  if (!channel) return html`<${Legend} />`;
  const cell = stateOf(channel);
  const rate = state.rates.value.get(channel) ?? 0;
  return html`
    <div class="explanation">
      <p><code>${channel}</code></p>
      <p>${inWords(cell, rate)}</p>
      ${cell.name === "silent" && html`<p class="hint">${t("silentWhy")}</p>`}
      ${cell.name === "quiet" && html`<p class="hint">${t("quietWhy")}</p>`}
    </div>
  `;
}

function Legend() {
  const entries = /** @type {const} */ ([
    ["cell-receiving warm-5", "8.1", "legendReceiving"],
    ["cell-quiet", "34s", "legendQuiet"],
    ["cell-acknowledged", "✓", "legendAcknowledged"],
    ["cell-asked", "…", "legendAsked"],
    ["cell-refused", "✕", "legendRefused"],
    ["cell-off", "", "legendOff"],
  ]);
  return html`
    <ul class="explanation legend">
      ${entries.map(([style, sample, key]) => html`
        <li key=${key}><span class="cell ${style}" aria-hidden="true">${sample}</span>${t(key)}</li>`)}
    </ul>
  `;
}

function AddProduct() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (!input.current) return;
    addProduct(input.current.value);
    input.current.value = "";
  };
  return html`
    <form class="add-product" onSubmit=${submit}>
      <input ref=${input} type="text" maxlength="39" pattern="\\s*[A-Za-z0-9_]{3,39}\\s*" spellcheck="false" required
        aria-label=${t("addProduct")} placeholder=${t("addProduct")} />
      <button type="submit" class="action">${t("add")}</button>
      ${!state.productsFromEndpoint.value && html`<p class="hint">${t("fallbackProducts")}</p>`}
    </form>
  `;
}

const STEPS = /** @type {Record<string, [number, number]>} */ ({
  ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
});

/** Arrow keys walk over the matrix. @param {KeyboardEvent} event */
function moveFocus(event) {
  const step = STEPS[event.key];
  const cell = event.target instanceof Element ? event.target.closest("td, th") : null;
  const row = cell?.parentElement;
  if (!step || !(cell instanceof HTMLTableCellElement) || !(row instanceof HTMLTableRowElement)) return;
  const rows = row.closest("table")?.rows;
  const button = rows?.[row.rowIndex + step[0]]?.cells[cell.cellIndex + step[1]]?.querySelector("button");
  if (!button) return;
  event.preventDefault();
  button.focus();
}
