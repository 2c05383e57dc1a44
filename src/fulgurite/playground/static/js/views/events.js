// The events of a connection, in words.
import { shortName } from "../channels.js";
import { formatSpan } from "../format.js";
import { isKey, t } from "../i18n.js";
import { endpoint } from "../state.js";

/** @typedef {import("../history.js").EventRow} EventRow */
/** @typedef {import("../messages.js").Gap} Gap */

const WORDS = /** @type {Record<string, import("../i18n.js").Key | undefined>} */ ({
  connecting: "stateConnecting", open: "evOpen", authenticated: "evAuthenticated", closed: "evClosed",
  unreachable: "evUnreachable", backing_off: "evBackingOff", failed: "stateFailed", disconnected: "evDisconnected",
  refused: "evRefused", unanswered: "evUnanswered", silent: "evSilent", dead: "evDead", overslept: "evOverslept",
  behind: "evBehind", caught_up: "evCaughtUp", dropped: "evDropped",
  subscribed: "evSubscribed", unsubscribed: "evUnsubscribed",
});
const PAGE_WORDS = /** @type {const} */ ({
  lost: ["pageLost", "pageLostText"], back: ["pageBack", "pageBackText"], slept: ["pageSlept", "pageSleptText"],
  stopped: ["pageStopped", "pageStoppedText"], reloaded: ["pageReloaded", "pageReloadedText"], full: ["pageFull", "pageFullText"],
  locked: ["pageLocked", "pageLockedText"],
});
const REPAIRED = /** @type {Record<string, import("../i18n.js").Key | undefined>} */ ({
  none: "repairedNone", partial: "repairedPartial", full: "repairedFull", pending: "repairedPending",
});

/** Obstacles to a connection, by the kinds of `ConnectFailure`.
 * @type {Record<string, import("../i18n.js").Key | undefined>} */
export const FAILURES = {
  unknown_host: "whyUnknownHost", unreachable: "whyUnreachable", refused: "whyRefused", timeout: "whyTimeout",
  tls: "whyTls", http_status: "whyHttpStatus",
};

/** @param {string} name an endpoint's name or address @returns {string} */
export const endpointWords = (name) => (name === "embedded" || name === "live" ? t(name) : name);

/** The words for a status beside its name, by its kind. */
const DETAILS = /** @type {Record<string, import("../i18n.js").Key | undefined>} */ ({
  closed: "detClosed", silent: "detWait", dead: "detSilent", behind: "detBehind", caught_up: "detCaughtUp",
  dropped: "detDropped", unanswered: "detUnanswered", backing_off: "detWait",
});
/** Why something was missed, by the kinds of `GapCause`. */
const CAUSES = /** @type {Record<string, import("../i18n.js").Key | undefined>} */ ({
  dropped: "gapDropped", renumbered: "gapAgain", withheld: "gapNotBrought", unrecorded: "gapUnrecorded",
  silent: "gapSilent", unreadable: "gapUnreadable",
});

/** @param {import("../messages.js").Status} row @returns {string} its words: our own where its kind is known */
export function detailText({ kind, failure, http_status, code, seconds, words, detail }) {
  const why = FAILURES[failure ?? ""];
  if (why) return t(why, { endpoint: endpointWords(endpoint.value), code: http_status ?? t("whyNoCode") });
  const key = kind === "closed" && code !== null ? "detClosedCode" : DETAILS[kind];
  const said = words ? ` "${words}"` : "";
  const values = { detail: words ?? detail, meaning: code === null ? "" : codeText(code), words: said };
  return key ? t(key, { ...values, span: formatSpan((seconds ?? 0) * 1000) }) : words ?? detail;
}

/** @param {{reason: string, cause?: string, code?: number | null, gaps?: readonly Gap[]}} gap @returns {string} why */
export function gapReason({ reason, gaps, ...own }) {
  const { cause, code = null } = gaps?.[0] ?? own;
  return t(CAUSES[cause ?? ""] ?? (code === null ? "gapByItself" : "gapByCode"), { detail: reason, code: code ?? "" });
}

/** @param {string} kind @returns {string} a status in words */
export const statusText = (kind) => (WORDS[kind] ? t(WORDS[kind]) : kind);

/** @param {number} code @returns {string} the meaning of a close code (RFC 6455, section 7.4) */
export function codeText(code) {
  const key = `code${code}`;
  return t(isKey(key) ? key : "codeOther");
}

/** @typedef {{from_ms: number, to_ms: number}} Times */

/** How long it was; of several channels each was last heard of at its own moment.
 * @param {readonly Times[]} gaps @returns {string} */
function spanOf(gaps) {
  const spans = gaps.map(({ from_ms, to_ms }) => to_ms - from_ms);
  const [least, most] = [formatSpan(Math.min(...spans)), formatSpan(Math.max(...spans))];
  return least === most ? least : t("gapSpans", { least, most });
}

/** @param {Times & {channels: string[], gaps?: Gap[]}} gap @returns {string} the missed time, in words */
export function gapText(gap) {
  const first = shortName(gap.channels[0] ?? "");
  const count = gap.channels.length - 1;
  const channels = count ? t("gapMore", { channel: first, count }) : first;
  return t("gapText", { span: spanOf(gap.gaps ?? [gap]), channels });
}

/** @param {string} repaired of a gap @returns {string} in words */
export const repairText = (repaired) => t(REPAIRED[repaired] ?? "repairedNone");

/** @param {{reason: string, repaired: string, gaps?: readonly Gap[]}} gap @returns {string} why, and whether repaired */
export const gapDetail = (gap) => `${gapReason(gap)}; ${repairText(gap.repaired)}`;

/** @param {Gap} gap @returns {string} the fetched part of a channel's gap */
export function fetchedText(gap) {
  const count = gap.recovered;
  switch (gap.repaired) {
    case "pending": return t("fetchedPending");
    case "full": return count ? t("fetchedFull", { count }) : t("fetchedNothing");
    case "partial": return t("fetchedPartial", { count, note: gap.note });
    case "none": return gap.note ? t("fetchedNone", { note: gap.note }) : t("fetchedNever");
  }
}

/** @param {import("../history.js").PageRow} row @returns {string} the event of the page, and its consequence */
export const pageText = (row) => t(PAGE_WORDS[row.kind][1], { span: formatSpan(row.seconds * 1000) });

/** @param {EventRow} row @returns {{title: string, text: string, meaning?: string}} an event's name, all else in short,
 *   and the meaning of its close code where the text lacks it */
export function eventWords(row) {
  switch (row.type) {
    case "gap": return { title: t("gap"), text: `${gapText(row)}. ${gapDetail(row)}` };
    case "page": return { title: t(PAGE_WORDS[row.kind][0]), text: pageText(row) };
    case "subscribed":
    case "unsubscribed": return { title: statusText(row.type), text: answersText(row) };
    case "status": {
      const title = row.code === null ? statusText(row.kind) : `${statusText(row.kind)} ${row.code}`;
      const span = row.kind === "overslept" && row.seconds !== null ? formatSpan(row.seconds * 1000) : "";
      const number = row.connection ? t("evNumbered", { number: row.connection + 1 }) : "";
      const channel = row.channel && shortName(row.channel);
      const meaning = row.code === null ? "" : codeText(row.code);
      const text = [number, channel, span, detailText(row)].filter(Boolean).join(" ");
      return { title, text, meaning: text.includes(meaning) ? "" : meaning };
    }
  }
}

/** @param {import("../history.js").Answers} row @returns {string} */
function answersText({ type, answers }) {
  const count = answers.length;
  const only = shortName(answers[0]?.channel ?? "");
  if (type === "unsubscribed") return count > 1 ? t("countChannels", { count }) : only;
  const ms = answers.map(({ seconds }) => (seconds ?? 0) * 1000);
  const [least, most] = [formatMs(Math.min(...ms)), formatMs(Math.max(...ms))];
  return count > 1 ? t("answersMany", { count, least, most }) : t("answersOne", { channel: only, ms: most });
}

/** @param {number} ms @returns {string} three digits that tell */
export const formatMs = (ms) => ms.toFixed(Math.abs(ms) < 9.95 ? 1 : 0);
