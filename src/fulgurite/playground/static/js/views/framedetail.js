// One frame, set out for reading.
import { selectFrame } from "../actions.js";
import { html } from "../dom.js";
import { formatTime } from "../format.js";
import { prettyPrint, summarise } from "../frametext.js";
import { t } from "../i18n.js";
import { useState } from "../../vendor/preact-hooks.js";

/** @param {{row: import("../framelog.js").Row}} props */
export function FrameDetail({ row }) {
  const [copied, setCopied] = useState(0);
  if (row.type !== "frame") return null;
  const copy = async () => {
    await navigator.clipboard.writeText(row.text);
    setCopied(row.seq);
  };
  /** @param {KeyboardEvent} event */
  const leave = (event) => {
    if (event.key === "Escape") selectFrame(null);
  };
  const direction = row.direction === "sent" ? t("sent") : t("receivedFrame");
  return html`
    <section class="detail" aria-label=${summarise(row.text).label} onKeyDown=${leave}>
      <header class="detail-head">
        <strong>${summarise(row.text).label}</strong>
        <span class="push"></span>
        <button type="button" class="plain" onClick=${copy}>${copied === row.seq ? t("copied") : t("copy")}</button>
        <button type="button" class="plain" onClick=${() => selectFrame(null)}>${t("closeDetail")}</button>
        <span class="hint detail-facts">
          ${direction} ${formatTime(row.at_ms)}, ${row.size.toLocaleString("en-US")} B. ${t("rawAsCame")}
        </span>
      </header>
      <pre tabindex="0">${prettyPrint(row.text)}</pre>
    </section>
  `;
}
