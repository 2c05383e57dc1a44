// The strip along the bottom: the last ten minutes, each connection a line, each gap a box on it. It is drawn once a
// second, and when something happens.
import { showEvent } from "../actions.js";
import { html } from "../dom.js";
import { formatClock, formatSpan } from "../format.js";
import { second } from "../freshness.js";
import { events, knownLanes, lanes, notice } from "../happened.js";
import { mendedShare, STRIP_MS, timeOf } from "../history.js";
import { t } from "../i18n.js";
import { eventWords } from "./events.js";
import { Notice } from "./notice.js";
import { useStill } from "./still.js";
import { useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../history.js").EventRow} EventRow */
/** @typedef {import("../history.js").GapRow} GapRow */
/** @typedef {import("../history.js").Span} Span */
/** @typedef {{at: number, title: string, text: string}} Tip */

const MINUTE_MS = 60_000;
const MINUTES = STRIP_MS / MINUTE_MS;
/** Labels need so much of the strip's width, in percent. */
const LABEL_WIDTH = 9;
/** Events without a mark of their own: the line shows them. */
const UNMARKED = new Set(["subscribed", "unsubscribed", "authenticated", "unanswered"]);
const LANE_WORDS = /** @type {const} */ ({
  connecting: "laneConnecting", open: "laneOpen", waiting: "laneWaiting", off: "laneOff", unknown: "laneUnknown",
});
const MARKS = /** @type {Record<string, string>} */ ({
  open: "●", closed: "✕", unreachable: "✕", failed: "✕", disconnected: "■", refused: "!", silent: "!", dead: "!",
  overslept: "↻", page: "↻",
});

export function Timeline() {
  const [tip, setTip] = useState(/** @type {Tip | null} */ (null));
  const end = second.value;
  /** @param {number} ms @returns {number} how far to the right, in percent */
  const place = (ms) => Math.min(100, Math.max(0, 100 - ((end - ms) / STRIP_MS) * 100));
  const rows = events.value.filter((row) => !UNMARKED.has(kindOf(row)) && timeOf(row) > end - STRIP_MS);
  return html`
    <section class="timeline-panel" aria-label=${t("timeline")}>
      <${Notice} row=${notice.value} />
      <${Label} rows=${rows} />
      <div class="strip">
        <${Labels} rows=${rows} place=${place} />
        <div class="strip-lanes">
          ${[...knownLanes()].map(([number, spans]) => html`
            <${Lane} key=${number} number=${number} spans=${spans} place=${place} setTip=${setTip} />`)}
          <${Marks} rows=${rows} place=${place} setTip=${setTip} />
        </div>
        <${Axis} />
        ${lanes.value.size === 0 && rows.length === 0 && html`<p class="strip-empty hint">${t("stripEmpty")}</p>`}
        ${tip && html`
          <p class="strip-tip" aria-hidden="true" style=${{ left: `${tip.at}%`, transform: `translateX(-${tip.at}%)` }}>
            <strong>${tip.title}</strong> ${tip.text}</p>`}
      </div>
    </section>
  `;
}

/** @param {EventRow} row @returns {string} */
const kindOf = (row) => (row.type === "status" ? row.kind : row.type);

/** @param {{rows: EventRow[]}} props */
function Label({ rows }) {
  const gaps = rows.filter((row) => row.type === "gap");
  const span = formatSpan(gaps.reduce((sum, { from_ms, to_ms }) => sum + to_ms - from_ms, 0));
  const summary = gaps.length === 0 ? t("stripWhole")
    : gaps.length === 1 ? t("stripOneGap", { span }) : t("stripGaps", { count: gaps.length, span });
  return html`
    <header class="strip-label">
      <h2>${t("timeline")}</h2>
      <p class=${gaps.length ? "strip-summary strip-gaps" : "strip-summary"}>
        ${gaps.length > 0 && html`<span aria-hidden="true">◫ </span>`}${lanes.value.size > 0 && summary}</p>
    </header>
  `;
}

/**
 * @param {{number: number, spans: readonly Span[], place: (ms: number) => number,
 *   setTip: (tip: Tip | null) => void}} props
 */
function Lane({ number, spans, place, setTip }) {
  return html`
    <div class="lane" data-lane=${number}>
      ${spans.map(({ state, from_ms, to_ms }) => {
        const left = place(from_ms);
        const right = to_ms === null ? 100 : place(to_ms);
        if (state === "off" || right <= 0) return null;
        const text = t(LANE_WORDS[state], { time: formatClock(from_ms) });
        const title = lanes.value.size > 1 ? t("stripConnection", { number: number + 1 }) : "";
        return html`<span key=${from_ms} class="span span-${state}" data-span=${state}
          onMouseEnter=${() => setTip({ at: (left + right) / 2, title, text })} onMouseLeave=${() => setTip(null)}
          style=${{ left: `${left}%`, width: `${right - left}%` }}></span>`;
      })}
    </div>
  `;
}

/**
 * All events as buttons on the line, a list for a screen reader. One of them is in the order of tabs, the arrow keys lead
 * to the others.
 * @param {{rows: EventRow[], place: (ms: number) => number, setTip: (tip: Tip | null) => void}} props
 */
function Marks({ rows, place, setTip }) {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const { hold, still } = useStill();
  const [active, setActive] = useState(/** @type {number | null} */ (null));
  const inOrder = rows.some(({ key }) => key === active) ? active : rows.at(-1)?.key;
  /** @param {KeyboardEvent} event */
  const walk = (event) => {
    // From where the focus is, not from `active`: keys can come faster than the drawing after them.
    const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
    const at = buttons.findIndex((button) => button === document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
  };
  return still(() => html`
    <ol class="strip-marks" aria-label=${t("timeline")} title=${rows.length ? t("stripHelp") : ""} ref=${list}
      onKeyDown=${walk} onPointerDown=${hold}>
      ${rows.map((row) => {
        const { title, text } = eventWords(row);
        const time = formatClock(timeOf(row));
        const left = row.type === "gap" ? place(row.from_ms) : place(timeOf(row));
        const show = () => setTip({ at: left, title: `${time} ${title}`, text });
        return html`
          <li key=${row.key} class="mark mark-${kindOf(row)}"
            style=${{ left: `${left}%`, width: row.type === "gap" ? `${place(row.to_ms) - left}%` : "" }}>
            <button type="button" tabindex=${row.key === inOrder ? 0 : -1} data-kind=${kindOf(row)}
              aria-label=${`${time} ${title}. ${text}`} onClick=${() => showEvent(row.key)}
              onFocus=${() => { setActive(row.key); show(); }} onBlur=${() => setTip(null)}
              onMouseEnter=${show} onMouseLeave=${() => setTip(null)}>
              ${row.type === "gap" ? html`<${GapSpan} row=${row} />`
                : html`<span class="mark-sign" aria-hidden="true">${MARKS[kindOf(row)] ?? "·"}</span>`}
            </button>
          </li>`;
      })}
    </ol>
  `);
}

/** A gap: a box on the line, hatched as far up as its channels are repaired. @param {{row: GapRow}} props */
function GapSpan({ row }) {
  const share = mendedShare(row);
  return html`
    <span class="gap-span gap-span-${row.repaired}" data-repaired=${row.repaired} aria-hidden="true">
      <span class="gap-span-mended" style=${{ height: `${share * 100}%` }}></span>
    </span>
  `;
}

/** Close codes and how many channels missed something, where there is room. */
/** @param {{rows: EventRow[], place: (ms: number) => number}} props */
function Labels({ rows, place }) {
  const placed = /** @type {{at: number, text: string, key: number}[]} */ ([]);
  for (const row of rows.toReversed()) {
    const text = labelOf(row);
    const at = place(row.type === "gap" ? (row.from_ms + row.to_ms) / 2 : timeOf(row));
    if (text && placed.every((other) => Math.abs(other.at - at) > LABEL_WIDTH)) placed.push({ at, text, key: row.key });
  }
  return html`
    <div class="strip-labels" aria-hidden="true">
      ${placed.map(({ at, text, key }) => html`
        <span key=${key} style=${{ left: `${at}%`, transform: `translateX(-${at}%)` }}>${text}</span>`)}
    </div>
  `;
}

/** @param {EventRow} row @returns {string} */
function labelOf(row) {
  if (row.type === "status") return row.kind === "closed" && row.code !== null ? String(row.code) : "";
  if (row.type !== "gap") return "";
  const count = row.channels.length;
  const channels = count === 1 ? t("stripChannel") : t("countChannels", { count });
  const code = row.gaps.find((gap) => gap.code !== null)?.code;
  return code === undefined ? channels : `${code}, ${channels}`;
}

function Axis() {
  const minutes = Array.from({ length: MINUTES + 1 }, (_, index) => MINUTES - index);
  return html`
    <div class="strip-axis" aria-hidden="true">
      ${minutes.map((count) => html`
        <span key=${count} class=${count % 2 ? "tick tick-minor" : "tick"}
          style=${{ left: `${100 - (count / MINUTES) * 100}%` }}>
          ${count % 2 === 0 && html`<span class="tick-text">
            ${count ? t("stripMinutes", { count }) : t("stripNow")}</span>`}
        </span>`)}
    </div>
  `;
}
