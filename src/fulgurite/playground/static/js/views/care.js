// Advice before a key or the live service is used: a line where it is needed, and all of it in a dialog.
import { openDialog } from "../actions.js";
import { html } from "../dom.js";
import { t } from "../i18n.js";

const POINTS = /** @type {const} */ ([
  "careNotTheirs", "careLive", "careTwoFactor", "careWatched", "careLeast", "careSecret", "careDelete",
]);
const LINKS = /** @type {const} */ ([
  ["careHttpDocs", "https://lightning.bitflyer.com/docs"],
  ["careRealtimeDocs", "https://bf-lightning-api.readme.io/docs/realtime-api"],
  ["careHttpPlayground", "https://lightning.bitflyer.com/docs/playground"],
]);

export function CareLine() {
  return html`
    <p class="care-line">${t("careShort")}
      ${" "}<button type="button" class="plain" aria-haspopup="dialog"
        onClick=${() => openDialog("care")}>${t("careOpen")}</button></p>
  `;
}

export function Care() {
  return html`
    <div class="care">
      <ul>${POINTS.map((point) => html`<li key=${point}>${t(point)}</li>`)}</ul>
      <p>${t("careLinks")}${LINKS.map(([name, address]) => html`
        ${" "}<a key=${name} href=${address} target="_blank" rel="noopener noreferrer">${t(name)}</a>`)}</p>
    </div>
  `;
}
