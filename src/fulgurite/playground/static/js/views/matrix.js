// The matrix: one row a product, one column a kind of channel; a click subscribes or unsubscribes.
import { addProduct, showView, subscribe, toggleChannel, unsubscribe, unsubscribeAll } from "../actions.js";
import { cellState, channelsOf, isPrivate, KINDS, PRIVATE, productOf, warmth, whySilent } from "../channels.js";
import { html } from "../dom.js";
import { formatRate, formatSpan } from "../format.js";
import { t } from "../i18n.js";
import { viewProduct } from "../marketdata.js";
import * as state from "../state.js";
import { useRef, useState } from "../../vendor/preact-hooks.js";
import { FoldButton } from "./fold.js";

/** @typedef {import("../channels.js").CellState} CellState */
/** @typedef {import("../../vendor/preact.js").Child} Child */

export function Matrix() {
  const [pointedAt, pointAt] = useState("");
  const products = state.products.value;
  return html`
    <section class="panel matrix-panel" aria-labelledby="matrix-title">
      <header class="panel-head">
        <h2 id="matrix-title">${t("channels")}</h2>
        <${AllButton} />
        <${FoldButton} side="left" />
      </header>
      <div class="matrix-scroll">
        <table class="matrix" onKeyDown=${moveFocus} onMouseLeave=${() => pointAt("")}>
          <caption class="for-readers">${t("matrixCaption")}</caption>
          <thead>
            <tr>
              <th scope="col"><span class="for-readers">${t("product")}</span></th>
              ${KINDS.map(({ prefix, label }) => html`
                <th scope="col" key=${label}><${Group} name="${prefix}…" style="column-head"
                  channels=${products.map((product) => prefix + product)}>${label}<//></th>`)}
            </tr>
          </thead>
          <tbody>
            ${products.map((product) => html`<${ProductRow} key=${product} product=${product} pointAt=${pointAt} />`)}
          </tbody>
          <${PrivateRows} pointAt=${pointAt} />
        </table>
      </div>
      <${Explanation} channel=${pointedAt} />
      <${AddProduct} />
    </section>
  `;
}

/** Unsubscribes all; and where that was done it takes it back, in the same place, where the focus is. */
function AllButton() {
  const givenUp = state.givenUp.value;
  const canUndo = givenUp.length > 0;
  /** @param {MouseEvent} event */
  const press = ({ detail }) => {
    if (detail > 1) return; // a second click of a double click takes nothing back
    if (canUndo) subscribe([...givenUp]);
    else unsubscribeAll();
  };
  return html`
    <button type="button" class=${canUndo ? "action" : "plain"} disabled=${!canUndo && state.wanted.value.size === 0}
      onClick=${press}>${canUndo ? t("undoUnsubscribe", { count: givenUp.length }) : t("unsubscribeAll")}</button>
  `;
}

/** @param {{product: string, pointAt: (channel: string) => void}} props */
function ProductRow({ product, pointAt }) {
  const inView = state.product.value === product;
  return html`
    <tr class=${inView ? "in-view" : ""}>
      <th scope="row">
        <div class="row-head">
          <button type="button" class="product" aria-pressed=${inView ? "true" : "false"}
            title=${t("showProduct", { product })} onClick=${() => viewProduct(product)}>${product}</button>
          <${Group} name=${product} channels=${channelsOf(product)} style="row-all" />
        </div>
      </th>
      ${KINDS.map(({ prefix, label }) => html`
        <td key=${label}><${Cell} channel=${prefix + product} label="${label}, ${product}" pointAt=${pointAt} /></td>`)}
    </tr>
  `;
}

/** A whole row or column at once: subscribed, unless it is already.
 * @param {{name: string, channels: string[], style: string, children?: Child}} props */
function Group({ name, channels, style, children }) {
  const count = channels.filter((channel) => state.wanted.value.has(channel)).length;
  const all = count === channels.length;
  const label = t(all ? "groupUnsubscribe" : "groupSubscribe", { name });
  return html`
    <button type="button" class=${style} aria-label="${label}" title=${label}
      aria-pressed=${all ? "true" : count ? "mixed" : "false"}
      onClick=${() => (all ? unsubscribe(channels) : subscribe(channels))}>${children
        ?? html`<span aria-hidden="true">${all ? "■" : count ? "◧" : "□"}</span>`}</button>
  `;
}

/** The channels of one's own orders; they need credentials. @param {{pointAt: (channel: string) => void}} props */
function PrivateRows({ pointAt }) {
  return html`
    <tbody class="private-rows">
      <tr>
        <td></td>
        ${PRIVATE.map((channel) => html`<th scope="col" colspan="2" key=${channel}>${channel}</th>`)}
      </tr>
      <tr>
        <th scope="row"><span class="private-name">${t("privateChannels")}</span></th>
        ${PRIVATE.map((channel) => html`
          <td colspan="2" key=${channel}>
            ${state.hasCredentials.value
              ? html`<${Cell} channel=${channel} label=${channel} pointAt=${pointAt} />`
              : html`<button type="button" class="cell cell-locked"
                  aria-label="${channel}, ${t("needsKey")}: ${t("privateNeedsKey")}" title=${t("privateNeedsKey")} onClick=${() => showView("orders")}
                  onFocus=${() => pointAt(channel)} onMouseEnter=${() => pointAt(channel)}>${t("needsKey")}</button>`}
          </td>`)}
      </tr>
    </tbody>
  `;
}

/** @param {string} channel @returns {CellState} */
function stateOf(channel) {
  // An unwanted channel does not change with time, and is not drawn again with it.
  if (!state.wanted.value.has(channel)) return cellState(false, undefined, undefined, 0);
  // Its state is unknown now; its age is not.
  if (state.link.value !== "open") {
    const heardMs = state.channels.value.get(channel)?.last_ms ?? null;
    return heardMs === null ? cellState(true, undefined, undefined, 0)
      : { name: "quiet", ageMs: Math.max(0, state.now.value - heardMs), detail: "" };
  }
  return cellState(
    true, state.channels.value.get(channel), state.channelSince.get(channel)?.sinceMs, state.now.value,
  );
}

/** The text of a cell; its class says it in colour too. @param {CellState} cell @param {number} rate */
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
const shortAge = (ms) => (ms < 120_000
  ? t("secondsShort", { n: Math.floor(ms / 1000) }) : t("minutesShort", { n: Math.floor(ms / 60_000) }));

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

/** @param {{channel: string, label: string, pointAt: (channel: string) => void}} props */
function Cell({ channel, label, pointAt }) {
  const cell = stateOf(channel);
  const rate = cell.name === "receiving" ? (state.rates.value.get(channel) ?? 0) : 0;
  return html`
    <button type="button" class="cell cell-${cell.name} warm-${warmth(cell, channel)}" data-channel=${channel}
      data-state=${cell.name} aria-pressed=${cell.name === "off" ? "false" : "true"}
      aria-label="${label}: ${inWords(cell, rate)}" title=${inWords(cell, rate)} onClick=${() => toggleChannel(channel)}
      onFocus=${() => pointAt(channel)} onMouseEnter=${() => pointAt(channel)}>${mark(cell, rate)}</button>
  `;
}

/** All about the cell under the pointer; else the fault of a channel; else the meaning of the marks.
 * @param {{channel: string}} props */
function Explanation({ channel }) {
  const shown = channel || firstSilent();
  if (!shown) return html`<${Legend} />`;
  if (isPrivate(shown) && !state.hasCredentials.value) {
    return html`<div class="explanation"><p><code>${shown}</code></p><p>${t("privateNeedsKey")}</p></div>`;
  }
  const cell = stateOf(shown);
  const rate = state.rates.value.get(shown) ?? 0;
  return html`
    <div class="explanation">
      <p><code>${shown}</code></p>
      <p>${inWords(cell, rate)}</p>
      ${cell.name === "silent" && html`<p class="hint">${t(whySilent(shown, known(shown)))}</p>`}
      ${cell.name === "quiet" && html`<p class="hint">${t("quietWhy")}</p>`}
    </div>
  `;
}

/** @returns {string} a channel that was acknowledged and never delivered, or "" */
const firstSilent = () => [...state.wanted.value].find((channel) => stateOf(channel).name === "silent") ?? "";

/** The facts around a silent channel. @param {string} channel */
function known(channel) {
  const product = productOf(channel);
  const flowing = [...state.wanted.value].filter((other) => stateOf(other).name === "receiving");
  return {
    isListed: state.productsFromEndpoint.value ? state.endpointProducts.value.includes(product) : null,
    othersFlow: flowing.length > 0,
    siblingsFlow: flowing.some((other) => productOf(other) === product),
  };
}

function Legend() {
  const entries = /** @type {const} */ ([
    ["cell-receiving warm-6", "8.1", "legendReceiving"],
    ["cell-receiving warm-2", "0.1", "legendCooling"],
    ["cell-quiet", t("secondsShort", { n: 34 }), "silent"],
    ["cell-acknowledged", "✓", "legendAcknowledged"],
    ["cell-asked", "…", "legendAsked"],
    ["cell-refused", "✕", "refused"],
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
  /** In the page's language; the browser's may be another. @param {{currentTarget: HTMLInputElement}} event */
  const check = ({ currentTarget: { validity }, currentTarget }) => {
    currentTarget.setCustomValidity(validity.patternMismatch ? t("productMisfit") : "");
  };
  return html`
    <form class="add-product" onSubmit=${submit}>
      <input ref=${input} type="text" maxlength="39" pattern="\\s*[A-Za-z0-9_]{3,39}\\s*" spellcheck=${false} required onInput=${check}
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
