// The credentials for the private channels: the ways to give some, or those in use with the result.
import { auth, credentials, stored } from "../account.js";
import { forget, listStored, useDemo, useSecret, useStored } from "../credentials.js";
import { html } from "../dom.js";
import { t } from "../i18n.js";
import { canSign } from "../signing.js";
import { endpointChoice, hello, link } from "../state.js";
import { CareLine } from "./care.js";
import { useRef, useState } from "../../vendor/preact-hooks.js";

export function Credentials() {
  return credentials.value ? html`<${Given} given=${credentials.value} />` : html`<${Choice} />`;
}

const KINDS = /** @type {const} */ ({ demo: "credOfDemo", typed: "credOfTyped", stored: "credOfStored" });
const STATES = /** @type {const} */ ({
  none: "authNone", asked: "authAsked", authenticated: "authAuthenticated", refused: "refused",
  unsigned: "authUnsigned",
});

/** @param {{given: import("../account.js").Credentials}} props */
function Given({ given: { kind, name } }) {
  const { state, detail } = auth.value;
  return html`
    <div class="credentials" data-auth=${state}>
      <p class="credentials-line">
        <span class="badge auth-${state}" role="status">${t(STATES[state])}</span>
        <span>${t(KINDS[kind])}</span>
        <code class="credentials-name" title=${name}>${name}</code>
        <span class="hint push">${t("credReload")}</span>
        <button type="button" class="action" title=${t("credForgetHint")} onClick=${forget}>${t("credForget")}</button>
      </p>
      ${state === "refused" && html`
        <p class="refusal" role="alert"><strong>${detail}.</strong> ${t("authRefusedHint")}</p>`}
      ${state === "unsigned" && html`<p class="refusal" role="alert">${detail}</p>`}
    </div>
  `;
}

function Choice() {
  const isEmbedded = endpointChoice.value === "embedded" && hello.value?.is_owned === true;
  return html`
    <div class="credentials choice">
      <div class="ways">
        <p>${t("credNone")}</p>
        ${isEmbedded && html`
          <section class="way way-demo">
            <button type="button" class="action primary" disabled=${!canSign} onClick=${useDemo}>${t("credDemo")}</button>
            <p class="hint">${t("credDemoHint")}</p>
          </section>`}
        <${Typed} />
        <${Stored} />
      </div>
      <aside class="advice">
        <h3>${t("credAdvice")}</h3>
        <ul>
          <li>${t("credAdvice1")}</li>
          <li>${t("credAdvice2")}</li>
          <li>${t("credAdvice3")}</li>
        </ul>
        <${CareLine} />
      </aside>
    </div>
  `;
}

const ACCEPTED = /^[!-~]{1,256}$/;

function Typed() {
  const name = useRef(/** @type {HTMLInputElement | null} */ (null));
  const secret = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [problem, setProblem] = useState(/** @type {"" | "credEmpty" | "credEmptySecret"} */ (""));
  /** @param {Event} event */
  const submit = async (event) => {
    event.preventDefault();
    if (!name.current || !secret.current) return;
    if (!ACCEPTED.test(name.current.value.trim())) return setProblem("credEmpty");
    if (!ACCEPTED.test(secret.current.value.trim())) return setProblem("credEmptySecret");
    const bytes = new TextEncoder().encode(secret.current.value.trim());
    secret.current.value = "";
    setProblem("");
    return useSecret(name.current.value.trim(), bytes);
  };
  return html`
    <form class="way" onSubmit=${submit} autocomplete="off">
      <h3>${t("credType")}</h3>
      ${canSign ? html`
        <p class="way-fields">
          <input ref=${name} type="text" autocomplete="off" spellcheck=${false} maxlength="256" aria-label=${t("credKey")}
            placeholder=${t("credKey")} />
          <input ref=${secret} type="password" autocomplete="off" spellcheck=${false} maxlength="256"
            aria-label=${t("credSecret")} placeholder=${t("credSecret")} />
          <button type="submit" class="action">${t("credUse")}</button>
        </p>
        ${problem && html`<p class="field-problem" role="alert">${t(problem)}</p>`}
        <p class="hint">${t("credTypedHint")}</p>` : html`<p class="hint">${t("credInsecure")}</p>`}
    </form>
  `;
}

function Stored() {
  const keys = stored.value;
  return html`
    <section class="way">
      <h3>${t("credStored")}</h3>
      <p class="way-fields">
        ${keys === null && html`<button type="button" class="action" disabled=${link.value !== "open"}
          onClick=${listStored}>${t("credList")}</button>`}
        ${keys === "asked" && html`<span class="hint" role="status">${t("credListing")}</span>`}
        ${keys !== null && keys !== "asked" && html`
          ${Object.entries(keys.names).map(([name, endpoint]) => html`
            <button type="button" class="action" key=${name} title=${t("credKeptFor", { endpoint })}
              onClick=${() => useStored(name)}>${name} <small>${endpoint}</small></button>`)}
          ${keys.problem && html`<span class="field-problem" role="alert">${keys.problem}</span>`}
          ${!keys.problem && Object.keys(keys.names).length === 0 && html`<span class="hint">${t("credNoStored")}</span>`}`}
      </p>
      <p class="hint">${t("credStoredHint")}</p>
    </section>
  `;
}
