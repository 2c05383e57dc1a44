// The header: endpoint, dialect, connect, the state of the connection, rates, language.
import { chooseDialect, chooseEndpoint, connect, disconnect } from "../actions.js";
import { html } from "../dom.js";
import { formatBytes, formatRate } from "../format.js";
import { chooseLanguage, language, t } from "../i18n.js";
import * as state from "../state.js";

/** @typedef {import("../messages.js").Dialect} Dialect */

/** @type {{id: Dialect, label: string}[]} */
const DIALECTS = [
  { id: "json-rpc", label: "JSON-RPC 2.0 over WebSocket" },
  { id: "socketio", label: "Socket.IO 2.0" },
];

export function Header() {
  return html`
    <header class="top">
      <div class="top-row">
        <h1 class="brand" title=${t("tagline")}>
          <img src="/static/mark.svg" alt="" width="22" height="22" />Fulgurite
        </h1>
        <${Endpoint} />
        <${Dialects} />
        <${ConnectButton} />
        <${ConnectionState} />
        <${Rates} />
        <${Language} />
      </div>
      ${state.endpointChoice.value === "url" && html`<${UrlRow} />`}
    </header>
  `;
}

function Endpoint() {
  const chosen = state.endpointChoice.value;
  const hasEmbedded = state.hello.value === null || state.hello.value.embedded !== "";
  const choices = /** @type {const} */ ([
    { id: "embedded", label: t("embedded"), hint: t("embeddedHint"), disabled: !hasEmbedded },
    { id: "live", label: t("live"), hint: t("liveHint"), disabled: false },
    { id: "url", label: t("url"), hint: t("urlLabel"), disabled: false },
  ]);
  return html`
    <fieldset class="segments">
      <legend class="for-readers">${t("endpoint")}</legend>
      ${choices.map(({ id, label, hint, disabled }) => html`
        <label title=${hint} key=${id}>
          <input type="radio" name="endpoint" value=${id} checked=${chosen === id} disabled=${disabled}
            onChange=${() => chooseEndpoint(id)} />
          <span>${label}</span>
        </label>`)}
    </fieldset>
  `;
}

function Dialects() {
  const chosen = state.dialect.value;
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = DIALECTS.find(({ id }) => id !== chosen);
    if (!other || !(event.currentTarget instanceof HTMLElement)) return;
    chooseDialect(other.id);
    event.currentTarget.querySelector(`[data-dialect="${other.id}"]`)?.dispatchEvent(new Event("take-focus"));
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${t("dialect")} onKeyDown=${move}>
      ${DIALECTS.map(({ id, label }) => html`
        <button type="button" role="tab" key=${id} data-dialect=${id} aria-controls="main"
          aria-selected=${chosen === id ? "true" : "false"} tabindex=${chosen === id ? 0 : -1}
          onClick=${() => chooseDialect(id)}
          onTake-focus=${takeFocus}>${label}</button>`)}
    </div>
  `;
}

/** @param {Event} event */
function takeFocus({ currentTarget }) {
  if (currentTarget instanceof HTMLElement) currentTarget.focus();
}

function UrlRow() {
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    connect();
  };
  return html`
    <form class="top-row url-row" onSubmit=${submit}>
      <label>${t("urlLabel")}
        <input type="text" inputmode="url" size="44" spellcheck="false" placeholder=${t("urlPlaceholder")}
          value=${state.endpointUrl.value} onInput=${writes(state.endpointUrl)} required />
      </label>
      <label>${t("httpLabel")}
        <input type="text" inputmode="url" size="28" spellcheck="false" placeholder=${t("httpPlaceholder")}
          value=${state.httpUrl.value} onInput=${writes(state.httpUrl)} />
      </label>
      <button type="submit" hidden></button>
    </form>
  `;
}

/** @param {import("../state.js").Signal<string>} target @returns {(event: Event) => void} */
const writes = (target) => ({ currentTarget }) => {
  if (currentTarget instanceof HTMLInputElement) target.value = currentTarget.value;
};

function ConnectButton() {
  const connected = state.isConnected.value;
  const label = !connected ? t("connect") : state.connection.value?.state === "open" ? t("disconnect") : t("cancel");
  return html`
    <button type="button" class=${connected ? "action" : "action primary"} disabled=${state.link.value !== "open"}
      onClick=${connected ? disconnect : connect}>${label}</button>
  `;
}

/** @returns {{name: string, text: string, detail: string}} */
function describe() {
  if (state.link.value === "lost") return { name: "failed", text: t("stateLost"), detail: t("lostHint") };
  const connection = state.connection.value;
  const detail = connection?.detail ?? "";
  switch (connection?.state) {
    case "open":
      return { name: "open", text: t("stateOpen"), detail };
    case "connecting":
      return { name: "connecting", text: t("stateConnecting"), detail };
    case "failed":
      return { name: "failed", text: t("stateFailed"), detail };
    case "backing_off": {
      const ms = (connection.retry_at_ms ?? 0) - state.now.value;
      if (connection.retry_at_ms === null) return { name: "waiting", text: t("stateInterrupted"), detail };
      return { name: "waiting", text: t("stateBackingOff", { seconds: Math.max(0, Math.ceil(ms / 1000)) }), detail };
    }
    default:
      return { name: "closed", text: t("stateClosed"), detail };
  }
}

function ConnectionState() {
  const { name, text, detail } = describe();
  return html`
    <p class="state state-${name}" role="status" title=${detail} data-state=${name}>
      <span class="state-mark" aria-hidden="true"></span>${text}
    </p>
  `;
}

function Rates() {
  const { frames, bytes } = state.traffic.value;
  return html`
    <p class="rates" aria-label=${t("received")}>
      <span>${t("framesRate", { rate: formatRate(frames) })}</span>
      <span>${t("bytesRate", { rate: formatBytes(bytes) })}</span>
    </p>
  `;
}

function Language() {
  const chosen = language.value;
  return html`
    <div class="language" role="group" aria-label=${t("language")}>
      <button type="button" class="plain" lang="en" aria-pressed=${chosen === "en" ? "true" : "false"}
        onClick=${() => chooseLanguage("en")}>EN</button>
      <button type="button" class="plain" lang="ja" aria-pressed=${chosen === "ja" ? "true" : "false"}
        onClick=${() => chooseLanguage("ja")}>日本語</button>
      <button type="button" class="plain" aria-pressed=${state.notesShown.value ? "true" : "false"}
        title=${state.notesShown.value ? t("hideNotes") : t("showNotes")}
        onClick=${() => { state.notesShown.value = !state.notesShown.value; }}>?</button>
    </div>
  `;
}
