// The tabs above the middle: which view of the stream is shown.
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { view } from "../state.js";

/** @typedef {import("../state.js").ViewName} ViewName */

const VIEWS = /** @type {const} */ ([
  ["market", "market"], ["frames", "frames"], ["connection", "connection"], ["orders", "orders"], ["faults", "faults"],
]);

export function ViewTabs() {
  return html`
    <div class="tabs view-tabs" role="tablist" aria-label=${t("views")}>
      ${VIEWS.map(([id, label]) => html`
        <button type="button" role="tab" key=${id} data-view=${id} aria-controls="view"
          aria-selected=${view.value === id ? "true" : "false"}
          onClick=${() => { view.value = id; }}>${t(label)}</button>`)}
    </div>
  `;
}
