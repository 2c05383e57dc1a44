// The orders view: orders and the private events that follow.
import { html } from "../dom.js";
import { t } from "../i18n.js";

export function Orders() {
  return html`
    <section class="panel orders-panel" aria-labelledby="orders-title">
      <header class="panel-head"><h2 id="orders-title">${t("orders")}</h2></header>
    </section>
  `;
}
