// The header: endpoint, dialect, connect, the state of the connection, rates, language, settings and keys.
import { openDialog } from "../actions.js";
import { chooseDialect, chooseEndpoint, connect, disconnect } from "../connecting.js";
import { html } from "../dom.js";
import { writes } from "../fields.js";
import { formatBytes, formatRate } from "../format.js";
import { chooseLanguage, language, t } from "../i18n.js";
import { replay } from "../replay.js";
import * as state from "../state.js";
import { TabList } from "./tablist.js";

/** @typedef {import("../messages.js").Dialect} Dialect */

/** @type {{id: Dialect, name: string, over: string}[]} */
const DIALECTS = [
  { id: "json-rpc", name: "JSON-RPC 2.0", over: " over WebSocket" },
  { id: "socketio", name: "Socket.IO 2.0", over: "" },
];

export function Header() {
  return html`
    <header class="top">
      <div class="top-row">
        <h1 class="brand" title=${t("tagline")}>
          <img src="/static/mark.svg" alt="" width="22" height="22" /><span>Fulgurite</span>
        </h1>
        <${Endpoint} />
        <${Dialects} />
        <${ConnectButton} />
        <${ConnectionState} />
        <${Rates} />
        <${Tools} />
      </div>
      ${state.endpointChoice.value === "url" && !replay.value && html`<${UrlRow} />`}
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
          <input type="radio" name="endpoint" value=${id} checked=${chosen === id && !replay.value} disabled=${disabled}
            onChange=${() => chooseEndpoint(id)} />
          <span>${label}</span>
        </label>`)}
    </fieldset>
  `;
}

function Dialects() {
  const tabs = DIALECTS.map(({ id, name, over }) => ({
    id,
    label: html`${name}<span class="for-readers">${over}</span>`,
    selected: (replay.value?.dialect ?? state.dialect.value) === id,
    choose: () => chooseDialect(id),
    attributes: { title: `${name}${over}` },
  }));
  return html`<${TabList} label=${t("dialect")} controls="main" tabs=${tabs} style="dialects" />`;
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
        <input type="text" inputmode="url" size="44" spellcheck=${false} placeholder=${t("urlPlaceholder")}
          value=${state.endpointUrl.value} onInput=${writes(state.endpointUrl)} required />
      </label>
      <label>${t("httpLabel")}
        <input type="text" inputmode="url" size="28" spellcheck=${false} placeholder=${t("httpPlaceholder")}
          value=${state.httpUrl.value} onInput=${writes(state.httpUrl)} />
      </label>
      <button type="submit" hidden></button>
    </form>
  `;
}

function ConnectButton() {
  const connected = state.isConnected.value;
  const label = !connected ? t("connect") : state.connection.value?.state === "open" ? t("disconnect") : t("cancel");
  return html`
    <button type="button" class=${connected ? "action connect" : "action connect primary"}
      disabled=${state.link.value !== "open"} aria-keyshortcuts="c" title="${label} (c)"
      onClick=${connected ? disconnect : connect}>${label}</button>
  `;
}

/** @returns {{name: string, text: string, detail: string}} */
function describe() {
  if (state.link.value === "lost" && state.isFull.value) {
    return { name: "failed", text: t("pageFull"), detail: t("pageFullText") };
  }
  if (state.link.value === "lost") return { name: "failed", text: t("stateLost"), detail: t("lostHint") };
  // The connection may have changed since.
  if (state.link.value === "silent") return { name: "waiting", text: t("stateInterrupted"), detail: "" };
  if (replay.value) return { name: "replay", text: t("replay"), detail: replay.value.name };
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
      if (connection.retry_at_ms === null) return { name: "waiting", text: t("stateInterrupted"), detail: "" };
      return { name: "waiting", text: t("stateBackingOff", { seconds: Math.max(0, Math.ceil(ms / 1000)) }), detail: "" };
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
  const isKnown = state.link.value === "open";
  return html`
    <p class="rates" aria-label=${t("received")}>
      <span>${t("framesRate", { rate: isKnown ? formatRate(frames) : t("unknownRate") })}</span>
      <span>${t("bytesRate", { rate: isKnown ? formatBytes(bytes) : t("unknownRate") })}</span>
    </p>
  `;
}

function Tools() {
  return html`
    <div class="tools">
      <div class="language" role="group" aria-label=${t("language")}>
        <button type="button" class="plain" lang="en" aria-pressed=${language.value === "en" ? "true" : "false"}
          onClick=${() => chooseLanguage("en")}>EN</button>
        <button type="button" class="plain" lang="ja" aria-pressed=${language.value === "ja" ? "true" : "false"}
          onClick=${() => chooseLanguage("ja")}>日本語</button>
      </div>
      <button type="button" class="plain tool" aria-haspopup="dialog" aria-keyshortcuts="s" aria-label=${t("settings")}
        title="${t("settings")} (s)" onClick=${() => openDialog("settings")}>
        <svg aria-hidden="true" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor"
          stroke-width="1.4" stroke-linecap="round">
          <path d="M2 4.5h7m4 0h1M2 11.5h1m4 0h7" /><circle cx="11" cy="4.5" r="2" /><circle cx="5" cy="11.5" r="2" />
        </svg>
      </button>
      <button type="button" class="plain tool" aria-haspopup="dialog" aria-keyshortcuts="?" aria-label=${t("keys")}
        title="${t("keys")} (?)" onClick=${() => openDialog("keys")}>?</button>
    </div>
  `;
}
