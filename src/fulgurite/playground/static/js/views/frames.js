// The frames view: a list of all rows, of which only those in sight are drawn, and its filter.
import { clearFrames, follow, pauseFrames, selectFrame } from "../actions.js";
import { isOpen, togglePanel } from "../byhand.js";
import { shortName } from "../channels.js";
import { html } from "../dom.js";
import { exportedLog, fileName, saveFile } from "../framelogfile.js";
import { writes } from "../fields.js";
import { formatBytes, formatClock, formatPrice, formatSpan, formatTime } from "../format.js";
import * as filter from "../framefilter.js";
import { foundSpans } from "../framefields.js";
import { CHARACTER_LIMIT, ROW_LIMIT } from "../framelog.js";
import { summarise } from "../frametext.js";
import { oldConnection } from "../freshness.js";
import { t } from "../i18n.js";
import { messageLatency } from "../latency.js";
import { record, recording, sourceWord } from "../recording.js";
import { openLog, replay } from "../replay.js";
import { following, link, now, selectedFrame, wanted, watchFrameLog } from "../state.js";
import { useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { ByHand } from "./byhand.js";
import { detailText, formatMs, gapDetail, gapText, statusText } from "./events.js";
import { Age } from "./age.js";
import { FrameDetail } from "./framedetail.js";
import { marked } from "./marked.js";
import { useStill } from "./still.js";
import { useHeight } from "./usesize.js";

/** @typedef {import("../framelog.js").Row} Row */
/** @typedef {import("../framelog.js").Frame & {seq: number}} Frame */

const ROW_HEIGHT = 24;
/** Rows drawn above and below those in sight. */
const MARGIN = 6;
/** Rows that a page up or down leaves in sight. */
const PAGE_ROWS = 2;
/** Characters of a frame that a row has room for, those that are seen on any screen, and those shown before a match. */
const ROW_CHARACTERS = 400;
const ROW_SEEN = 24;
const ROW_BEFORE = 8;

export function Frames() {
  const selected = selectedFrame.value;
  useEffect(() => {
    filter.showRows(true);
    return () => filter.showRows(false);
  }, []);
  return html`
    <section class="panel frames-panel" aria-labelledby="frames-title">
      <${Tools} />
      <${FilterBar} />
      <div class=${selected ? "frames-body with-detail" : "frames-body"}>
        <${Rows} />
        ${selected && html`<${FrameDetail} row=${selected} />`}
      </div>
      <${Foot} />
      ${isOpen.value && html`<${ByHand} />`}
    </section>
  `;
}

function Rows() {
  const log = watchFrameLog();
  if (log.count) return html`<${List} />`;
  if (log.test && log.progress < 1) return html`<p class="empty">${t("filterSearching")}</p>`;
  return html`<p class="empty">${log.ring.length ? t("filterNothing") : t("framesEmpty")}
    ${log.test && html` <button type="button" class="plain" onClick=${filter.clearFilter}>${t("filterClear")}</button>`}
  </p>`;
}

function Tools() {
  const { paused, waiting, count } = watchFrameLog();
  const isReplay = replay.value !== null;
  const file = useRef(/** @type {HTMLInputElement | null} */ (null));
  /** @param {Event} event */
  const open = ({ currentTarget }) => {
    if (!(currentTarget instanceof HTMLInputElement) || !currentTarget.files?.[0]) return;
    void openLog(currentTarget.files[0]);
    currentTarget.value = "";
  };
  return html`
    <header class="panel-head frames-head">
      <h2 id="frames-title" class="for-readers">${t("frames")}</h2>
      <button type="button" class="action frames-pause" aria-pressed=${paused ? "true" : "false"}
        onClick=${() => pauseFrames(!paused)}>${paused ? t("resume") : t("pause")}</button>
      ${paused && html`<span class="badge waiting" role="status">
        ${t("waiting", { count: waiting.toLocaleString("en-US") })}</span>`}
      <label class="check" title=${t("followHint")}>
        <input type="checkbox" checked=${following.value}
          onChange=${() => follow(!following.value)} />${t("follow")}
      </label>
      <button type="button" class="plain" onClick=${clearFrames}>${t("clear")}</button>
      ${count > 0 && html`<${Age} of=${oldConnection} />`}
      <span class="push"></span>
      <button type="button" class="action" aria-expanded=${isOpen.value ? "true" : "false"}
        onClick=${togglePanel}>${t("handOpen")}</button>
      <button type="button" class="action" disabled=${isReplay || link.value !== "open"} title=${t("recordHint")}
        aria-pressed=${recording.value ? "true" : "false"} onClick=${() => record(!recording.value)}>
        <span class="record-mark" aria-hidden="true">●</span> ${recording.value ? t("recordingStop") : t("record")}
      </button>
      <button type="button" class="action" title=${t("openHint")} disabled=${link.value !== "open"}
        onClick=${() => file.current?.click()}>${t("open")}</button>
      <input type="file" ref=${file} accept=".jsonl,.zst,.gz,.har,.json,.log,.txt" hidden tabindex="-1"
        aria-label=${t("open")} onChange=${open} />
      <button type="button" class="action" title=${t("exportHint")} onClick=${saveRows}>${t("export")}</button>
    </header>
  `;
}

async function saveRows() {
  const { parts } = await exportedLog(watchFrameLog());
  saveFile(parts, fileName("frames", sourceWord(), now.value));
}

function FilterBar() {
  const fault = filter.pathFault.value;
  const unknown = filter.unknownPath.value;
  const channels = [...new Set([...wanted.value, filter.channel.value])].filter(Boolean).sort();
  return html`
    <div class="frames-filter" role="search" aria-label=${t("filter")}>
      <select aria-label=${t("filterWay")} value=${filter.way.value} onChange=${writes(filter.way)}>
        <option value="all">${t("wayAll")}</option>
        <option value="received">↓ ${t("received")}</option>
        <option value="sent">↑ ${t("sent")}</option>
        <option value="hand">✎ ${t("byHand")}</option>
      </select>
      <select aria-label=${t("filterChannel")} class="filter-channel" value=${filter.channel.value}
        onChange=${writes(filter.channel)}>
        <option value="">${t("channelAll")}</option>
        ${channels.map((name) => html`<option key=${name} value=${name}>${shortName(name)}</option>`)}
      </select>
      <input type="text" class="filter-text" data-filter aria-label=${t("filterText")} aria-keyshortcuts="/"
        placeholder=${`${t("filterText")} (/)`} maxlength="200" spellcheck=${false} value=${filter.text.value} onInput=${writes(filter.text)} />
      <span class="filter-path">
        <input type="text" aria-label=${t("filterPath")} placeholder=${t("filterPathExample")} maxlength="500"
          spellcheck=${false} value=${filter.path.value} onInput=${writes(filter.path)} title=${t("filterPathHelp")}
          aria-invalid=${fault ? "true" : "false"} aria-describedby="path-fault" />
        <span class="path-fault" id="path-fault" role="status">
          ${fault ? t(fault.error, { near: fault.near })
            : unknown && t("pathUnknown", { path: unknown.path, fields: unknown.fields.join(", ") })}</span>
      </span>
    </div>
  `;
}

/** The number of kept and shown rows, and the limit. */
function Foot() {
  const log = watchFrameLog();
  const { length, characters } = log.ring;
  const kept = t("framesKept", {
    count: length.toLocaleString("en-US"), limit: ROW_LIMIT.toLocaleString("en-US"),
    size: formatBytes(characters), most: formatBytes(CHARACTER_LIMIT),
  });
  const percent = Math.floor(log.progress * 100);
  return html`
    <footer class="frames-foot">
      <span title=${t("framesBound")}>${kept}</span>
      <span class="push"></span>
      ${log.test && html`
        <span>${t("filterShown", { count: log.count.toLocaleString("en-US") })}
          ${percent < 100 ? ` (${percent} %)` : ""}</span>
        <button type="button" class="plain" onClick=${filter.clearFilter}>${t("filterClear")}</button>`}
    </footer>
  `;
}

function List() {
  const log = watchFrameLog();
  const { ref, height } = useHeight();
  const [, setScrollTop] = useState(0);
  const drawn = useRef({ gone: log.gone, scrollTop: 0, test: log.test });
  // The former drawing is given as it is, for free; the rows look after themselves.
  const kept = useRef(/** @type {Map<Row, import("../dom.js").VNode>} */ (new Map()));
  const { hold, isHeld, still } = useStill();
  /** How many of the rows that were drawn have gone at the top since. */
  const goneSince = () => (drawn.current?.test === log.test ? log.gone - drawn.current.gone : 0);

  useLayoutEffect(() => {
    const list = ref.current;
    if (!list || !drawn.current || isHeld()) return;
    // The event of a scroll may still be on its way: the scroll must not be undone.
    if (isScrolledUp(list, drawn.current.scrollTop)) follow(false);
    // Rows went at the top: the rows in sight stay where they are.
    list.scrollTop = following.value ? list.scrollHeight : list.scrollTop - goneSince() * ROW_HEIGHT;
    drawn.current = { gone: log.gone, scrollTop: list.scrollTop, test: log.test };
  });

  /** @param {Event} event */
  const scrolled = ({ currentTarget: list }) => {
    if (!(list instanceof HTMLElement) || !drawn.current) return;
    if (isScrolledUp(list, drawn.current.scrollTop)) follow(false);
    else if (isAtEnd(list) && !list.querySelector("button:focus-visible")) follow(true);
    drawn.current.scrollTop = list.scrollTop;
    setScrollTop(list.scrollTop);
  };

  return still(() => {
    const { count } = log;
    const inSight = Math.ceil(height / ROW_HEIGHT);
    const scrolledTo = Math.floor((drawn.current?.scrollTop ?? 0) / ROW_HEIGHT) - goneSince();
    const top = following.value ? count - inSight : scrolledTo;
    const start = Math.max(0, Math.min(top, count - inSight) - MARGIN);
    const shown = log.slice(start, start + inSight + 2 * MARGIN);
    const rows = new Map(shown.map((row) => [row, kept.current?.get(row) ?? rowNode(row)]));
    kept.current = rows;
    return html`
      <div class="frames-list" ref=${ref} onScroll=${scrolled} onKeyDown=${moveThrough} onFocusCapture=${reached}
        onPointerDown=${hold} role="list" tabindex="0" aria-labelledby="frames-title">
        <div class="frames-space" style=${{ height: `${count * ROW_HEIGHT}px` }}>
          <div class="frames-window" style=${{ transform: `translateY(${start * ROW_HEIGHT}px)` }}>
            ${[...rows.values()]}
          </div>
        </div>
      </div>
    `;
  });
}

/** @param {HTMLElement} list */
const isAtEnd = (list) => list.scrollTop + list.clientHeight >= list.scrollHeight - 2;

/** Whether a list was scrolled up from where it was drawn, and not only cut short. @param {HTMLElement} list @param {number} drawnTop */
const isScrolledUp = (list, drawnTop) => list.scrollTop < drawnTop - 1 && !isAtEnd(list);

/** A row that was reached with the keyboard stays where it is. @param {FocusEvent} event */
function reached({ target }) {
  if (target instanceof HTMLButtonElement && target.matches(":focus-visible")) follow(false);
}

/** @param {Row} row @returns {import("../dom.js").VNode} */
const rowNode = (row) => /** @type {import("../dom.js").VNode} */ (
  html`<div role="listitem" key=${row.seq}><${RowView} row=${row} /></div>`);

/** The arrows go from frame to frame, or scroll where none has the focus. @param {KeyboardEvent} event */
function moveThrough(event) {
  const list = event.currentTarget;
  if (!(list instanceof HTMLElement)) return;
  const pages = /** @type {Record<string, number>} */ ({ PageUp: -1, PageDown: 1 })[event.key];
  const step = /** @type {Record<string, number>} */ ({ ArrowUp: -1, ArrowDown: 1 })[event.key];
  if (pages) {
    event.preventDefault();
    list.scrollTop += pages * (list.clientHeight - PAGE_ROWS * ROW_HEIGHT);
  } else if (step && document.activeElement instanceof HTMLButtonElement) {
    event.preventDefault();
    const buttons = [...list.querySelectorAll("button")];
    buttons[buttons.indexOf(document.activeElement) + step]?.focus();
  }
}

/** @param {{row: Row}} props */
function RowView({ row }) {
  switch (row.type) {
    case "frame": return html`<${FrameRow} row=${row} />`;
    case "gap": return html`
      <div class="frame frame-gap" title=${`${row.channels.join("\n")}\n${t("gapWhy")}`}>
        <time>${formatTime(row.to_ms)}</time><span class="frame-note">
        <strong>${t("gap")}</strong> ${gapText(row)} (${gapDetail(row)})</span></div>`;
    case "status": return html`
      <div class="frame frame-status frame-${row.kind}"><time>${formatTime(row.at_ms)}</time>
        <span class="frame-note"><strong>${statusWords(row)}</strong> ${detailText(row)}</span></div>`;
    case "malformed": return html`
      <div class="frame frame-gap" title=${row.text}><time>${formatTime(row.at_ms)}</time>
        <span class="frame-note"><strong>${t("malformed")}</strong> ${t("detMalformed", { detail: row.problem })}</span></div>`;
    case "dropped": return html`
      <div class="frame frame-status"><span></span>
        <span class="frame-note">${t("dropped", { count: row.count.toLocaleString("en-US") })}</span></div>`;
  }
}

/** @param {import("../messages.js").Status} row @returns {string} */
function statusWords({ kind, seconds }) {
  switch (kind) {
    case "hand_open": return t("handOpened");
    case "hand_closed": return t("handEnded");
    case "skipped": return t("replaySkipped");
    case "passed_over": return t("replayPassedOver", { span: formatSpan((seconds ?? 0) * 1000) });
    default: return statusText(kind);
  }
}

/** @param {{row: Frame}} props */
function FrameRow({ row }) {
  const { label, start } = summarise(row.text);
  const isSelected = selectedFrame.value === row;
  const sent = row.direction === "sent";
  const latency = row.answerMs ?? messageLatency(row);
  return html`
    <button type="button" class=${`frame frame-${row.direction}${row.by_hand ? " frame-hand" : ""}`}
      aria-expanded=${isSelected ? "true" : "false"} onClick=${() => selectFrame(isSelected ? null : row)}>
      <time title=${formatClock(row.at_ms)}>${formatTime(row.at_ms)}</time>
      <span class="frame-direction">
        <span aria-hidden="true">${sent ? "↑" : "↓"}</span>
        <span class="for-readers">${sent ? t("sent") : t("received")}</span>
      </span>
      <span class="frame-size">${formatPrice(row.size, 0)}</span>
      <span class="frame-latency" title=${row.answerMs === undefined ? t("latencyHint") : t("latencyAnswerHint")}>
        ${latency === null ? "" : formatMs(latency)}</span>
      <span class="frame-label">${row.by_hand ? `✎ ${shortName(label) || t("byHand")}` : shortName(label)}</span>
      <span class="frame-text">${rowText(row.text, start)}</span>
    </button>
  `;
}

/** The beginning of a frame's content, or the part with the first match of the filter.
 * @param {string} text @param {number} start */
function rowText(text, start) {
  const spans = foundSpans(text, filter.text.value, filter.comparisons.value);
  const [first, end] = spans.find(([, to]) => to > start) ?? [start, start];
  const from = end > start + ROW_SEEN ? Math.max(start, first - ROW_BEFORE) : start;
  return [from > start ? "… " : "", ...marked(text, spans, from, from + ROW_CHARACTERS)];
}
