// What happened to a connection, in words.
import { shortName } from "../channels.js";
import { formatSpan } from "../format.js";
import { t } from "../i18n.js";

/** @typedef {import("../framelog.js").GapRow} GapRow */

const WORDS = /** @type {const} */ ({
  connecting: "evConnecting", open: "evOpen", closed: "evClosed", unreachable: "evUnreachable",
  backing_off: "evBackingOff", failed: "evFailed", disconnected: "evDisconnected", refused: "evRefused",
  silent: "evSilent", dead: "evDead",
});
const REPAIRED = /** @type {const} */ ({ none: "repairedNone", partial: "repairedPartial", full: "repairedFull" });

/** @param {string} kind @returns {string} a status in words */
export const statusText = (kind) => (kind in WORDS ? t(WORDS[/** @type {keyof typeof WORDS} */ (kind)]) : kind);

/** @param {GapRow} gap @returns {string} what was missed, in words */
export function gapText(gap) {
  const first = shortName(gap.channels[0] ?? "");
  const count = gap.channels.length - 1;
  const channels = count ? t("gapMore", { channel: first, count }) : first;
  return t("gapText", { span: formatSpan(gap.to_ms - gap.from_ms), channels });
}

/** @param {GapRow} gap @returns {string} why, and whether it was repaired */
export function gapDetail(gap) {
  const { repaired } = gap;
  const words = repaired in REPAIRED ? t(REPAIRED[/** @type {keyof typeof REPAIRED} */ (repaired)]) : repaired;
  return `${gap.reason}; ${words}`;
}
