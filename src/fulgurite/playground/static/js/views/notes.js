// What a user must know, in plain words.
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { FoldButton } from "./fold.js";

const NOTES = /** @type {const} */ ([
  ["noteLostTitle", "noteLost"],
  ["noteMaintenanceTitle", "noteMaintenance"],
  ["noteUnknownTitle", "noteUnknown"],
  ["noteStartTitle", "noteStart"],
  ["noteSecretTitle", "noteSecret"],
  ["noteLimitsTitle", "noteLimits"],
  ["noteDialectsTitle", "noteDialects"],
  ["noteTlsTitle", "noteTls"],
]);

export function Notes() {
  return html`
    <aside class="panel notes-panel" aria-labelledby="notes-title">
      <header class="panel-head">
        <h2 id="notes-title">${t("notes")}</h2>
        <${FoldButton} side="right" />
      </header>
      <div class="notes" tabindex="0">
        ${NOTES.map(([title, text]) => html`<section key=${title}><h3>${t(title)}</h3><p>${t(text)}</p></section>`)}
      </div>
    </aside>
  `;
}
