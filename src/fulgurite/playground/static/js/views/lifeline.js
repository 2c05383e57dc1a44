// The life of one order as a line: a mark for each event, gaps where nothing was heard, as thick as its outstanding size.
import { html } from "../dom.js";
import { formatClock, formatPrice, formatSize, formatSpan, formatTime } from "../format.js";
import { t } from "../i18n.js";
import { isOpen } from "../orderlives.js";

/** @typedef {import("../orderlives.js").Life} Life */
/** @typedef {import("../orderlives.js").Moment} Moment */

const STEP = 62;
/** The room that an open end takes, and the number of those that are not drawn. */
const ENDS = 52;
const HEIGHT = 42;
const MIDDLE = 19;
const THICKEST = 7;

const NAMES = /** @type {const} */ ({ ACCEPTED: "mvAccepted", LISTED: "mvListed" });

/** @param {Moment} moment @returns {string} */
function nameOf({ type, count, index, fromMs, atMs }) {
  if (type === "GAP") return t("gapSpan", { span: formatSpan(atMs - (fromMs ?? atMs)) });
  if (type === "UNRESOLVED") return "?";
  const name = type in NAMES ? t(NAMES[/** @type {keyof typeof NAMES} */ (type)]) : SHORT[type] ?? type;
  return `${name}${index ? ` ${index}` : ""}${count > 1 ? ` ×${count}` : ""}`;
}

/** Words of the wire that are too long for a mark. */
const SHORT = /** @type {Record<string, string>} */ ({
  EXECUTION: "EXEC", ORDER_FAILED: "FAILED", CANCEL_FAILED: "NO CANCEL",
});

/** @param {Moment} moment @returns {string} all about it */
function inWords(moment) {
  const { type, atMs, fromMs, date, detail, size, outstanding, reconciled } = moment;
  if (type === "GAP") {
    const key = ({ pending: "mvGapPending", full: "mvGapFull", partial: "mvGapPartial" })[moment.repaired ?? ""];
    const values = { span: formatSpan(atMs - (fromMs ?? atMs)), detail };
    return t(/** @type {import("../i18n.js").Key} */ (key ?? "mvGapNone"), values);
  }
  if (type === "UNRESOLVED") return t("mvUnresolved");
  const words = [formatTime(atMs), type];
  if (type === "ACCEPTED") words.push(t("mvAcceptedHint"));
  if (type === "LISTED") words.push(t("mvListedHint"));
  if (size) words.push(`${formatSize(size)}${detail ? ` @ ${formatPrice(Number(detail))}` : ""}`);
  else if (detail) words.push(detail);
  if (type === "EXECUTION" && outstanding !== null) words.push(`(${formatSize(outstanding)})`);
  if (reconciled) words.push(`(${t("mvReconciled")})`);
  if (date) words.push(`event_date ${date}`);
  return words.join(" ");
}

/** @param {Moment} moment @param {Moment | undefined} before @returns {string} when, or how much later */
function timeOf({ atMs, type }, before) {
  if (type === "GAP") return "";
  if (!before || before.type === "GAP") return formatClock(atMs);
  const ms = Math.max(0, atMs - before.atMs);
  return `+${ms < 1000 ? `${ms.toFixed(0)} ms` : formatSpan(ms)}`;
}

/** @param {Life} life @param {number | null} outstanding @returns {number} the line's thickness */
function thickness({ size, kind }, outstanding) {
  if (kind === "parent" || !size || outstanding === null) return 3;
  return outstanding <= 0 ? 0 : Math.max(1.5, (THICKEST * outstanding) / size);
}

/** @param {{life: Life, room: number}} props the newest events are drawn, as many as there is room for, in pixels */
export function Lifeline({ life, room }) {
  const moments = life.moments.slice(-Math.max(2, Math.floor((room - ENDS) / STEP)));
  const open = isOpen(life);
  const width = STEP * moments.length + (open ? 26 : 0);
  const x = (/** @type {number} */ index) => STEP * index + STEP / 2;
  const left = life.left + life.moments.length - moments.length;
  return html`
    <div class="lifeline life-${life.side === "SELL" ? "sell" : life.side === "BUY" ? "buy" : "none"}">
      ${left > 0 && html`<span class="hint life-left" title=${t("earlier", { count: left })}>+${left}</span>`}
      <svg width=${width} height=${HEIGHT} role="img" aria-label=${moments.map(inWords).join("; ")}>
        ${moments.map((moment, index) => {
          const next = moments[index + 1];
          const last = index === moments.length - 1;
          if (last && !open) return null;
          const end = last ? x(index) + STEP / 2 + 14 : x(index + 1);
          const style = next?.type === "GAP" ? "life-gap" : last ? "life-open" : "";
          return html`<line key=${index} class="life-line ${style}" x1=${x(index)} x2=${end} y1=${MIDDLE} y2=${MIDDLE}
            stroke-width=${Math.max(1.5, thickness(life, moment.outstanding))} />`;
        })}
        ${moments.map((moment, index) => html`
          <g key=${index} class="moment moment-${moment.type.toLowerCase()} ${moment.reconciled ? "is-reconciled" : ""}"
            data-moment=${moment.type} data-repaired=${moment.repaired}>
            <title>${inWords(moment)}</title>
            <${Mark} moment=${moment} x=${x(index)} />
            <text class="moment-name" x=${x(index)} y="9">${nameOf(moment)}</text>
            <text class="moment-time" x=${x(index)} y=${HEIGHT - 4}>${timeOf(moment, moments[index - 1])}</text>
          </g>`)}
      </svg>
    </div>
  `;
}

/** A shape for each kind of event, so that colour is not alone. @param {{moment: Moment, x: number}} props */
export function Mark({ moment: { type }, x }) {
  const y = MIDDLE;
  switch (type) {
    case "GAP":
      return html`<g><rect class="mark-ground" x=${x - 11} y=${y - 6} width="22" height="12" />
        <path d="M${x - 11} ${y - 6}v12M${x + 11} ${y - 6}v12" /><path d="M${x - 6} ${y + 4}l4 -8M${x + 1} ${y + 4}l4 -8" /></g>`;
    case "EXECUTION":
    case "COMPLETE":
      return html`<circle class="mark-full" cx=${x} cy=${y} r="5" />`;
    case "CANCEL":
      return html`<g><circle class="mark-ground" cx=${x} cy=${y} r="5.5" />
        <path d="M${x - 4} ${y - 4}l8 8M${x + 4} ${y - 4}l-8 8" /></g>`;
    case "EXPIRE":
      return html`<path class="mark-ground" d="M${x - 5} ${y - 5}h10l-10 10h10z" />`;
    case "TRIGGER":
      return html`<path class="mark-full" d="M${x - 4} ${y - 5.5}l9 5.5l-9 5.5z" />`;
    case "ORDER_FAILED":
    case "CANCEL_FAILED":
      return html`<path class="mark-full" d="M${x} ${y - 6}l6 11h-12z" />`;
    case "UNRESOLVED":
      return html`<rect class="mark-ground" x=${x - 5} y=${y - 5} width="10" height="10" />`;
    case "ACCEPTED":
    case "LISTED":
      return html`<circle class="mark-ground mark-small" cx=${x} cy=${y} r="3" />`;
    default:
      return html`<circle class="mark-ground" cx=${x} cy=${y} r="5" />`;
  }
}
