// The dialogs of the page: its settings, the list of its keys, and the advice before a key is used.
import { openDialog } from "../actions.js";
import { html } from "../dom.js";
import { chooseLanguage, language, t } from "../i18n.js";
import { SHORTCUTS } from "../keyboard.js";
import { chooseRising, chooseTheme, RISING, rising, theme, THEMES } from "../settings.js";
import { dialog } from "../state.js";
import { Care } from "./care.js";
import { explainAgain } from "./firstvisit.js";
import { useLayoutEffect, useRef } from "../../vendor/preact-hooks.js";

/** @typedef {import("../../vendor/preact.js").Child} Child */

export function Dialogs() {
  switch (dialog.value) {
    case "care": return html`<${Dialog} key="care" title=${t("careTitle")}><${Care} /><//>`;
    case "keys": return html`<${Dialog} key="keys" title=${t("keys")}><${Keys} /><//>`;
    case "settings": return html`<${Dialog} key="settings" title=${t("settings")}><${Settings} /><//>`;
    default: return null;
  }
}

const close = () => openDialog("");

/** The browser keeps the focus inside it, closes it on Escape, and gives the focus back.
 * @param {{title: string, children: Child}} props */
function Dialog({ title, children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const element = ref.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  /** @param {Event} event a click beside the dialog has the dialog itself as its target */
  const clicked = ({ target, currentTarget }) => { if (target === currentTarget) close(); };
  return html`
    <dialog class="dialog" ref=${ref} aria-labelledby="dialog-title" onClose=${close} onClick=${clicked}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id="dialog-title">${title}</h2>
          <button type="button" class="plain" aria-label=${t("close")} title="${t("close")} (Esc)"
            onClick=${close}>✕</button>
        </header>
        ${children}
      </div>
    </dialog>
  `;
}

function Keys() {
  return html`
    <dl class="keys">
      ${SHORTCUTS.map(({ keys, words }) => html`
        <div key=${words}>
          <dt>${keys.length > 2
            ? html`<kbd>${keys[0]}</kbd> – <kbd>${keys.at(-1)}</kbd>`
            : keys.map((key) => html`<kbd>${key}</kbd>`)}</dt>
          <dd>${t(words)}</dd>
        </div>`)}
      <div><dt><kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd></dt><dd>${t("keyArrows")}</dd></div>
      <div><dt><kbd>Esc</kbd></dt><dd>${t("keyEscape")}</dd></div>
    </dl>
  `;
}

function Settings() {
  const languages = /** @type {const} */ ([["en", "English"], ["ja", "日本語"]]);
  const themes = { auto: t("themeAuto"), light: t("themeLight"), dark: t("themeDark") };
  const colours = { green: t("risingGreen"), red: t("risingRed") };
  return html`
    <div class="settings">
      <${Choice} title=${t("language")} name="language" chosen=${language.value} options=${languages}
        choose=${chooseLanguage} />
      <${Choice} title=${t("theme")} name="theme" chosen=${theme.value} choose=${chooseTheme}
        options=${THEMES.map((id) => [id, themes[id]])} />
      <${Choice} title=${t("rising")} name="rising" chosen=${rising.value} choose=${chooseRising}
        options=${RISING.map((id) => [id, colours[id]])} />
      <p class="rising-example" aria-hidden="true">
        <span class="buy">▲ ${t("buy")} 13,649,762</span><span class="sell">▼ ${t("sell")} 13,649,522</span>
      </p>
      <p>
        <button type="button" class="action" onClick=${() => { explainAgain(); close(); }}>${t("explainAgain")}</button>
      </p>
      <p class="hint">${t("settingsKept")}</p>
    </div>
  `;
}

/**
 * @template {string} T
 * @param {{title: string, name: string, options: readonly (readonly [T, string])[], chosen: T,
 *   choose: (choice: T) => void}} props
 */
function Choice({ title, name, options, chosen, choose }) {
  return html`
    <fieldset class="choice">
      <legend>${title}</legend>
      <div class="segments">
        ${options.map(([id, label]) => html`
          <label key=${id}>
            <input type="radio" name="setting-${name}" value=${id} checked=${id === chosen}
              onChange=${() => choose(id)} /><span>${label}</span>
          </label>`)}
      </div>
    </fieldset>
  `;
}
