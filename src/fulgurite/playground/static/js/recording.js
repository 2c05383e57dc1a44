// The recording of the connection's frames; at its end the browser saves it as a file.
import { signal } from "../vendor/signals.js";
import { fetchGuarded, send } from "./backend.js";
import { fileName, saveFile } from "./framelogfile.js";
import { replay } from "./replay.js";
import * as state from "./state.js";

/** @typedef {import("./messages.js").Recording} Recording */

export const recording = signal(/** @type {Recording | null} */ (null));
/** The last recording, once it is saved, until it is dismissed. */
export const recorded = signal(/** @type {{frames: number, bytes: number, problem: string} | null} */ (null));

let recordedFrom = "";

/** @param {boolean} on */
export function record(on) {
  if (on) recordedFrom = sourceWord();
  dismissRecorded();
  send({ type: "record", on });
}

export const dismissRecorded = () => { recorded.value = null; };

/** @returns {string} the present source, for the name of a file; of an address its host alone, since the rest may be
 * secret */
export function sourceWord() {
  if (replay.value) return replay.value.name.replace(/(\.\w+)+$/, "");
  if (state.endpointChoice.value !== "url") return state.endpointChoice.value;
  return URL.canParse(state.endpoint.value) ? new URL(state.endpoint.value).host : "url";
}

/** @type {import("./messages.js").Handlers} */
export const handlers = {
  recording(message) {
    recording.value = message.active ? message : null;
    if (message.key) void fetchRecording(message);
  },
  replay: dismissRecorded,
};

/** @param {Recording} message */
async function fetchRecording({ key, frames, bytes, since_ms, problem }) {
  const answer = await fetchGuarded(`/logs/${key}`);
  if (!answer.ok) return;
  const blob = await answer.blob();
  saveFile([blob], fileName("recording", recordedFrom, since_ms));
  recorded.value = { frames, bytes: Math.max(bytes, blob.size), problem };
}
