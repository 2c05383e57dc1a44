// What happened to the connection: opens, closes, refusals, gaps. Newest first.
import { shortName } from "../channels.js";
import { html } from "../dom.js";
import { formatClock, formatSpan } from "../format.js";
import { t } from "../i18n.js";
import { events } from "../state.js";

/** @typedef {import("../framelog.js").GapRow} GapRow */

const WORDS = /** @type {const} */ ({
  connecting: "evConnecting", open: "evOpen", closed: "evClosed", unreachable: "evUnreachable",
  backing_off: "evBackingOff", failed: "evFailed", disconnected: "evDisconnected", refused: "evRefused",
  silent: "evSilent", dead: "evDead",
});
const REPAIRED = /** @type {const} */ ({ none: "repairedNone", partial: "repairedPartial", full: "repairedFull" });

/** @param {string} kind @returns {string} a status in words */
export const statusText = (kind) => (kind in WORDS ? t(WORDS[/** @type {keyof typeof WORDS} */ (kind)]) : kind);

/** @param {GapRow} gap @returns {string} what was missed, in words */
export function gapText(gap) {
  const first = shortName(gap.channels[0] ?? "");
  const count = gap.channels.length - 1;
  const channels = count ? t("gapMore", { channel: first, count }) : first;
  return t("gapText", { span: formatSpan(gap.to_ms - gap.from_ms), channels });
}

/** @param {GapRow} gap @returns {string} why, and whether it was repaired */
export function gapDetail(gap) {
  const { repaired } = gap;
  const words = repaired in REPAIRED ? t(REPAIRED[/** @type {keyof typeof REPAIRED} */ (repaired)]) : repaired;
  return `${gap.reason}; ${words}`;
}

export function Events() {
  const rows = events.value;
  return html`
    <section class="panel events-panel" aria-labelledby="events-title">
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
