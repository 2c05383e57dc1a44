// The account's orders and money, as the private channels and the private HTTP API tell of them.
import { effect } from "../vendor/signals.js";
import { auth, credentials, funds, orders } from "./account.js";
import { privately } from "./ask.js";
import { isPrivate } from "./channels.js";
import * as lives from "./orderlives.js";
import { replay } from "./replay.js";
import { endpointChoice, endpointProducts, hello, product } from "./state.js";

/** Orders can be sent to the embedded exchange alone, by a key that this page has. */
export const canTrade = () => endpointChoice.value === "embedded" && hello.value?.is_owned === true
  && replay.value === null
  && credentials.value !== null && credentials.value.kind !== "stored";

/** So long after an event the balances are looked at: several come together. */
const FUNDS_AFTER_MS = 300;
let fundsTimer = 0;

// Another account has other orders.
effect(() => {
  void credentials.value;
  orders.value = new Map();
  funds.value = null;
});
// Orders that were open before the subscription are in the lists alone.
effect(() => {
  if (auth.value.state === "authenticated" && canTrade()) {
    void listOpen(endpointProducts.peek());
    askFunds();
  }
});

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  gap(message) {
    if (isPrivate(message.channel)) orders.value = lives.takeGap(orders.value, message);
  },
  orderevents(message) {
    orders.value = lives.takeEvents(orders.value, message);
    askFunds();
  },
};

/** Forget the orders that have ended. */
export const clearEnded = () => { orders.value = lives.withoutEnded(orders.value); };

/**
 * The exchange's refusal of a request.
 * @typedef {{field: string, text: string}} Refusal field is "" where none is named
 */

/** @param {import("./messages.js").Answer} answer @returns {Refusal | null} */
export function refusalOf({ status, body }) {
  if (status === 200) return null;
  /** @type {{status?: number, error_message?: string}} */
  let told = {};
  try {
    told = JSON.parse(body);
  } catch {
    return { field: "", text: body || "-" };
  }
  const text = told.error_message ?? body;
  // "Invalid size: must be a number from 0.001 to 100000", "The minimum order size is 0.01 BTC."
  const field = /^Invalid (\w+): /.exec(text)?.[1] ?? (told.status === -110 ? "size" : told.status === -106 ? "price" : "");
  return { field, text: `${text} (${told.status})` };
}

/**
 * Send an order.
 * @param {"child" | "parent"} kind
 * @param {Record<string, unknown>} body
 * @param {Partial<lives.Life>} facts to show until its events come
 * @returns {Promise<Refusal | null>}
 */
export async function send(kind, body, facts) {
  const answer = await privately("POST", `send${kind}order`, body);
  const refusal = refusalOf(answer);
  if (refusal) return refusal;
  const id = JSON.parse(answer.body)[`${kind}_order_acceptance_id`];
  orders.value = lives.told(orders.value, id, kind, facts, "ACCEPTED", answer.at_ms);
  return null;
}

/** @param {lives.Life} order @returns {Promise<Refusal | null>} */
export async function cancel({ id, kind, product: code }) {
  const body = { product_code: code, [`${kind}_order_acceptance_id`]: id };
  return refusalOf(await privately("POST", `cancel${kind}order`, body));
}

/** @param {string[]} products */
async function listOpen(products) {
  for (const kind of /** @type {const} */ (["child", "parent"])) {
    for (const code of products) {
      const answer = await privately("GET", `get${kind}orders?product_code=${code}&${kind}_order_state=ACTIVE`);
      if (answer.status !== 200) return;
      for (const row of JSON.parse(answer.body).toReversed()) {
        const outstanding = row.outstanding_size ?? row.size;
        orders.value = lives.told(orders.value, row[`${kind}_order_acceptance_id`], kind, {
          product: code, type: row[`${kind}_order_type`], side: row.side, price: row.price || null, size: row.size,
          outstanding, state: "active",
        }, "LISTED", answer.at_ms);
      }
    }
  }
}

function askFunds() {
  if (fundsTimer || !canTrade()) return;
  fundsTimer = setTimeout(async () => {
    fundsTimer = 0;
    const [balances, collateral, positions] = await Promise.all([
      privately("GET", "getbalance"), privately("GET", "getcollateral"),
      privately("GET", `getpositions?product_code=${product.peek()}`),
    ]);
    if ([balances, collateral, positions].some(({ status }) => status !== 200)) return;
    funds.value = {
      balances: JSON.parse(balances.body), collateral: JSON.parse(collateral.body), positions: JSON.parse(positions.body),
    };
  }, FUNDS_AFTER_MS);
}
