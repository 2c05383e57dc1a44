// The connection view: its events, newest first, and its figures.
import { shortName } from "../channels.js";
import { html } from "../dom.js";
import { formatClock, formatSpan, formatTime } from "../format.js";
import { events, focusedEvent } from "../happened.js";
import { EVENT_LIMIT, timeOf } from "../history.js";
import { t } from "../i18n.js";
import { eventWords, fetchedText, gapReason, gapText } from "./events.js";
import { Figures } from "./figures.js";
import { useStill } from "./still.js";
import { useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../history.js").EventRow} EventRow */
/** @typedef {import("../history.js").GapRow} GapRow */
/** @typedef {import("../messages.js").Gap} Gap */
/** @typedef {import("../messages.js").Neighbour} Neighbour */

/** Channels of a gap that are shown at once. */
const CHANNELS_SHOWN = 4;
/** Events that are drawn; the older ones on demand. */
const EVENTS_SHOWN = 100;
/** The words for a gap, by its cause. @type {Record<string, "gapWithheld" | "gapRenumbered" | undefined>} */
const EXPLAINED = { withheld: "gapWithheld", renumbered: "gapRenumbered" };

/** The mark of one message: an execution's or a ticker's number. */
const NUMBER = /"(?:id|tick_id)"\s*:\s*(\d+)/;

export function Connection() {
  return html`
    <section class="panel connection-panel" aria-labelledby="events-title">
      <header class="panel-head">
        <h2 id="events-title">${t("events")}</h2>
        <span class="hint">${t("eventsBound", { count: EVENT_LIMIT })}</span>
      </header>
      <div class="connection-body">
        <${Events} />
        <${Figures} />
      </div>
    </section>
  `;
}

function Events() {
  const rows = events.value;
  const focused = focusedEvent.value;
  const [isWhole, setWhole] = useState(false);
  const { hold, still } = useStill();
  const at = rows.findIndex(({ key }) => key === focused);
  const shown = isWhole || (at >= 0 && at < rows.length - EVENTS_SHOWN) ? rows : rows.slice(-EVENTS_SHOWN);
  if (rows.length === 0) return html`<p class="events empty">${t("eventsEmpty")}</p>`;
  return still(() => html`
    <ol class="events" tabindex="0" aria-labelledby="events-title" onPointerDown=${hold}>
      ${shown.toReversed().map((row) => html`<${Event} key=${row.key} row=${row} isFocused=${row.key === focused} />`)}
      ${shown.length < rows.length && html`<li class="event"><button type="button" class="plain"
        onClick=${() => setWhole(true)}>${t("eventsMore", { count: rows.length - shown.length })}</button></li>`}
    </ol>
  `);
}

/** @param {{row: EventRow, isFocused: boolean}} props */
function Event({ row, isFocused }) {
  const item = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    if (!isFocused || !item.current) return;
    item.current.scrollIntoView({ block: "nearest" });
    item.current.focus({ preventScroll: true });
  }, [isFocused]);
  const kind = row.type === "status" ? row.kind : row.type;
  return html`
    <li class="event event-${kind}" data-kind=${kind} ref=${item} tabindex="-1">
      <time>${formatClock(timeOf(row))}</time>
      <div>${row.type === "gap" ? html`<${GapEvent} row=${row} />` : html`<${Plain} row=${row} />`}</div>
    </li>
  `;
}

/** @param {{row: Exclude<EventRow, GapRow>}} props */
function Plain({ row }) {
  const { title, text, meaning } = eventWords(row);
  return html`
    <p><strong>${title}</strong> <span class=${row.type === "status" && row.code !== null ? "reason" : ""}>${text}</span></p>
    ${meaning && html`<p class="hint">${meaning}</p>`}
    ${row.type === "subscribed" && row.answers.length > 1 && html`
      <p class="hint">${row.answers.map(({ channel }) => shortName(channel)).join(", ")}</p>`}
  `;
}

/** A gap by channel. @param {{row: GapRow}} props */
function GapEvent({ row }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? row.gaps : row.gaps.slice(0, CHANNELS_SHOWN);
  return html`
    <p><strong>${t("gap")}</strong> ${gapText(row)} <span class="reason">${gapReason(row)}</span></p>
    <table class="gap-table">
      <caption class="for-readers">${t("gapCaption")}</caption>
      <thead>
        <tr>
          <th scope="col">${t("filterChannel")}</th><th scope="col">${t("gapLast")}</th>
          <th scope="col">${t("gapFirst")}</th><th scope="col" class="number">${t("gapLong")}</th>
          <th scope="col">${t("gapFetched")}</th>
        </tr>
      </thead>
      <tbody>${shown.map((gap) => html`<${GapLine} key=${gap.channel} gap=${gap} />`)}</tbody>
    </table>
    ${shown.length < row.gaps.length && html`<button type="button" class="plain" onClick=${() => setWhole(true)}>
      ${t("gapShowAll", { count: row.gaps.length })}</button>`}
    <p class="hint">${t(EXPLAINED[row.gaps[0]?.cause ?? ""] ?? "gapExplained")}</p>
  `;
}

/** @param {{gap: Gap}} props */
function GapLine({ gap }) {
  const unresolved = gap.unresolved.length;
  return html`
    <tr data-repaired=${gap.repaired}>
      <th scope="row">${shortName(gap.channel)}</th>
      <td><${Beside} message=${gap.last} at_ms=${gap.from_ms} /></td>
      <td><${Beside} message=${gap.first} at_ms=${null} /></td>
      <td class="number">${formatSpan(gap.to_ms - gap.from_ms)}</td>
      <td>${fetchedText(gap)}${unresolved > 0 && html`; ${t("unresolved", { count: unresolved })}`}</td>
    </tr>
  `;
}

/** The message on one side of a gap. @param {{message: Neighbour | null, at_ms: number | null}} props */
function Beside({ message, at_ms }) {
  if (!message) return html`<span class="hint">${at_ms === null ? t("gapNoMessage") : formatTime(at_ms)}</span>`;
  const number = NUMBER.exec(message.text)?.[1];
  return html`<span title=${message.text}>${formatTime(message.at_ms)}${number && html` <small>${number}</small>`}</span>`;
}
