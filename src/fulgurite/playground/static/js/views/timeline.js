// The strip along the bottom: the last ten minutes, each connection a line, each gap a hole in it.
import { html } from "../dom.js";
import { t } from "../i18n.js";

export function Timeline() {
  return html`<section class="timeline-panel" aria-label=${t("timeline")}></section>`;
}
