// The faults view: faults of the embedded exchange, to be pressed.
import { html } from "../dom.js";
import { t } from "../i18n.js";

export function Faults() {
  return html`
    <section class="panel faults-panel" aria-labelledby="faults-title">
      <header class="panel-head"><h2 id="faults-title">${t("faults")}</h2></header>
    </section>
  `;
}
