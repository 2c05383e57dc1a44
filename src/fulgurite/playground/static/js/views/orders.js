// The orders view: the credentials, placing orders on the embedded exchange, and the life of each order.
import { auth, credentials, funds, orders } from "../account.js";
import { subscribe } from "../actions.js";
import { PRIVATE } from "../channels.js";
import { html } from "../dom.js";
import { formatPrice, formatSize } from "../format.js";
import { oldChannel } from "../freshness.js";
import { t } from "../i18n.js";
import { isOpen, LIFE_LIMIT, withoutEnded } from "../orderlives.js";
import { canTrade, cancel, clearEnded } from "../orders.js";
import { endpointChoice, isConnected, product, wanted } from "../state.js";
import { replay } from "../replay.js";
import { Age } from "./age.js";
import { Credentials } from "./credentials.js";
import { Lifeline, Mark } from "./lifeline.js";
import { useStill } from "./still.js";
import { Ticket } from "./ticket.js";
import { useWidth } from "./usesize.js";
import { useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../orderlives.js").Life} Life */

export function Orders() {
  return html`
    <section class="panel orders-panel" aria-labelledby="orders-title">
      <header class="panel-head orders-head">
        <h2 id="orders-title">${credentials.value ? t("orders") : t("credTitle")}</h2>
        ${orders.value.size > 0 && html`<${Age} of=${() => oldChannel("child_order_events")} />`}
        ${canTrade() && html`<${Funds} />`}
      </header>
      <div class="orders-body">
        <${Credentials} />
        ${canTrade() ? html`<${Ticket} />` : html`<${OnlyListens} />`}
        ${credentials.value && html`<${Lives} />`}
      </div>
    </section>
  `;
}

function OnlyListens() {
  if (replay.value) return html`<p class="note">${t("ordOfReplay")}</p>`;
  if (endpointChoice.value !== "embedded") return html`<p class="note">${t("ordLiveOnly")}</p>`;
  return credentials.value?.kind === "stored" ? html`<p class="note">${t("ordStoredOnly")}</p>` : null;
}

/** @param {number} value */
const signed = (value) => `${value > 0 ? "+" : ""}${value.toLocaleString("en-US")}`;

function Funds() {
  const known = funds.value;
  if (!known) return null;
  const { balances, collateral, positions } = known;
  // JPY, and the currency of the product in view.
  const shown = balances.filter(({ currency_code: code }) => code === "JPY" || product.value.split("_").includes(code));
  const size = positions.reduce((sum, each) => sum + (each.side === "BUY" ? each.size : -each.size), 0);
  return html`
    <dl class="funds" aria-label=${t("ordFunds")}>
      ${shown.map(({ currency_code: code, amount }) => html`
        <div key=${code}><dt>${code}</dt><dd>${code === "JPY" ? formatPrice(amount, 0) : formatSize(amount)}</dd></div>`)}
      <div><dt>${t("ordCollateral")}</dt><dd>${formatPrice(collateral.collateral, 0)}</dd></div>
      ${positions.length > 0 && html`
        <div><dt>${t("ordPosition")}</dt><dd>${signed(Number(size.toFixed(8)))}</dd></div>
        <div><dt>${t("ordPnl")}</dt><dd>${signed(Math.round(collateral.open_position_pnl))}</dd></div>`}
    </dl>
  `;
}

/** Below this width a line stands under its order; css/orders.css has the rest of its layout. */
const NARROW = 560;
const PADDING = 24;
const BESIDE = 150 + 84 + 2 * 8;

function Lives() {
  const all = [...orders.value.values()];
  const rows = inOrder(all);
  const isNoneToClear = withoutEnded(orders.value).size === all.length;
  const count = LIFE_LIMIT;
  const { ref, width } = useWidth();
  const narrow = width < NARROW;
  const room = width - (narrow ? PADDING : PADDING + BESIDE);
  const isOff = isConnected.value && PRIVATE.some((channel) => !wanted.value.has(channel));
  const { hold, still } = useStill();
  return still(() => html`
    <section class="lives" ref=${ref} aria-labelledby="lives-title" onPointerDown=${hold}>
      <header class="sub-head">
        <h3 id="lives-title">${t("ordLives")}</h3>
        <span class="hint">${t("ordLivesBound", { count })}</span>
        <button type="button" class="plain" disabled=${isNoneToClear} onClick=${clearEnded}>${t("ordClear")}</button>
      </header>
      ${isOff && html`
        <p class="note note-warn">${t("ordOff")}
          <button type="button" class="action" onClick=${() => subscribe([...PRIVATE])}>${t("subscribeThese")}</button></p>`}
      ${rows.length === 0
        ? html`<p class="empty">${auth.value.state === "refused" ? "" : canTrade() ? t("ordNone") : t("ordNoneLive")}</p>`
        : html`
          <ul class=${narrow ? "life-list life-list-narrow" : "life-list"} aria-labelledby="lives-title">
            ${rows.map(([life, depth]) => html`
              <${LifeRow} key=${life.id} life=${life} depth=${depth} room=${room} />`)}
          </ul>
          <${Legend} />`}
    </section>
  `);
}

/** Open orders first, then the newest; the parts of a special order stand under it. @param {Life[]} lives
 * @returns {[Life, number][]} */
function inOrder(lives) {
  const known = new Set(lives.map(({ id }) => id));
  const tops = lives.filter(({ parent }) => !known.has(parent)).toReversed();
  const sorted = [...tops.filter(isOpen), ...tops.filter((life) => !isOpen(life))];
  return sorted.flatMap((life) => [
    /** @type {[Life, number]} */ ([life, 0]),
    ...lives.filter(({ parent }) => parent === life.id).map((part) => /** @type {[Life, number]} */ ([part, 1])),
  ]);
}

const STATES = /** @type {const} */ ({
  accepted: "stAccepted", active: "stActive", completed: "stCompleted", canceled: "stCanceled", expired: "stExpired",
  rejected: "stRejected", unknown: "stUnknown",
});

/** @param {{life: Life, depth: number, room: number}} props */
function LifeRow({ life, depth, room }) {
  const side = life.side === "BUY" ? "buy" : life.side === "SELL" ? "sell" : "";
  const rest = life.outstanding !== null && life.size !== null && life.outstanding !== life.size && isOpen(life);
  return html`
    <li class="life ${depth ? "life-part" : ""}" data-order=${life.id} data-state=${life.state}>
      <div class="life-what" title=${life.id}>
        <p>
          ${depth > 0 && html`<span class="hint">${life.part} </span>`}
          ${side && html`<strong class=${side}><span aria-hidden="true">${side === "buy" ? "▲" : "▼"}</span>
            ${t(side === "buy" ? "ordBuy" : "ordSell")}</strong> `}
          <span class="life-type">${life.type}</span>
          ${depth === 0 && html`<span class="hint life-type"> ${life.product}</span>`}
        </p>
        <p class="hint">
          ${life.size !== null && `${rest ? `${formatSize(life.outstanding ?? 0)} / ` : ""}${formatSize(life.size)}`}
          ${life.price ? ` @ ${formatPrice(life.price)}` : ""}
        </p>
      </div>
      <${Lifeline} life=${life} room=${room} />
      <div class="life-end">
        <span class="badge state-${life.state}">${t(STATES[life.state])}</span>
        ${isOpen(life) && canTrade() && html`<${Cancel} life=${life} />`}
      </div>
    </li>
  `;
}

/** @param {{life: Life}} props */
function Cancel({ life }) {
  const [said, setSaid] = useState("");
  const press = async () => {
    setSaid(t("ordCancelAsked"));
    setSaid((await cancel(life))?.text ?? t("ordCancelAsked"));
  };
  return html`<button type="button" class="plain" title=${said} aria-label=${t("ordCancelOf", { id: life.id })}
    onClick=${press}>${said || t("ordCancel")}</button>`;
}

function Legend() {
  const marks = /** @type {const} */ ([["ORDER", "mvLegendEvent", ""], ["ORDER", "mvLegendReconciled", "is-reconciled"],
    ["GAP", "mvLegendGap", ""]]);
  return html`
    <p class="life-legend hint">
      ${marks.map(([type, key, style]) => html`
        <span key=${key}><svg width="28" height="38" aria-hidden="true" viewBox="0 0 28 38">
          <g class="moment moment-${type.toLowerCase()} ${style}"><${Mark} moment=${{ type }} x=${14} /></g></svg>
          ${t(key)}</span>`)}
      <span>${t("mvLegendWidth")}</span>
    </p>
  `;
}
