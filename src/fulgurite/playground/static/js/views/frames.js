// The frames view: every row in a list of which only what is in sight is drawn.
import { clearFrames, pauseFrames, selectFrame } from "../actions.js";
import { shortName } from "../channels.js";
import { html } from "../dom.js";
import { formatClock, formatTime } from "../format.js";
import { ROW_LIMIT } from "../framelog.js";
import { summarise } from "../frametext.js";
import { t } from "../i18n.js";
import { following, selectedFrame, watchFrameLog } from "../state.js";
import { gapDetail, gapText, statusText } from "./events.js";
import { FrameDetail } from "./framedetail.js";
import { useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";
import { useHeight } from "./usesize.js";

/** @typedef {import("../framelog.js").Row} Row */
/** @typedef {import("../framelog.js").GapRow} GapRow */

const ROW_HEIGHT = 22;
/** Rows drawn above and below what is in sight. */
const MARGIN = 6;

export function Frames() {
  const selected = selectedFrame.value;
  return html`
    <section class="panel frames-panel" aria-labelledby="frames-title">
      <${Tools} />
      <div class=${selected ? "frames-body with-detail" : "frames-body"}>
        ${watchFrameLog().rows.length === 0
          ? html`<p class="empty">${t("framesEmpty")}</p>`
          : html`<${List} />`}
        ${selected && html`<${FrameDetail} row=${selected} />`}
      </div>
    </section>
  `;
}

function Tools() {
  const { paused, waiting } = watchFrameLog();
  const count = ROW_LIMIT.toLocaleString("en-US");
  return html`
    <header class="panel-head frames-head">
      <h2 id="frames-title">${t("frames")}</h2>
      <span class="hint">${t("framesBound", { count })}</span>
      <span class="push"></span>
      ${paused && html`<span class="badge waiting" role="status">${t("waiting", { count: waiting.length })}</span>`}
      <button type="button" class="action" aria-pressed=${paused ? "true" : "false"}
        onClick=${() => pauseFrames(!paused)}>${paused ? t("resume") : t("pause")}</button>
      <button type="button" class="action" onClick=${clearFrames}>${t("clear")}</button>
      <label class="check" title=${t("followHint")}>
        <input type="checkbox" checked=${following.value}
          onChange=${() => { following.value = !following.value; }} />${t("follow")}
      </label>
    </header>
  `;
}

function List() {
  const { rows } = watchFrameLog();
  const { ref, height } = useHeight();
  const [scrollTop, setScrollTop] = useState(0);
  const firstSeq = rows[0]?.seq ?? 0;
  const drawn = useRef({ firstSeq, scrollTop: 0 });

  useLayoutEffect(() => {
    const list = ref.current;
    if (!list || !drawn.current) return;
    if (following.value) {
      list.scrollTop = list.scrollHeight;
    } else if (firstSeq > drawn.current.firstSeq) {
      // Rows went at the top: what the reader looks at stays where it is.
      list.scrollTop -= (firstSeq - drawn.current.firstSeq) * ROW_HEIGHT;
    }
    drawn.current = { firstSeq, scrollTop: list.scrollTop };
  });

  /** @param {Event} event */
  const scrolled = ({ currentTarget: list }) => {
    if (!(list instanceof HTMLElement) || !drawn.current) return;
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 2;
    if (list.scrollTop < drawn.current.scrollTop - 1 && !atEnd) following.value = false;
    else if (atEnd) following.value = true;
    drawn.current.scrollTop = list.scrollTop;
    setScrollTop(list.scrollTop);
  };

  const inSight = Math.ceil(height / ROW_HEIGHT);
  const top = following.value ? rows.length - inSight : Math.floor(scrollTop / ROW_HEIGHT);
  const start = Math.max(0, Math.min(top, rows.length - inSight) - MARGIN);
  const shown = rows.slice(start, start + inSight + 2 * MARGIN);
  return html`
    <div class="frames-list" ref=${ref} onScroll=${scrolled} role="list" tabindex="0" aria-labelledby="frames-title">
      <div class="frames-space" style=${{ height: `${rows.length * ROW_HEIGHT}px` }}>
        <div class="frames-window" style=${{ transform: `translateY(${start * ROW_HEIGHT}px)` }}>
          ${shown.map((row) => html`<div role="listitem" key=${row.seq}><${RowView} row=${row} /></div>`)}
        </div>
      </div>
    </div>
  `;
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
        <span class="frame-note"><strong>${statusText(row.kind)}</strong> ${row.detail}</span></div>`;
    case "malformed": return html`
      <div class="frame frame-gap" title=${row.text}><time>${formatTime(row.at_ms)}</time>
        <span class="frame-note"><strong>${t("malformed")}</strong> ${row.problem}</span></div>`;
    case "dropped": return html`
      <div class="frame frame-status"><span></span>
        <span class="frame-note">${t("dropped", { count: row.count })}</span></div>`;
  }
}

/** @param {{row: import("../messages.js").Frame & {seq: number}}} props */
function FrameRow({ row }) {
  const { label, body } = summarise(row.text);
  const isSelected = selectedFrame.value?.seq === row.seq;
  const sent = row.direction === "sent";
  return html`
    <button type="button" class="frame frame-${row.direction}" aria-expanded=${isSelected ? "true" : "false"}
      onClick=${() => selectFrame(isSelected ? null : row)}>
      <time title=${formatClock(row.at_ms)}>${formatTime(row.at_ms)}</time>
      <span class="frame-direction">
        <span aria-hidden="true">${sent ? "↑" : "↓"}</span>
        <span class="for-readers">${sent ? t("sent") : t("receivedFrame")}</span>
      </span>
      <span class="frame-size">${row.size.toLocaleString("en-US")} B</span>
      <span class="frame-label">${shortName(label)}</span>
      <span class="frame-text">${body}</span>
    </button>
  `;
}
