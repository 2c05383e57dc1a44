// The right side: the program for the present choices, and the notes.
import { showOnRight, toggleRightWide } from "../actions.js";
import { html } from "../dom.js";
import { highlight } from "../highlight.js";
import { t } from "../i18n.js";
import { answered, choose, language, offered, query, whyNone } from "../samples.js";
import { rightShows, rightWide } from "../state.js";
import { FoldButton } from "./fold.js";
import { narrow } from "./narrow.js";
import { Notes } from "./notes.js";
import { TabList } from "./tablist.js";
import { useMemo, useState } from "../../vendor/preact-hooks.js";

export function Sample() {
  const tabs = /** @type {const} */ (["sample", "notes"]).map((id) => ({
    id, label: t(id), selected: rightShows.value === id, choose: () => showOnRight(id), attributes: {},
  }));
  const widen = t(rightWide.value ? "sampleNarrower" : "sampleWider");
  return html`
    <aside class="panel sample-panel" aria-label=${t("sample")}>
      <header class="panel-head sample-head">
        <${TabList} label=${t("sample")} controls="right" tabs=${tabs} style="sample-tabs" />
        ${!narrow.value && html`
          <button type="button" class="plain" aria-pressed=${rightWide.value ? "true" : "false"} aria-label=${widen}
            title=${widen} onClick=${toggleRightWide}>↔</button>`}
        <${FoldButton} side="right" />
      </header>
      <div class="sample-body" role="tabpanel" id="right" aria-labelledby="tab-${rightShows.value}">
        ${rightShows.value === "notes" ? html`<${Notes} />` : html`<${Program} />`}
      </div>
    </aside>
  `;
}

function Program() {
  const shown = whyNone.value ? null : answered.value?.given;
  const refusal = answered.value?.query === query.value ? answered.value.refusal : "";
  return html`
    <div class="sample-choice">
      <select aria-label=${t("sampleLanguage")} value=${language.value} onChange=${chooseLanguage} data-test="language">
        ${offered.value.map(({ language: name, title }) => html`<option key=${name} value=${name}>${title}</option>`)}
      </select>
      ${shown && html`<${Verified} verified=${shown.verified} />`}
    </div>
    ${refusal && html`<p class="refusal sample-refusal" role="alert">${refusal}</p>`}
    ${shown ? html`<${Code} shown=${shown} isForScreen=${answered.value?.query === query.value} />`
      : !refusal && html`<p class="empty" data-test="no-sample">${t(whyNone.value || "sampleEmpty")}</p>`}
  `;
}

/** @param {Event} event */
function chooseLanguage({ currentTarget }) {
  if (currentTarget instanceof HTMLSelectElement) choose(currentTarget.value);
}

/** @param {{verified: {versions: string[], date: string} | null}} props */
function Verified({ verified }) {
  if (!verified) return html`<span class="badge" title=${t("sampleNotVerifiedWhy")}>${t("sampleNotVerified")}</span>`;
  const title = `${t("sampleVerifiedWhy", { date: verified.date })}\n${verified.versions.join("\n")}`;
  return html`<span class="badge sample-verified" title=${title}>✓ ${t("sampleVerified")}</span>`;
}

/** Until the program for the present choices has come, the one before is not to be read or taken for it.
 * @param {{shown: import("../samples.js").Sample, isForScreen: boolean}} props */
function Code({ shown, isForScreen }) {
  const { name, source, steps, requires } = shown;
  const colours = useMemo(() => highlight(source, name), [source, name]);
  return html`
    <div class="sample-code ${isForScreen ? "" : "is-old"}" inert=${!isForScreen} aria-busy=${String(!isForScreen)}>
    <div class="sample-tools">
      <code class="sample-name">${name}</code>
      <${Copy} text=${source} label=${t("copy")} />
      <a class="action sample-zip" href="/sample.zip?${query.value}" download title=${t("sampleZipHint")}>
        ${t("sampleZip")}</a>
    </div>
    <pre class="code" tabindex="0" aria-label=${name}>${colours === null
      ? html`<code>${source}</code>`
      : html`<code dangerouslySetInnerHTML=${{ __html: colours }}></code>`}</pre>
    <section class="sample-run" aria-label=${t("sampleRun")}>
      <div class="sample-tools">
        <h3>${t("sampleRun")}</h3><span class="hint">${requires}</span>
        <${Copy} text=${steps.join("\n")} label=${t("copy")} />
      </div>
      <pre class="steps" tabindex="0" aria-label=${t("sampleRun")}>${steps.join("\n")}</pre>
    </section>
    </div>
  `;
}

/** @param {{text: string, label: string}} props */
function Copy({ text, label }) {
  const [copied, setCopied] = useState("");
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(text);
  };
  return html`
    <button type="button" class="action" onClick=${copy}>${copied === text ? t("copied") : label}</button>`;
}
