// Placing an order on the embedded exchange: one order, or a special order of one to three.
import { html } from "../dom.js";
import { decimalsOf } from "../format.js";
import { t } from "../i18n.js";
import { send } from "../orders.js";
import { product, ticker } from "../state.js";
import { useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {"CHILD" | "SIMPLE" | "IFD" | "OCO" | "IFDOCO"} Method */
/** @typedef {"LIMIT" | "MARKET" | "STOP" | "STOP_LIMIT" | "TRAIL"} Condition */
/** @typedef {"price" | "trigger_price" | "offset"} PriceField */
/** @typedef {{side: "BUY" | "SELL", condition: Condition, size: string} & Record<PriceField, string>} Part */
/** @typedef {{part: number, field: string, text: string}} Trouble part is -1 for the whole order */

/** @type {{id: Method, label: "ordChild" | "", hint: import("../i18n.js").Key, parts: number}[]} */
const METHODS = [
  { id: "CHILD", label: "ordChild", hint: "ordChildHint", parts: 1 },
  { id: "SIMPLE", label: "", hint: "ordSimpleHint", parts: 1 },
  { id: "IFD", label: "", hint: "ordIfdHint", parts: 2 },
  { id: "OCO", label: "", hint: "ordOcoHint", parts: 2 },
  { id: "IFDOCO", label: "", hint: "ordIfdocoHint", parts: 3 },
];
/** @type {Record<Condition, PriceField[]>} what each condition needs */
const FIELDS = {
  LIMIT: ["price"], MARKET: [], STOP: ["trigger_price"], STOP_LIMIT: ["trigger_price", "price"], TRAIL: ["offset"],
};
const CHILD_CONDITIONS = /** @type {Condition[]} */ (["LIMIT", "MARKET"]);
const CONDITIONS = /** @type {Condition[]} */ (["LIMIT", "MARKET", "STOP", "STOP_LIMIT", "TRAIL"]);
const LABELS = /** @type {const} */ ({ price: "ordPrice", trigger_price: "ordTrigger", offset: "ordOffset" });
const FORCES = /** @type {const} */ ([["GTC", "ordGtc"], ["IOC", "ordIoc"], ["FOK", "ordFok"]]);
const NUMBER = /^\d+(\.\d+)?$/;

/** How far from the last price the parts of a special order begin. */
const AWAY = 0.001;

/** @param {"BUY" | "SELL"} side @param {Condition} condition @returns {Part} */
const part = (side, condition) => ({ side, condition, size: "0.01", price: "", trigger_price: "", offset: "" });
const FIRST = [part("BUY", "LIMIT"), part("SELL", "LIMIT"), part("SELL", "STOP")];

/**
 * The body of the request.
 * @param {Method} method
 * @param {Part[]} parts
 * @param {string} code
 * @param {string} minutes
 * @param {string} force
 */
function bodyOf(method, parts, code, minutes, force) {
  const common = { minute_to_expire: Number(minutes), time_in_force: force };
  const rows = parts.map(({ side, condition, size, ...prices }) => ({
    product_code: code,
    [method === "CHILD" ? "child_order_type" : "condition_type"]: condition,
    side,
    size: Number(size),
    ...Object.fromEntries(FIELDS[condition].map((field) => [field, Number(prices[field])])),
  }));
  return method === "CHILD" ? { ...rows[0], ...common } : { order_method: method, ...common, parameters: rows };
}

/** @param {Part[]} parts @param {string} minutes @returns {Trouble | null} */
function check(parts, minutes) {
  for (const [index, each] of parts.entries()) {
    for (const field of /** @type {const} */ (["size", ...FIELDS[each.condition]])) {
      const text = each[field];
      if (!NUMBER.test(text) || Number(text) <= 0) return { part: index, field, text: t("ordNumber") };
    }
  }
  if (/^\d+$/.test(minutes) && Number(minutes) >= 1 && Number(minutes) <= 43_200) return null;
  return { part: -1, field: "minute_to_expire", text: t("ordInteger") };
}

export function Ticket() {
  const [method, setMethod] = useState(/** @type {Method} */ ("CHILD"));
  const [given, setGiven] = useState(FIRST);
  const [minutes, setMinutes] = useState("43200");
  const [force, setForce] = useState("GTC");
  const [trouble, setTrouble] = useState(/** @type {Trouble | null} */ (null));
  const [sending, setSending] = useState(false);
  // What a field begins with must not change under one's hands, so it goes by the ticker of one moment.
  const seen = useRef(/** @type {import("../messages.js").Ticker | null} */ (null));
  if (seen.current?.product_code !== product.value) {
    seen.current = ticker.value?.product_code === product.value ? ticker.value : null;
  }
  const count = METHODS.find(({ id }) => id === method)?.parts ?? 1;
  const conditions = method === "CHILD" ? CHILD_CONDITIONS : CONDITIONS;
  const parts = given.slice(0, count).map((each, index) => withPrices(each, index, conditions, seen.current));

  /** @param {number} index @param {Partial<Part>} change */
  const change = (index, change) => {
    setGiven(given.map((each, at) => (at === index ? { ...each, ...change } : each)));
    setTrouble(null);
  };
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    const wrong = check(parts, minutes);
    setTrouble(wrong);
    if (wrong) return;
    const [first] = parts;
    const facts = { product: product.value, type: method === "CHILD" || method === "SIMPLE" ? first?.condition : method,
      ...(count === 1 ? { side: first?.side, price: Number(first?.price) || null, size: Number(first?.size) } : {}) };
    setSending(true);
    const body = bodyOf(method, parts, product.value, minutes, force);
    const refusal = await send(method === "CHILD" ? "child" : "parent", body, facts);
    setSending(false);
    // Of several parts the exchange does not say which one is wrong.
    if (refusal) setTrouble({ part: count === 1 ? 0 : -1, ...refusal });
    seen.current = null;
  };
  /** @param {string} field */
  const isWhole = (field) => trouble !== null && trouble.part === -1 && trouble.field === field;
  const atField = trouble && (trouble.field === "minute_to_expire" || (trouble.part >= 0
    && parts.some((each) => ["size", ...FIELDS[each.condition]].some((field) => field === trouble.field))));
  return html`
    <form class="ticket" onSubmit=${submit} noValidate aria-label=${t("ordPlace")}>
      <div class="ticket-head">
        <fieldset class="segments">
          <legend class="for-readers">${t("ordMethod")}</legend>
          ${METHODS.map(({ id, label, hint }) => html`
            <label title=${t(hint)} key=${id}>
              <input type="radio" name="order-method" value=${id} checked=${method === id}
                onChange=${() => { setMethod(id); setTrouble(null); }} />
              <span>${label ? t(label) : id}</span>
            </label>`)}
        </fieldset>
        <span class="hint push">${t(METHODS.find(({ id }) => id === method)?.hint ?? "ordChildHint")}</span>
      </div>
      ${parts.map((each, index) => html`
        <${PartRow} key=${index} part=${each} index=${index} many=${count > 1} conditions=${conditions}
          trouble=${trouble?.part === index ? trouble : null} change=${change} />`)}
      <div class="ticket-row">
        <label class="field"><span>${t("ordForce")}</span>
          <select value=${force} onChange=${reads(setForce)}>
            ${FORCES.map(([id, label]) => html`<option key=${id} value=${id}>${t(label)}</option>`)}
          </select>
        </label>
        <div class="field-place">
          <label class="field field-minutes" title=${t("ordMinutesHint")}><span>${t("ordMinutes")}</span>
            <input type="text" inputmode="numeric" value=${minutes} onInput=${reads(setMinutes)}
              aria-invalid=${isWhole("minute_to_expire") ? "true" : "false"} aria-describedby="minutes-problem" />
          </label>
          ${isWhole("minute_to_expire") && html`
            <p class="field-problem" id="minutes-problem" role="alert">${trouble?.text}</p>`}
        </div>
        <button type="submit" class="action primary ticket-send" disabled=${sending}>
          ${sending ? t("ordSending") : html`${t("ordSend")} <span class="ticket-product">${product.value}</span>`}
        </button>
      </div>
      ${trouble && !atField && html`<p class="refusal" role="alert">${trouble.text}</p>`}
      <details class="request">
        <summary>${t("ordRequest")}: POST /v1/me/send${method === "CHILD" ? "child" : "parent"}order</summary>
        <pre>${JSON.stringify(bodyOf(method, parts, product.value, minutes, force), null, 1)}</pre>
      </details>
    </form>
  `;
}

/** What a user leaves empty is near the market. @param {Part} part @param {number} index @param {Condition[]} conditions
 * @param {import("../messages.js").Ticker | null} seen @returns {Part} */
function withPrices(part, index, conditions, seen) {
  const condition = conditions.includes(part.condition) ? part.condition : "LIMIT";
  if (!seen) return { ...part, condition };
  const { ltp, best_bid: bid, best_ask: ask } = seen;
  const decimals = decimalsOf([ltp, bid, ask]);
  const text = (/** @type {number} */ value) => value.toFixed(decimals);
  const isBuy = part.side === "BUY";
  const better = text(ltp * (isBuy ? 1 - AWAY : 1 + AWAY));
  const worse = text(ltp * (isBuy ? 1 + AWAY : 1 - AWAY));
  const touch = text(isBuy ? bid : ask);
  return {
    ...part, condition,
    price: part.price || (condition === "STOP_LIMIT" ? worse : index === 0 ? touch : better),
    trigger_price: part.trigger_price || worse,
    offset: part.offset || text(ltp * AWAY),
  };
}

/** @param {(value: string) => void} set @returns {(event: Event) => void} */
const reads = (set) => ({ currentTarget }) => {
  if (currentTarget instanceof HTMLInputElement || currentTarget instanceof HTMLSelectElement) set(currentTarget.value);
};

/** @param {{part: Part, index: number, many: boolean, conditions: Condition[], trouble: Trouble | null,
 *   change: (index: number, change: Partial<Part>) => void}} props */
function PartRow({ part, index, many, conditions, trouble, change }) {
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
        <legend class="for-readers">${t("ordSide")}</legend>
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
          ${conditions.map((each) => html`<option key=${each} value=${each}>${each}</option>`)}
        </select>
      </label>
      ${input("size", "ordSize")}
      ${FIELDS[part.condition].map((field) => input(field, LABELS[field]))}
    </div>
  `;
}
