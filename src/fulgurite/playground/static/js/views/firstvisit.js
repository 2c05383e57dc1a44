// One strip that explains the page on a first visit, until it is dismissed.
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { endpointChoice, hello } from "../state.js";
import { keep, recall } from "../storage.js";
import { replay } from "../replay.js";
import { signal } from "../../vendor/signals.js";

const SEEN = /** @type {const} */ (["yes"]);
const seen = signal(recall("seen", SEEN) !== null);

export function FirstVisit() {
  if (seen.value || !hello.value) return null;
  const isEmbedded = hello.value.embedded && endpointChoice.value === "embedded" && replay.value === null;
  return html`
    <aside class="first-visit" aria-label=${t("firstVisit")}>
      <p>${isEmbedded ? t("firstVisitEmbedded") : t("firstVisitLive")} ${t("firstVisitHow")}</p>
      <button type="button" class="action" onClick=${dismiss}>${t("understood")}</button>
    </aside>
  `;
}

function dismiss() {
  seen.value = true;
  keep("seen", "yes");
}

/** Explain the page once more. */
export function explainAgain() {
  seen.value = false;
}
