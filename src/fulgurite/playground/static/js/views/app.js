// The whole page: header, matrix on the left, one of the views in the middle, the sample on the right, and the strip of
// the last minutes along the bottom. A narrow screen shows one of the three at a time.
import { dismissProblem } from "../actions.js";
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { isFull, leftFolded, link, part, problem, rightFolded, rightWide, view } from "../state.js";
import { Connection } from "./connection.js";
import { Dialogs } from "./dialogs.js";
import { Faults } from "./faults.js";
import { FirstVisit } from "./firstvisit.js";
import { FoldedSide } from "./fold.js";
import { Frames } from "./frames.js";
import { Header } from "./header.js";
import { Market } from "./market.js";
import { Matrix } from "./matrix.js";
import { narrow } from "./narrow.js";
import { Orders } from "./orders.js";
import { RealBanner } from "./realbanner.js";
import { RecordingBar } from "./recordingbar.js";
import { Sample } from "./sample.js";
import { Timeline } from "./timeline.js";
import { ViewTabs } from "./viewtabs.js";

const VIEWS = { market: Market, frames: Frames, connection: Connection, orders: Orders, faults: Faults };

export function App() {
  return html`
    <${Header} />
    <${RealBanner} />
    <${Problem} />
    <${FirstVisit} />
    <${RecordingBar} />
    <main class="columns" id="main">${narrow.value ? html`<${OnePart} />` : html`<${AllParts} />`}</main>
    <${Timeline} />
    <${Dialogs} />
  `;
}

function AllParts() {
  return html`
    <div class="column-left">${leftFolded.value ? html`<${FoldedSide} side="left" />` : html`<${Matrix} />`}</div>
    <div class="column-middle"><${ViewTabs} /><${View} /></div>
    <div class=${rightWide.value ? "column-right wide" : "column-right"}>
      ${rightFolded.value ? html`<${FoldedSide} side="right" />` : html`<${Sample} />`}
    </div>
  `;
}

function OnePart() {
  return html`
    <div class="column-middle">
      <${ViewTabs} />
      ${part.value === "middle"
        ? html`<${View} />`
        : html`<div class="view" role="tabpanel" id="view" aria-labelledby="tab-${part.value}">
            ${part.value === "left" ? html`<${Matrix} />` : html`<${Sample} />`}
          </div>`}
    </div>
  `;
}

function View() {
  return html`
    <div class="view" role="tabpanel" id="view" aria-labelledby="tab-${view.value}"><${VIEWS[view.value]} /></div>
  `;
}

/** The present problem, if there is one. */
function Problem() {
  if (link.value === "lost") {
    return html`<p class="problem" role="alert">${t(isFull.value ? "pageFullText" : "lostHint")}</p>`;
  }
  if (!problem.value) return null;
  return html`
    <p class="problem" role="alert">
      <strong>${t("problem")}.</strong> ${problem.value}
      <button type="button" class="plain" onClick=${dismissProblem}>${t("dismiss")}</button>
    </p>
  `;
}
