// Placing an order on the embedded exchange: one order, or a special order of one to three.
import { html } from "../dom.js";
import { decimalsOf } from "../format.js";
import { t } from "../i18n.js";
import { send } from "../orders.js";
import { product, ticker } from "../state.js";
import { useRef } from "../../vendor/preact-hooks.js";
import { effect, signal } from "../../vendor/signals.js";

/** @typedef {"CHILD" | "SIMPLE" | "IFD" | "OCO" | "IFDOCO"} Method */
/** @typedef {"LIMIT" | "MARKET" | "STOP" | "STOP_LIMIT" | "TRAIL"} Condition */
/** @typedef {"price" | "trigger_price" | "offset"} PriceField */
/** @typedef {{side: "BUY" | "SELL", condition: Condition, size: string}} Kind */
/** @typedef {Kind & Record<PriceField, string>} Part */
/** @typedef {Kind & Record<PriceField, string | null>} Given null is near the market */
/** @typedef {{part: number, field: string, text: string}} Trouble part is -1 for the whole order */

/** @type {{id: Method, label: "ordChild" | "", hint: import("../i18n.js").Key, parts: number}[]} */
const METHODS = [
  { id: "CHILD", label: "ordChild", hint: "ordChildHint", parts: 1 },
  { id: "SIMPLE", label: "", hint: "ordSimpleHint", parts: 1 },
  { id: "IFD", label: "", hint: "ordIfdHint", parts: 2 },
  { id: "OCO", label: "", hint: "ordOcoHint", parts: 2 },
  { id: "IFDOCO", label: "", hint: "ordIfdocoHint", parts: 3 },
];
/** @type {Record<Condition, PriceField[]>} the prices of each condition */
const FIELDS = {
  LIMIT: ["price"], MARKET: [], STOP: ["trigger_price"], STOP_LIMIT: ["trigger_price", "price"], TRAIL: ["offset"],
};
const CHILD_CONDITIONS = /** @type {Condition[]} */ (["LIMIT", "MARKET"]);
const CONDITIONS = /** @type {Condition[]} */ (["LIMIT", "MARKET", "STOP", "STOP_LIMIT", "TRAIL"]);
const LABELS = /** @type {const} */ ({ price: "price", trigger_price: "ordTrigger", offset: "ordOffset" });
const conditionsNow = () => (method.value === "CHILD" ? CHILD_CONDITIONS : CONDITIONS);
const FORCES = /** @type {const} */ ([["GTC", "ordGtc"], ["IOC", "ordIoc"], ["FOK", "ordFok"]]);
const NUMBER = /^\d+(\.\d+)?$/;

/** How far from the last price the parts of a special order begin. */
const AWAY = 0.001;

/** @param {"BUY" | "SELL"} side @param {Condition} condition @returns {Given} */
const part = (side, condition) => ({ side, condition, size: "0.01", price: null, trigger_price: null, offset: null });

// Signals, not the state of a component: the latest text is sent, drawn already or not.
const method = signal(/** @type {Method} */ ("CHILD"));
const given = signal([part("BUY", "LIMIT"), part("SELL", "LIMIT"), part("SELL", "STOP")]);
const minutes = signal("43200");
const force = signal("GTC");
const trouble = signal(/** @type {Trouble | null} */ (null));
const isSending = signal(false);

effect(() => {
  if (!product.value) return;
  // A price is one of the product that it was typed for.
  given.value = given.peek().map((each) => ({ ...each, price: null, trigger_price: null, offset: null }));
  trouble.value = null;
});

/** @param {number} index @param {Partial<Given>} change */
function change(index, change) {
  given.value = given.value.map((each, at) => (at === index ? { ...each, ...change } : each));
  trouble.value = null;
}

/** The parts of the order as they stand. @param {import("../messages.js").Ticker | null} seen @returns {Part[]} */
function partsNow(seen) {
  const count = METHODS.find(({ id }) => id === method.value)?.parts ?? 1;
  return given.value.slice(0, count).map((each, index) => withPrices(each, index, seen));
}

/** The body of the request. @param {Part[]} parts */
function bodyOf(parts) {
  const common = { minute_to_expire: Number(minutes.value), time_in_force: force.value };
  const isChild = method.value === "CHILD";
  const rows = parts.map(({ side, condition, size, ...prices }) => ({
    product_code: product.value,
    [isChild ? "child_order_type" : "condition_type"]: condition,
    side,
    size: Number(size),
    ...Object.fromEntries(FIELDS[condition].map((field) => [field, Number(prices[field])])),
  }));
  return isChild ? { ...rows[0], ...common } : { order_method: method.value, ...common, parameters: rows };
}

/** @param {Part[]} parts @returns {Trouble | null} */
function check(parts) {
  for (const [index, each] of parts.entries()) {
    for (const field of /** @type {const} */ (["size", ...FIELDS[each.condition]])) {
      const text = each[field];
      if (!NUMBER.test(text) || Number(text) <= 0) return { part: index, field, text: t("ordNumber") };
    }
  }
  if (/^\d+$/.test(minutes.value) && Number(minutes.value) >= 1 && Number(minutes.value) <= 43_200) return null;
  return { part: -1, field: "minute_to_expire", text: t("ordInteger") };
}

export function Ticket() {
  // A field's first value must not change under one's hands, so it goes by the ticker of one moment.
  const seen = useRef(/** @type {import("../messages.js").Ticker | null} */ (null));
  if (seen.current?.product_code !== product.value) {
    seen.current = ticker.value?.product_code === product.value ? ticker.value : null;
  }
  const parts = partsNow(seen.current);
  const wrong = trouble.value;

  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (isSending.value) return;
    const parts = partsNow(seen.current ?? null);
    trouble.value = check(parts);
    if (trouble.value) return;
    const [first] = parts;
    const isOne = parts.length === 1;
    const type = isOne ? first?.condition : method.value;
    const facts = { product: product.value, type,
      ...(isOne ? { side: first?.side, price: Number(first?.price) || null, size: Number(first?.size) } : {}) };
    isSending.value = true;
    const refusal = await send(method.value === "CHILD" ? "child" : "parent", bodyOf(parts), facts);
    isSending.value = false;
    // Of several parts the exchange does not name the wrong one.
    if (refusal) trouble.value = { part: isOne ? 0 : -1, ...refusal };
    seen.current = null;
  };
  /** @param {string} field */
  const isWhole = (field) => wrong !== null && wrong.part === -1 && wrong.field === field;
  const atField = wrong && (wrong.field === "minute_to_expire" || (wrong.part >= 0
    && parts.some((each) => ["size", ...FIELDS[each.condition]].some((field) => field === wrong.field))));
  return html`
    <form class="ticket" onSubmit=${submit} noValidate aria-label=${t("ordPlace")}>
      <div class="ticket-head">
        <fieldset class="segments">
          <legend class="for-readers">${t("ordMethod")}</legend>
          ${METHODS.map(({ id, label, hint }) => html`
            <label title=${t(hint)} key=${id}>
              <input type="radio" name="order-method" value=${id} checked=${method.value === id}
                onChange=${() => { method.value = id; trouble.value = null; }} />
              <span>${label ? t(label) : id}</span>
            </label>`)}
        </fieldset>
        <span class="hint push">${t(METHODS.find(({ id }) => id === method.value)?.hint ?? "ordChildHint")}</span>
      </div>
      ${parts.map((each, index) => html`
        <${PartRow} key=${index} part=${each} index=${index} many=${parts.length > 1}
          trouble=${wrong?.part === index ? wrong : null} />`)}
      <div class="ticket-row">
        <label class="field"><span>${t("ordForce")}</span>
          <select value=${force.value} onChange=${reads((value) => { force.value = value; })}>
            ${FORCES.map(([id, label]) => html`<option key=${id} value=${id}>${t(label)}</option>`)}
          </select>
        </label>
        <div class="field-place">
          <label class="field field-minutes" title=${t("ordMinutesHint")}><span>${t("ordMinutes")}</span>
            <input type="text" inputmode="numeric" value=${minutes.value}
              onInput=${reads((value) => { minutes.value = value; })}
              aria-invalid=${isWhole("minute_to_expire") ? "true" : "false"} aria-describedby="minutes-problem" />
          </label>
          ${isWhole("minute_to_expire") && html`
            <p class="field-problem" id="minutes-problem" role="alert">${wrong?.text}</p>`}
        </div>
        <button type="submit" class="action primary ticket-send" disabled=${isSending.value}>
          ${isSending.value ? t("ordSending") : html`${t("ordSend")} <span class="ticket-product">${product.value}</span>`}
        </button>
      </div>
      ${wrong && !atField && html`<p class="refusal" role="alert">${wrong.text}</p>`}
      <details class="request">
        <summary>${t("ordRequest")}: POST /v1/me/send${method.value === "CHILD" ? "child" : "parent"}order</summary>
        <pre>${JSON.stringify(bodyOf(parts), null, 1)}</pre>
      </details>
    </form>
  `;
}

/** Prices that the user leaves alone are near the market. @param {Given} part @param {number} index
 * @param {import("../messages.js").Ticker | null} seen @returns {Part} */
function withPrices(part, index, seen) {
  const condition = conditionsNow().includes(part.condition) ? part.condition : "LIMIT";
  const { price, trigger_price: trigger, offset } = part;
  if (!seen) return { ...part, condition, price: price ?? "", trigger_price: trigger ?? "", offset: offset ?? "" };
  const { ltp, best_bid: bid, best_ask: ask } = seen;
  const decimals = decimalsOf([ltp, bid, ask]);
  const text = (/** @type {number} */ value) => value.toFixed(decimals);
  const isBuy = part.side === "BUY";
  const better = text(ltp * (isBuy ? 1 - AWAY : 1 + AWAY));
  const worse = text(ltp * (isBuy ? 1 + AWAY : 1 - AWAY));
  const touch = text(isBuy ? bid : ask);
  return {
    ...part, condition,
    price: price ?? (condition === "STOP_LIMIT" ? worse : index === 0 ? touch : better),
    trigger_price: trigger ?? worse,
    offset: offset ?? text(ltp * AWAY),
  };
}

/** @param {(value: string) => void} set @returns {(event: Event) => void} */
const reads = (set) => ({ currentTarget }) => {
  if (currentTarget instanceof HTMLInputElement || currentTarget instanceof HTMLSelectElement) set(currentTarget.value);
};

/** @param {{part: Part, index: number, many: boolean, trouble: Trouble | null}} props */
function PartRow({ part, index, many, trouble }) {
  /** @param {"size" | PriceField} field @param {import("../i18n.js").Key} label */
  const input = (field, label) => {
    const wrong = trouble?.field === field;
    const id = `problem-${index}-${field}`;
    return html`
      <div class="field-place" key=${field}>
        <label class="field"><span>${t(label)}</span>
          <input type="text" inputmode="decimal" value=${part[field]} data-field=${field} spellcheck=${false}
            aria-invalid=${wrong ? "true" : "false"} aria-describedby=${wrong ? id : undefined}
            onInput=${reads((value) => change(index, { [field]: value }))} />
        </label>
        ${wrong && html`<p class="field-problem" id=${id} role="alert">${trouble?.text}</p>`}
      </div>`;
  };
  return html`
    <div class="ticket-row" role="group" aria-label="${t("ordPlace")} ${index + 1}">
      ${many && html`<span class="part-number" aria-hidden="true">${index + 1}</span>`}
      <fieldset class="segments sides">
        <legend class="for-readers">${t("side")}</legend>
        ${/** @type {const} */ (["BUY", "SELL"]).map((side) => html`
          <label key=${side} class=${side === "BUY" ? "buy" : "sell"}>
            <input type="radio" name="side-${index}" value=${side} checked=${part.side === side}
              onChange=${() => change(index, { side })} />
            <span>${t(side === "BUY" ? "ordBuy" : "ordSell")}</span>
          </label>`)}
      </fieldset>
      <label class="field"><span class="for-readers">${t("ordCondition")}</span>
        <select value=${part.condition}
          onChange=${reads((value) => change(index, { condition: /** @type {Condition} */ (value) }))}>
          ${conditionsNow().map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
        </select>
      </label>
      ${input("size", "size")}
      ${FIELDS[part.condition].map((field) => input(field, LABELS[field]))}
    </div>
  `;
}
