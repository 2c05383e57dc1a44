// One frame, set out for reading, and to be taken along as text or as code.
import { selectFrame } from "../actions.js";
import { asCode, CODE_FORMS } from "../copycode.js";
import { html } from "../dom.js";
import { fileName, saveFile } from "../framelogfile.js";
import { foundSpans } from "../framefields.js";
import * as filter from "../framefilter.js";
import { formatBytes, formatTime } from "../format.js";
import { prettyPrint, summarise } from "../frametext.js";
import { t } from "../i18n.js";
import { messageLatency } from "../latency.js";
import { sourceWord } from "../recording.js";
import { formatMs } from "./events.js";
import { marked } from "./marked.js";
import { signal } from "../../vendor/signals.js";
import { useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../framelog.js").Frame & {seq: number}} Frame */
/** @typedef {import("../copycode.js").CodeForm} CodeForm */

/** Characters of a frame that are shown. */
const SHOWN = 100_000;

/** The form for copying frames; it stays as it was chosen. */
const form = signal(/** @type {CodeForm} */ ("raw"));
const FORM_WORDS = /** @type {const} */ ({
  raw: "formRaw", pretty: "formPretty", python: "formPython", javascript: "formJavaScript", shell: "formShell",
});

/** @param {{row: import("../framelog.js").Row}} props */
export function FrameDetail({ row }) {
  const [copied, setCopied] = useState("");
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => body.current?.querySelector("mark")?.scrollIntoView({ block: "nearest" }), [row]);
  if (row.type !== "frame") return null;
  const code = copyText(row, form.value);
  const isCopied = copied === `${row.seq} ${form.value}`;
  const copy = async () => {
    // Of the form that is chosen now: a press may come before the drawing of the choice.
    await navigator.clipboard.writeText(copyText(row, form.value));
    setCopied(`${row.seq} ${form.value}`);
  };
  /** @param {KeyboardEvent} event */
  const leave = (event) => {
    if (event.key === "Escape") selectFrame(null);
  };
  /** @param {Event} event */
  const choose = ({ currentTarget }) => {
    if (currentTarget instanceof HTMLSelectElement) form.value = /** @type {CodeForm} */ (currentTarget.value);
  };
  return html`
    <section class="detail" aria-label=${summarise(row.text).label} onKeyDown=${leave}>
      <header class="detail-head">
        <strong>${summarise(row.text).label || t("frameWord")}</strong>
        <span class="push"></span>
        <button type="button" class="plain" onClick=${
          () => saveFile([row.text], fileName("frame", sourceWord(), row.at_ms, "txt"))}>
          ${t("detailSave")}</button>
        <button type="button" class="plain" onClick=${() => selectFrame(null)}>${t("close")}</button>
        <span class="hint detail-facts">${facts(row)}</span>
        <span class="detail-copy">
          <button type="button" class="action" onClick=${copy}>${isCopied ? t("copied") : t("copy")}</button>
          <select aria-label=${t("copyForm")} value=${form.value} onChange=${choose}>
            ${CODE_FORMS.map((name) => html`<option key=${name} value=${name}>${t(FORM_WORDS[name])}</option>`)}
          </select>
          <span class="hint">${t("rawAsCame")}</span>
        </span>
      </header>
      ${row.text.length > SHOWN && html`<p class="note detail-cut">${t("detailCut", {
        shown: SHOWN.toLocaleString("en-US"), size: formatBytes(row.size) })}</p>`}
      <pre tabindex="0" ref=${body}>${shownText(row.text, code)}</pre>
    </section>
  `;
}

/** A frame for reading: set out, with the matches of the filter marked, or as code.
 * @param {string} text @param {string} code */
function shownText(text, code) {
  if (form.value !== "raw" && form.value !== "pretty") return code.slice(0, SHOWN);
  const shown = text.length > SHOWN ? text.slice(0, SHOWN) : prettyPrint(text);
  return marked(shown, foundSpans(shown, filter.text.value, filter.comparisons.value));
}

/** @param {Frame} row @returns {string} */
function facts(row) {
  const way = row.direction === "sent" ? t("sent") : t("received");
  const parts = [row.by_hand ? `${way}, ${t("byHand")}` : way, formatTime(row.at_ms),
    `${row.size.toLocaleString("en-US")} B`];
  const message = messageLatency(row);
  if (row.answerMs !== undefined) parts.push(t("latencyAnswer", { ms: formatMs(row.answerMs) }));
  else if (message !== null) parts.push(t("latencyMessage", { ms: formatMs(message) }));
  return parts.join(" · ");
}

/** @param {Frame} row @param {CodeForm} name @returns {string} */
function copyText(row, name) {
  if (name === "raw") return row.text;
  if (name === "pretty") return prettyPrint(row.text);
  return asCode(name, row.text, row.to ?? "");
}
