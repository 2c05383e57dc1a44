// The facts that a user must know, in plain words.
import { html } from "../dom.js";
import { t } from "../i18n.js";

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
    <div class="notes" tabindex="0" aria-label=${t("notes")}>
      ${NOTES.map(([title, text]) => html`<section key=${title}><h3>${t(title)}</h3><p>${t(text)}</p></section>`)}
      <section>
        <h3>${t("noteToolsTitle")}</h3>
        <p>${t("noteTools")}</p>
        <p>
          <${Description} path="/asyncapi.json" name="AsyncAPI 3" />${" · "}
          <${Description} path="/openapi.json" name="OpenAPI 3.1" />
        </p>
      </section>
    </div>
  `;
}

/** @param {{path: string, name: string}} props */
function Description({ path, name }) {
  return html`<a class="notes-link" href=${path} target="_blank" rel="noopener noreferrer">${name}</a>`;
}
