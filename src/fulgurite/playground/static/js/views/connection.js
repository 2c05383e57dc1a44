// The connection view: what happened to it: opens, closes, refusals, gaps. Newest first.
import { shortName } from "../channels.js";
import { html } from "../dom.js";
import { formatClock } from "../format.js";
import { t } from "../i18n.js";
import { events } from "../state.js";
import { gapDetail, gapText, statusText } from "./events.js";

export function Connection() {
  const rows = events.value;
  return html`
    <section class="panel connection-panel" aria-labelledby="events-title">
      <header class="panel-head"><h2 id="events-title">${t("events")}</h2></header>
      ${rows.length === 0
        ? html`<p class="empty">${t("eventsEmpty")}</p>`
        : html`<ol class="events" tabindex="0" aria-labelledby="events-title">
            ${rows.toReversed().map((row) => html`<${EventRow} row=${row} />`)}
          </ol>`}
    </section>
  `;
}

/** @param {{row: import("../state.js").EventRow}} props */
function EventRow({ row }) {
  if (row.type === "gap") {
    return html`
      <li class="event event-gap" title=${`${row.channels.join("\n")}\n${t("gapWhy")}`}>
        <time>${formatClock(row.to_ms)}</time>
        <span><strong>${t("gap")}</strong> ${gapText(row)} <span class="hint">${gapDetail(row)}</span></span>
      </li>`;
  }
  return html`
    <li class="event event-${row.kind}">
      <time>${formatClock(row.at_ms)}</time>
      <span>
        <strong>${statusText(row.kind)}</strong>
        ${row.channel && html` ${shortName(row.channel)}`}
        ${row.detail && html` <span class="hint">${row.detail}</span>`}
      </span>
    </li>
  `;
}
