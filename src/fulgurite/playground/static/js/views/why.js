// Why the market view has nothing to show, or nothing new, and the remedy.
import { subscribe } from "../actions.js";
import { channelsOf } from "../channels.js";
import { connect } from "../connecting.js";
import { html } from "../dom.js";
import { endpointWords, FAILURES } from "./events.js";
import { t } from "../i18n.js";
import { replay } from "../replay.js";
import * as state from "../state.js";

/** @typedef {{key: import("../i18n.js").Key, action?: {words: import("../i18n.js").Key, run: () => void}}} Why */

const REASONS = /** @type {Record<string, import("../i18n.js").Key>} */ ({
  ...FAILURES, closed: "whyClosed", maintenance: "whyMaintenance", key_refused: "whyKeyRefused",
  channel_refused: "whyChannelRefused",
});

/** @returns {Why | null} null where the product in view is flowing, or where it is a recording */
function why() {
  const product = state.product.value;
  if (replay.value || state.link.value !== "open") return null;
  const connecting = state.connection.value;
  const again = { words: /** @type {const} */ ("whyConnect"), run: connect };
  switch (connecting?.state) {
    case "open": break;
    case "connecting": return { key: REASONS[connecting.why] ?? "whyConnecting" };
    case "backing_off": return { key: REASONS[connecting.why] ?? "whyClosed" };
    case "failed": return { key: REASONS[connecting.why] ?? "whyFailed", action: again };
    default: return { key: "whyNotConnected", action: again };
  }
  const wanted = channelsOf(product).filter((channel) => state.wanted.value.has(channel));
  if (wanted.length === 0) {
    const all = { words: /** @type {const} */ ("whySubscribe"), run: () => subscribe(channelsOf(product)) };
    return { key: "whyUnsubscribed", action: all };
  }
  const names = wanted.map((channel) => state.channels.value.get(channel)?.state ?? "asked");
  if (names.includes("receiving")) return null;
  if (names.includes("acknowledged")) return { key: "whyNothingYet" };
  return { key: names.every((name) => name === "refused") ? "whyAllRefused" : "whyAsked" };
}

/** A line of the market view, where there is something to be said. */
export function Why() {
  const found = why();
  if (!found) return null;
  const { key, action } = found;
  const { endpoint = "", code = null, detail = "", retry_at_ms: retryMs = null } = state.connection.value ?? {};
  const values = { endpoint: endpointWords(endpoint), product: state.product.value, code: code ?? t("whyNoCode"), detail };
  return html`
    <p class="note why" role="status" data-why=${key}>${t(key, values)}${retryMs !== null && html`${" "}<${Retry} at=${retryMs} />`}
      ${action && html`${" "}<button type="button" class="action" onClick=${action.run}>${t(action.words)}</button>`}</p>
  `;
}

/** @param {{at: number}} props when the next attempt is due */
function Retry({ at }) {
  const seconds = Math.max(0, Math.ceil((at - state.now.value) / 1000));
  return html`<span aria-hidden="true">${t("whyRetry", { seconds })}</span>`;
}
