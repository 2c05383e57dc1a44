// A frame is written by hand and sent over a connection of its own. The server's answers stand beside it.
import { endByHand, handRows, handState, isConfirmed, sendByHand, toggleConfirmed, togglePanel } from "../byhand.js";
import { html } from "../dom.js";
import { writes } from "../fields.js";
import { formatTime } from "../format.js";
import { EXAMPLES } from "../handexamples.js";
import { t } from "../i18n.js";
import { replay } from "../replay.js";
import * as state from "../state.js";
import { signal } from "../../vendor/signals.js";
import { useLayoutEffect, useRef } from "../../vendor/preact-hooks.js";

const TEXT_LIMIT = 50_000;
/** Characters of an answer that are shown here; the list has all. */
const SHOWN = 2_000;

const text = signal("");
/** The connection by hand, as far as anybody says how it is. */
const known = () => (state.link.value === "open" ? handState.value : null);

export function ByHand() {
  const dialect = state.dialect.value;
  const live = state.isReal.value;
  const open = known()?.state === "open";
  const canSend = state.link.value === "open" && (!live || isConfirmed.value) && state.endpoint.value !== "";
  /** @param {Event} event */
  const choose = ({ currentTarget }) => {
    if (!(currentTarget instanceof HTMLSelectElement)) return;
    const example = EXAMPLES[dialect].find(({ key }) => key === currentTarget.value);
    if (example) text.value = example.text();
    currentTarget.value = "";
  };
  /** @param {KeyboardEvent} event */
  const sendWithKeys = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !canSend) return;
    event.preventDefault();
    sendByHand(text.value);
  };
  return html`
    <section class="hand" aria-labelledby="hand-title">
      <header class="hand-head">
        <h3 id="hand-title">${t("hand")}</h3>
        <span class="hint hand-url" title=${known()?.detail ?? ""}>${stateWords()}</span>
        <span class="push"></span>
        ${open && html`<button type="button" class="plain"
          onClick=${endByHand}>${t("handClose")}</button>`}
        <button type="button" class="plain" onClick=${togglePanel}>${t("handHide")}</button>
      </header>
      <div class="hand-body">
        <div class="hand-write">
          <select aria-label=${t("handExamples")} onChange=${choose}>
            <option value="">${t("handExamples")}</option>
            ${EXAMPLES[dialect].map(({ key }) => html`<option key=${key} value=${key}>${t(key)}</option>`)}
          </select>
          <textarea aria-label=${t("frameWord")} spellcheck=${false} rows="4" maxlength=${TEXT_LIMIT}
            placeholder=${t("handPlaceholder")} value=${text.value} onKeyDown=${sendWithKeys}
            onInput=${writes(text)}></textarea>
          ${live && html`
            <label class="hand-live">
              <input type="checkbox" checked=${isConfirmed.value}
                onChange=${toggleConfirmed} />
              <span>${t("handLive")}</span>
            </label>`}
          <div class="hand-send">
            <button type="button" class=${live ? "action danger" : "action primary"} disabled=${!canSend}
              onClick=${() => sendByHand(text.value)}>${live ? t("handSendLive") : t("handSend")}</button>
            <span class="hint">${replay.value ? t("handReplay") : t("handHint")}</span>
          </div>
        </div>
        <${Answers} />
      </div>
    </section>
  `;
}

/** @returns {string} */
function stateWords() {
  const value = known();
  if (!value) return t("handNotOpen");
  return value.state === "closed" ? t("handClosed", { reason: value.detail }) : value.url;
}

function Answers() {
  const rows = handRows.value;
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  useLayoutEffect(() => {
    if (ref.current) ref.current.scrollTop = ref.current.scrollHeight;
  }, [rows.at(-1)]);
  if (rows.length === 0) return html`<p class="empty hand-answers">${t("handEmpty")}</p>`;
  return html`
    <ol class="hand-answers" ref=${ref} tabindex="0" role="log" aria-label=${t("handAnswers")}>
      ${rows.map((row, index) => (row.type === "status"
        ? html`<li key=${index} class="hand-word">${t(row.kind === "hand_open" ? "handOpened" : "handEnded")}
            <span class="hint">${row.detail}</span></li>`
        : html`<li key=${index} class=${`hand-${row.direction}`} title=${formatTime(row.at_ms)}>
            <span aria-hidden="true">${row.direction === "sent" ? "↑" : "↓"}</span>
            <span class="for-readers">${row.direction === "sent" ? t("sent") : t("received")}</span>
            <code>${row.text.slice(0, SHOWN) || t("handNothing")}</code></li>`))}
    </ol>
  `;
}
