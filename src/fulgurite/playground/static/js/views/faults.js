// The faults view: faults of the embedded exchange at the press of a button, and their effects on this connection.
import { credentials } from "../account.js";
import { shortName } from "../channels.js";
import { html } from "../dom.js";
import { active, aim, chooseAim, end, give, look, maintaining, ownName, press, refusal, run } from "../faultruns.js";
import { formatClock, formatSpan } from "../format.js";
import { oldProgram } from "../freshness.js";
import { t } from "../i18n.js";
import { showParts } from "../marketdata.js";
import { EXAMPLES, isOfMarkets, PRESETS } from "../presets.js";
import { endpointChoice, hello, isConnected, now } from "../state.js";
import { replay } from "../replay.js";
import { Age } from "./age.js";
import { detailText, gapReason, repairText, statusText } from "./events.js";
import { useLayoutEffect, useState } from "../../vendor/preact-hooks.js";
import { signal } from "../../vendor/signals.js";

/** @typedef {import("../presets.js").Preset} Preset */
/** @typedef {import("../faultruns.js").Happening} Happening */

/** How often the running faults are looked at, in milliseconds: they end by themselves. */
const LOOK_MS = 1500;

/** @param {"N" | "R" | "S"} part @param {string} id @returns {string} the words of a preset */
const words = (part, id) => t(/** @type {import("../i18n.js").Key} */ (`flt${part}_${id}`));

export function Faults() {
  const isOurs = endpointChoice.value === "embedded" && hello.value?.is_owned === true && replay.value === null;
  return html`
    <section class="panel faults-panel" aria-labelledby="faults-title">
      <header class="panel-head">
        <h2 id="faults-title">${t("faults")}</h2>
        <${Age} of=${oldProgram} />
        ${isOurs && html`<${Active} />`}
      </header>
      ${isOurs ? html`<${Board} />` : html`<p class="empty">${t(replay.value ? "fltOfReplay" : "fltOnlyEmbedded")}</p>`}
    </section>
  `;
}

function Board() {
  const [chosen, choose] = useState(run.peek()?.id || "maintenance");
  const preset = PRESETS.find(({ id }) => id === chosen);
  // The effects on the book are shown here, too, and the backend sends it only while it is asked for.
  useLayoutEffect(() => {
    showParts(["book"]);
    return () => showParts([]);
  }, []);
  return html`
    <div class="faults-body">
      <div class="presets">
        <ul aria-label=${t("faults")}>
          ${PRESETS.map(({ id }) => html`
            <li key=${id}>
              <button type="button" class="preset" data-preset=${id} aria-pressed=${id === chosen ? "true" : "false"}
                onClick=${() => choose(id)}>${words("N", id)}
                ${run.value?.id === id && html`<${Light} />`}</button>
            </li>`)}
          <li><button type="button" class="preset preset-hand" data-preset="" aria-pressed=${chosen ? "false" : "true"}
            onClick=${() => choose("")}>${t("fltByHand")} ${run.value?.id === "" && html`<${Light} />`}</button></li>
        </ul>
      </div>
      <div class="fault">
        ${preset ? html`<${Chosen} preset=${preset} />` : html`<${ByHand} />`}
      </div>
    </div>
  `;
}

/** How the last one that was pressed goes. */
function Light() {
  const { struckMs, recoveredMs } = run.value ?? { struckMs: null, recoveredMs: null };
  const name = recoveredMs !== null ? "recovered" : struckMs !== null ? "struck" : "waiting";
  const mark = { recovered: "✓", struck: "✕", waiting: "…" }[name];
  return html`<span class="light light-${name}" aria-hidden="true">${mark}</span>`;
}

/** @param {{preset: Preset}} props */
function Chosen({ preset }) {
  const { id, needsAuth } = preset;
  const lacksAuth = needsAuth && !credentials.value;
  return html`
    <header class="fault-head">
      <h3>${words("N", id)}</h3>
      ${!isOfMarkets(preset) && html`<${Aim} />`}
      <button type="button" class="action primary" disabled=${!isConnected.value || maintaining.value || lacksAuth}
        onClick=${() => press(preset)}>${t("fltPress")}</button>
    </header>
    <p class="hint fault-aim">${isOfMarkets(preset) ? t("fltOfMarkets")
      : aim.value === "page" ? t("fltAimPage", { name: ownName() }) : t("fltAimEveryone")}</p>
    ${lacksAuth && html`<p class="note">${t("fltNeedsAuth")}</p>`}
    ${!isConnected.value && html`<p class="note">${t("fltNeedsConnection")}</p>`}
    ${run.value?.id === id && html`<${Outcome} />`}
    <section class="fault-part"><h4>${t("fltReal")}</h4><p>${words("R", id)}</p></section>
    <section class="fault-part"><h4>${t("fltSample")}</h4><p>${words("S", id)}</p></section>
  `;
}

function Aim() {
  const choices = /** @type {const} */ ([["page", "fltThisPage"], ["everyone", "fltEveryone"]]);
  return html`
    <fieldset class="segments">
      <legend class="for-readers">${t("fltAim")}</legend>
      ${choices.map(([name, label]) => html`
        <label key=${name}>
          <input type="radio" name="fault-aim" value=${name} checked=${aim.value === name}
            onChange=${() => chooseAim(name)} />
          <span>${t(label)}</span>
        </label>`)}
    </fieldset>
  `;
}

/** An example, aimed at this page. @param {import("../faultruns.js").Fault} fault */
const example = (fault) => JSON.stringify(fault.fault === "pings" ? fault : { ...fault, client: ownName() });

// Signals, so that the latest choice or text counts, drawn already or not.
const byHand = signal(/** @type {string | null} */ (null));
const problem = signal("");

function ByHand() {
  const text = () => byHand.value ?? example(/** @type {import("../faultruns.js").Fault} */ (EXAMPLES[0]));
  /** @param {Event} event */
  const read = ({ currentTarget: field }) => {
    if (field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement) byHand.value = field.value;
    problem.value = "";
  };
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    try {
      void give(JSON.parse(text()));
    } catch {
      problem.value = t("fltNoJson");
    }
  };
  return html`
    <header class="fault-head"><h3>${t("fltByHand")}</h3></header>
    <form class="by-hand" onSubmit=${submit}>
      <label class="field">${t("fltExample")}
        <select onChange=${read}>
          ${EXAMPLES.map((fault) => html`
            <option key=${fault.fault} value=${example(fault)}>${fault.fault}</option>`)}
        </select>
      </label>
      <textarea rows="3" spellcheck=${false} maxlength="5000" aria-label=${t("fltByHand")} value=${text()}
        onInput=${read}></textarea>
      ${problem.value && html`<p class="refusal" role="alert">${problem.value}</p>`}
      <p class="hint">${t("fltByHandHint", { name: ownName() })}</p>
      <button type="submit" class="action primary" disabled=${!isConnected.value}>${t("fltGive")}</button>
    </form>
    ${run.value?.id === "" && html`<${Outcome} />`}
  `;
}

/** The faults that are on; they end by themselves, so they are looked at again and again while this is in sight. */
function Active() {
  useLayoutEffect(() => {
    void look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  const faults = active.value;
  const none = faults.length === 0 && !maintaining.value;
  return html`
    <div class="active" role="group" aria-label=${t("fltRunning")}>
      <span class="hint">${t("fltRunning")}: ${none ? t("fltNone") : ""}</span>
      ${maintaining.value && html`<span class="badge">${t("fltMaintaining")}</span>`}
      ${faults.slice(0, 4).map(({ number, fault, client }) => html`
        <span class="badge active-fault" key=${number}>${fault}${client && client !== ownName() ? ` ${client}` : ""}
          <button type="button" class="plain" aria-label=${t("fltStopOf", { fault, number })}
            onClick=${() => end(number)}>${t("fltStop")}</button></span>`)}
      ${faults.length > 4 && html`<span class="hint">+${faults.length - 4}</span>`}
      ${faults.length > 1 && html`
        <button type="button" class="plain" onClick=${() => end()}>${t("fltStopAll")}</button>`}
    </div>
  `;
}

/** Its effects so far. */
function Outcome() {
  const seen = run.value;
  if (!seen) return null;
  if (refusal.value) return html`<p class="refusal" role="alert">${refusal.value}</p>`;
  const { startedMs, struckMs, recoveredMs, happenings, left } = seen;
  const name = recoveredMs !== null ? "recovered" : struckMs !== null ? "struck" : "waiting";
  const still = active.value.length > 0 || maintaining.value;
  const summary = recoveredMs !== null
    ? t("fltRecovered", { span: formatSpan(recoveredMs - startedMs) })
    : struckMs !== null
      ? t("fltStruck", { span: formatSpan(struckMs - startedMs) })
      : t("fltWaiting", { span: formatSpan(now.value - startedMs) });
  return html`
    <section class="fault-part outcome outcome-${name}" data-outcome=${name}>
      <h4>${t("fltHere")}</h4>
      <p class="outcome-summary" role="status"><${Light} /> ${summary} ${still ? t("fltStill") : ""}</p>
      <ol tabindex="0" aria-label=${t("fltHere")}>
        ${left > 0 && html`<li class="hint">${t("earlier", { count: left })}</li>`}
        ${happenings.map((each, index) => html`
          <li key=${index} class="happening happening-${each.type}" data-kind=${each.kind} title=${each.channels.join("\n")}>
            <time title=${formatClock(each.atMs)}>+${formatSpan(each.atMs - startedMs)}</time>
            <span><strong>${textOf(each)}</strong>${each.count > 1 && each.type === "status" ? ` ×${each.count}` : ""}
              ${" "}<span class="hint">${saidOf(each)}</span></span>
          </li>`)}
      </ol>
    </section>
  `;
}

/** @param {Happening} happening @returns {string} */
function saidOf({ type, told, detail }) {
  if (told) return told.type === "gap" ? gapReason(told) : detailText({ ...told, words: null });
  return t(type === "malformed" ? "detMalformed" : "detBook", { detail });
}

/** @param {Happening} happening @returns {string} */
function textOf({ type, kind, channels, count, atMs, fromMs, repairs }) {
  const [first = ""] = channels;
  switch (type) {
    case "gap": {
      const span = formatSpan(atMs - fromMs);
      const what = channels.length > 1
        ? t("fltGap", { span, count: t("countChannels", { count: channels.length }) })
        : t("fltGapOne", { span, channel: shortName(first) });
      const ends = Object.values(repairs);
      const repaired = ends.filter((end) => end === "full").length;
      const isMixed = repaired > 0 && repaired < ends.length;
      return `${what}, ${isMixed ? t("fltGapSome", { count: repaired }) : repairText(kind)}`;
    }
    case "market": return t("fltMarket", { product: first, state: kind });
    case "malformed": return t("fltMalformed", { count });
    case "book": return `${t(kind === "LIVE" ? "fltLive" : kind === "drift" ? "fltDrift" : "fltStale")} ${first}`;
    default: return `${statusText(kind)}${first ? ` ${shortName(first)}` : ""}`;
  }
}
