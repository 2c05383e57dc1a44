// Text from the wire as it may be shown: characters that cannot be seen, or that turn others round, are written out, and
// far too long texts are cut. Copying or saving a frame gives its text as it came.

/** Controls, format characters (zero width, direction), separators, lone surrogates, and characters without a glyph. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;
const IS_UNSEEN = new RegExp(UNSEEN.source, "u");
/** Marks that are set over or under a letter: more than two of them reach into other lines. */
const STACKED = /(\p{M}{2})\p{M}+/gu;

/** @param {string} text @returns {string} with everything in it to be seen; lines and tabs stay */
export function visible(text) {
  if (!IS_UNSEEN.test(text) && !STACKED.test(text)) return text;
  return text.replace(STACKED, "$1…").replace(UNSEEN, (unseen) => (
    unseen === "\n" || unseen === "\t" ? unseen : escaped(unseen)));
}

/** @param {string} unseen one character @returns {string} as JSON may write it */
const escaped = (unseen) => Array.from({ length: unseen.length }, (_, index) => (
  `\\u${unseen.charCodeAt(index).toString(16).padStart(4, "0")}`)).join("");

/** @param {string} text @param {number} limit @returns {string} */
export function shortened(text, limit) {
  return text.length > limit ? `${text.slice(0, limit)}… (${text.length.toLocaleString("en-US")})` : text;
}
