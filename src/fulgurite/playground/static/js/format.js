// Numbers, times and sizes as the page writes them.
import { t } from "./i18n.js";

const PRICE_DECIMALS = 8;

// Making one costs fifty times as much as using it, and there are nine.
const formatters = /** @type {Map<number, Intl.NumberFormat>} */ (new Map());

/** @param {number} decimals 0 to 8 @returns {Intl.NumberFormat} */
function formatterOf(decimals) {
  let formatter = formatters.get(decimals);
  if (!formatter) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    formatters.set(decimals, (formatter = new Intl.NumberFormat("en-US", digits)));
  }
  return formatter;
}

/** How many decimals the prices of a list need. @param {number[]} prices @returns {number} */
export function decimalsOf(prices) {
  let most = 0;
  for (const price of prices) {
    const text = price.toFixed(PRICE_DECIMALS).replace(/0+$/, "");
    most = Math.max(most, text.length - text.indexOf(".") - 1);
  }
  return most;
}

/** @param {number} price @param {number} [decimals] @returns {string} with thousands separated */
export const formatPrice = (price, decimals = decimalsOf([price])) =>
  formatterOf(decimals).format(price);

/** @param {number} size @returns {string} four decimals, or as many as a very small one needs */
export function formatSize(size) {
  if (size >= 1000) return size.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return size.toFixed(size > 0 && size < 0.0001 ? 8 : 4);
}

/** @param {number} value @returns {string} digits as few as tell: <0.1, 8.1, 152 */
export function formatRate(value) {
  if (value > 0 && value < 0.05) return "<0.1";
  return value.toFixed(value >= 9.95 ? 0 : 1);
}

/** @param {number} bytes @returns {string} */
export function formatBytes(bytes) {
  if (bytes < 1000) return `${bytes.toFixed(0)} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** @param {number} ms @returns {string} a time span: 0.4 s, 34 s, 2 min 5 s */
export function formatSpan(ms) {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return t("seconds", { n: seconds.toFixed(1) });
  if (seconds < 120) return t("seconds", { n: seconds.toFixed(0) });
  return `${t("minutes", { n: Math.floor(seconds / 60) })} ${t("seconds", { n: Math.floor(seconds % 60) })}`;
}

/** @param {number} ms @returns {string} an age as short as tells: 3 s, 119 s, 12 min, 5 h */
export function formatAge(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return t("seconds", { n: seconds });
  return seconds < 7200 ? t("minutes", { n: Math.floor(seconds / 60) }) : t("hours", { n: Math.floor(seconds / 3600) });
}

/** @param {number} value @param {number} width @returns {string} */
const pad = (value, width) => String(value).padStart(width, "0");

/** @param {number} ms @returns {string} the time of day here: 13:05:09 */
export function formatClock(ms) {
  const date = new Date(ms);
  return `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
}

/** @param {number} ms @returns {string} the time of day here: 13:05:09.042 */
export const formatTime = (ms) => `${formatClock(ms)}.${pad(Math.floor(ms % 1000), 3)}`;

/** @param {string} date as in a message, for example 2026-09-23T03:31:25.6491037Z @returns {string} */
export function formatDate(date) {
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? date.slice(11, 23) || "-" : formatTime(ms);
}
