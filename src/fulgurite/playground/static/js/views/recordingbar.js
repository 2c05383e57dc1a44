// The bar below the header, in sight in every view: the running recording, and the replay with its controls.
import { connect, disconnect } from "../connecting.js";
import { html } from "../dom.js";
import { formatBytes, formatClock, formatSpan } from "../format.js";
import { t } from "../i18n.js";
import { dismissRecorded, record, recorded, recording } from "../recording.js";
import * as replaying from "../replay.js";
import { link, now } from "../state.js";
import { useEffect, useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../messages.js").Replay} Replay */
/** @typedef {import("../messages.js").ReplayState} ReplayState */

const SPEEDS = [0.5, 1, 2, 5, 10, 30, 100];

export function RecordingBar() {
  const replay = replaying.replay.value;
  const state = replaying.replayState.value;
  const opening = replaying.opening.value;
  return html`
    <${DropTarget} />
    ${opening && html`<p class="recording-bar" role="status">${t("opening", { name: opening })}</p>`}
    ${replay && state && html`<${ReplayBar} replay=${replay} state=${state} />`}
    ${recording.value && link.value !== "lost" && html`<${Running} recording=${recording.value} />`}
    ${recorded.value && html`<${Recorded} />`}
  `;
}

/** @param {{replay: Replay, state: ReplayState}} props */
function ReplayBar({ replay, state }) {
  const { paused, speed, ended, seeking } = state;
  const back = () => (replaying.wasConnected() ? connect() : disconnect());
  const play = ended ? t("replayAgain") : paused ? t("replayPlay") : t("replayPause");
  /** @param {Event} event */
  const chooseSpeed = ({ currentTarget }) => {
    if (currentTarget instanceof HTMLSelectElement) {
      replaying.setPace({ speed: currentTarget.value === "max" ? null : Number(currentTarget.value) });
    }
  };
  const toggle = () => {
    if (ended) replaying.seek(replay.from_ms);
    replaying.setPace({ paused: ended ? false : !paused });
  };
  return html`
    <section class="recording-bar replay-bar" aria-label=${t("replay")}>
      <strong class="recording-badge">${t("replayBadge")}</strong>
      <button type="button" class="action replay-play" onClick=${toggle} aria-label=${play} title=${play}>
        <span aria-hidden="true">${ended ? "↺" : paused ? "▶" : "❚❚"}</span>
      </button>
      <select aria-label=${t("replaySpeed")} value=${speed === null ? "max" : String(speed)} onChange=${chooseSpeed}>
        ${SPEEDS.map((value) => html`<option key=${value} value=${String(value)}>${value}×</option>`)}
        <option value="max">${t("replayMax")}</option>
      </select>
      <${Scrub} replay=${replay} state=${state} />
      <span class="replay-word" role="status">
        ${seeking !== null
          ? t("replaySeeking", { percent: Math.round(seeking * 100) })
          : ended ? t("replayEnded") : paused ? t("replayPaused") : ""}
      </span>
      <span class="replay-name" title=${describe(replay)}>${replay.name}</span>
      ${replay.malformed > 0 && html`
        <span class="badge recording-malformed" title=${replay.problems.join("\n")}>
          ${t("replayMalformed", { count: replay.malformed.toLocaleString("en-US") })}</span>`}
      <button type="button" class="action" onClick=${back}>${t("replayLeave")}</button>
    </section>
  `;
}

/** @param {Replay} replay @returns {string} */
const describe = ({ name, dialect, lines, from_ms, to_ms }) => t("replayFacts", {
  name, dialect, lines: lines.toLocaleString("en-US"), span: formatSpan(to_ms - from_ms),
  date: new Date(from_ms).toLocaleString(),
});

/** @param {{replay: Replay, state: ReplayState}} props */
function Scrub({ replay, state }) {
  // While it is dragged it shows where the hand is, and afterwards where the replay is.
  const [dragged, setDragged] = useState(/** @type {number | null} */ (null));
  useEffect(() => setDragged(null), [state.seeking === null]);
  const at = dragged ?? state.at_ms;
  const clock = dragged ?? state.clock_ms;
  /** @param {Event} event */
  const valueOf = ({ currentTarget }) => (currentTarget instanceof HTMLInputElement ? Number(currentTarget.value) : at);
  /** @param {Event} event */
  const go = (event) => {
    replaying.seek(valueOf(event));
    setDragged(null);
  };
  return html`
    <time class="replay-time">${formatClock(clock)}</time>
    <input type="range" class="replay-scrub" aria-label=${t("replayScrub")} aria-valuetext=${formatClock(clock)}
      min=${replay.from_ms} max=${Math.max(replay.to_ms, replay.from_ms + 1)} step="1" value=${at}
      onInput=${(/** @type {Event} */ event) => setDragged(valueOf(event))} onChange=${go} />
    <time class="replay-time hint">${formatClock(replay.to_clock_ms)}</time>
  `;
}

/** @param {{recording: import("../messages.js").Recording}} props */
function Running({ recording }) {
  return html`
    <section class="recording-bar recording-running" aria-label=${t("recording")}>
      <strong class="recording-badge"><span aria-hidden="true">●</span> ${t("recordingBadge")}</strong>
      <span class="recording-facts">${t("recordingFacts", {
        span: formatSpan(now.value - recording.since_ms),
        count: recording.frames.toLocaleString("en-US"),
        bytes: formatBytes(recording.bytes),
      })}</span>
      ${recording.problem && html`<span class="badge recording-malformed" role="status">${recording.problem}</span>`}
      <span class="push"></span>
      <button type="button" class="action" onClick=${() => record(false)}>${t("recordingStop")}</button>
    </section>
  `;
}

function Recorded() {
  const value = recorded.value;
  if (!value) return null;
  const text = t(value.problem === "full" ? "recordedFull" : "recorded", {
    count: value.frames.toLocaleString("en-US"), bytes: formatBytes(value.bytes),
  });
  return html`
    <p class="recording-bar" role="status">
      <span>${text} ${value.problem && value.problem !== "full" ? value.problem : ""}</span>
      <span class="push"></span>
      <button type="button" class="plain" onClick=${dismissRecorded}>${t("dismiss")}</button>
    </p>
  `;
}

/** A file that is dragged over the page can be let go anywhere. */
function DropTarget() {
  const [isOver, setIsOver] = useState(false);
  const depth = useRef(0);
  useEffect(() => {
    /** @param {DragEvent} event */
    const hasFile = (event) => event.dataTransfer?.types.includes("Files") ?? false;
    /** @param {DragEvent} event @param {number} change */
    const move = (event, change) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      depth.current = change ? (depth.current ?? 0) + change : 0;
      setIsOver(depth.current > 0);
    };
    const handlers = {
      dragenter: (/** @type {DragEvent} */ event) => move(event, 1),
      dragleave: (/** @type {DragEvent} */ event) => move(event, -1),
      dragover: (/** @type {DragEvent} */ event) => { if (hasFile(event)) event.preventDefault(); },
      drop: (/** @type {DragEvent} */ event) => {
        move(event, 0);
        const file = event.dataTransfer?.files[0];
        if (file && link.peek() === "open") void replaying.openLog(file);
      },
    };
    for (const [name, handler] of Object.entries(handlers)) {
      addEventListener(name, /** @type {EventListener} */ (handler));
    }
    return () => {
      for (const [name, handler] of Object.entries(handlers)) {
        removeEventListener(name, /** @type {EventListener} */ (handler));
      }
    };
  }, []);
  return isOver && link.value === "open" && html`<div class="drop" role="status"><p>${t("dropHere")}</p></div>`;
}
