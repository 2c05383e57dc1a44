// The whole page: header, matrix on the left, one of the views in the middle, the sample on the right, and the strip of
// the last minutes along the bottom.
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { link, notesShown, problem, view } from "../state.js";
import { Connection } from "./connection.js";
import { Faults } from "./faults.js";
import { Frames } from "./frames.js";
import { Header } from "./header.js";
import { Market } from "./market.js";
import { Matrix } from "./matrix.js";
import { Orders } from "./orders.js";
import { Sample } from "./sample.js";
import { Timeline } from "./timeline.js";
import { ViewTabs } from "./viewtabs.js";

const VIEWS = { market: Market, frames: Frames, connection: Connection, orders: Orders, faults: Faults };

export function App() {
  const shown = notesShown.value;
  return html`
    <${Header} />
    <${Problem} />
    <main class=${shown ? "columns" : "columns columns-wide"} id="main">
      <div class="column column-left"><${Matrix} /></div>
      <div class="column column-middle">
        <${ViewTabs} />
        <${VIEWS[view.value]} />
      </div>
      ${shown && html`<${Sample} />`}
    </main>
    <${Timeline} />
  `;
}

/** What stands in the way, if anything does. */
function Problem() {
  if (link.value === "lost") return html`<p class="problem" role="alert">${t("lostHint")}</p>`;
  if (!problem.value) return null;
  return html`
    <p class="problem" role="alert">
      <strong>${t("problem")}.</strong> ${problem.value}
      <button type="button" class="plain" onClick=${() => { problem.value = ""; }}>${t("dismiss")}</button>
    </p>
  `;
}
