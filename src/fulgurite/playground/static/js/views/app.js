// The whole page: header, matrix and connection on the left, views in the middle, notes on the right.
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { link, notesShown, problem } from "../state.js";
import { Events } from "./events.js";
import { Frames } from "./frames.js";
import { Header } from "./header.js";
import { Market } from "./market.js";
import { Matrix } from "./matrix.js";
import { Notes } from "./notes.js";

export function App() {
  const shown = notesShown.value;
  return html`
    <${Header} />
    <${Problem} />
    <main class=${shown ? "columns" : "columns columns-wide"} id="main">
      <div class="column column-left">
        <${Matrix} />
        <${Events} />
      </div>
      <div class="column column-middle">
        <${Market} />
        <${Frames} />
      </div>
      ${shown && html`<${Notes} />`}
    </main>
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
