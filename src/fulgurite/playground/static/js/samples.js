// The sample beside the views: the program for exactly the chosen channels, in a language the user chooses.
import { isAddress } from "./address.js";
import { fetchGuarded } from "./backend.js";
import { replay } from "./replay.js";
import * as state from "./state.js";
import { keep, recallText } from "./storage.js";
import { computed, effect, signal } from "../vendor/signals.js";

/**
 * @typedef {{language: string, title: string, dialect: string, requires: string, is_page: boolean,
 *   verified: {versions: string[], date: string} | null}} Listed
 */
/** @typedef {Listed & {name: string, source: string, files: Record<string, string>, steps: string[]}} Sample */
/** @typedef {{query: string, given: Sample | null, refusal: string}} Answered a question and its answer */

/** Clicks come in bunches: it is asked for the sample so long after the last. */
const QUIET_MS = 150;

/** The language of the sample; null until the user chooses one. */
export const chosen = signal(recallText("sample"));
export const listed = signal(/** @type {Listed[]} */ ([]));
/** The backend's last sample or refusal; it is for `query` once its own is the same. */
export const answered = signal(/** @type {Answered | null} */ (null));

/** The samples of the dialect in use, by the names of their languages. */
export const offered = computed(() => (
  listed.value.filter(({ dialect }) => dialect === state.dialect.value)
    .toSorted((one, other) => one.title.localeCompare(other.title))));

export const language = computed(() => {
  const names = offered.value.map((each) => each.language);
  return names.find((name) => name === chosen.value) ?? names.find((name) => name === "python") ?? names[0] ?? "";
});

/** @param {string} name */
export function choose(name) {
  chosen.value = name;
  keep("sample", name);
}

/** Why there is no program for the present choices, as a key of the page's texts; "" where there is one. A program for
 * other choices is never shown in its place. */
export const whyNone = computed(() => {
  if (replay.value) return /** @type {const} */ ("sampleOfReplay");
  // An address is not one yet while it is being typed; one that would be refused is not asked for.
  if (state.endpointChoice.value === "url" && !isAddress(state.endpoint.value)) {
    return /** @type {const} */ ("sampleNoEndpoint");
  }
  return state.wanted.value.size ? "" : /** @type {const} */ ("sampleNoChannel");
});

/** The present choices as the parameters of a sample; "" where there is none. */
export const query = computed(() => {
  if (!language.value || whyNone.value) return "";
  const asked = new URLSearchParams({
    language: language.value,
    dialect: state.dialect.value,
    endpoint: state.endpoint.value,
    auth: String([...state.wanted.value].some((channel) => channel.endsWith("_order_events"))),
  });
  for (const channel of state.wanted.value) asked.append("channel", channel);
  return String(asked);
});

/** Keep the list and the sample as they should be, from now on. */
export function follow() {
  effect(() => {
    if (state.link.value === "open") void list();
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  effect(() => {
    const asked = query.value;
    clearTimeout(timer);
    if (asked && !state.rightFolded.value) timer = setTimeout(load, QUIET_MS, asked);
  });
}

async function list() {
  const answer = await fetchGuarded("/samples.json").catch(() => null);
  if (answer?.ok) listed.value = await answer.json();
}

/** @param {string} asked */
async function load(asked) {
  const answer = await fetchGuarded(`/sample?${asked}`).catch(() => null);
  // Meanwhile it may be another that is wanted; and a backend that is gone is said elsewhere.
  if (!answer || asked !== query.peek()) return;
  const body = await answer.json();
  answered.value = answer.ok ? { query: asked, given: body, refusal: "" }
    : { query: asked, given: null, refusal: body.error };
}
