// The book over the last minutes: price by time, size as colour, with the best prices as lines and executions as dots.
// The unknown, while the book was STALE or there was no connection, is hatched.
import { html } from "../dom.js";
import { faded, readColours, rgb, watchColours } from "../colours.js";
import { decimalsOf, formatClock, formatPrice, formatSize, formatSpan } from "../format.js";
import { whyOld } from "../freshness.js";
import { COLUMN_MS } from "../heatstore.js";
import { language, t } from "../i18n.js";
import { heatStore, heatVersion } from "../marketdata.js";
import { product } from "../state.js";
import { ticks } from "../ticks.js";
import { hatch, useDrawing } from "./drawing.js";

/** @typedef {import("../colours.js").Colours} Colours */
/** @typedef {import("../messages.js").Column} Column */
/** @typedef {import("./drawing.js").Surface} Surface */

const FONT = "11px system-ui, sans-serif";
const AXIS_HEIGHT = 20;
const LABEL_HEIGHT = 15;
/** Device pixels of a column: as many as fit, so that the first seconds are seen and then ever more of the past. */
const WIDEST_COLUMN = 4;
const LABEL_WIDTH = 50;
/** So many columns may be left out without the book having been unknown. */
const LATE_SLOTS = 4;
const STEEPNESS = 0.7;
const TICK_SPANS_S = [5, 10, 30, 60, 120, 300];

export function HeatMap() {
  const ref = useDrawing(watch, draw);
  void heatVersion.value;
  const { columns } = heatStore;
  return html`
    <div class="chart-place">
      <canvas class="chart-canvas" ref=${ref} role="img" aria-label=${describe()} data-test="heatmap"
        data-columns=${columns.length} data-unknown=${columns.filter(isUnknown).length}></canvas>
      ${columns.every(isUnknown) && whyOld() === null && html`<div class="overlay"><p>${t("heatmapEmpty")}</p></div>`}
    </div>
  `;
}

/** The meaning of the colours. */
export function HeatScale() {
  void heatVersion.value;
  if (!heatStore.full) return null;
  return html`
    <p class="heat-scale" title=${t("heatScaleHint")}>
      0 <span class="heat-ramp" aria-hidden="true"></span> ${formatSize(heatStore.full)}
    </p>
  `;
}

function watch() {
  void heatVersion.value;
  void language.value;
  watchColours();
}

/** @param {Column} column */
const isUnknown = ([, , , , sizes]) => sizes.length === 0;

/** @returns {string} the map in words */
function describe() {
  const { columns } = heatStore;
  const name = t("heatmapOf", { product: product.value });
  const newest = columns.findLast((column) => !isUnknown(column));
  if (!newest) return name;
  const span = formatSpan((columns.at(-1)?.[0] ?? 0) - (columns[0]?.[0] ?? 0));
  const bid = formatPrice(newest[1]);
  const ask = formatPrice(newest[2]);
  const unknown = formatSpan(columns.filter(isUnknown).length * COLUMN_MS);
  return `${name}: ${t("heatmapSummary", { span, bid, ask, unknown })}`;
}

/** @param {Surface} surface */
function draw({ context, width, height, ratio, pointer }) {
  const colours = readColours();
  const { columns, step } = heatStore;
  const newestMs = heatStore.newestMs();
  const oldest = columns[0];
  const lastKnown = columns.findLast((column) => !isUnknown(column));
  if (!oldest || !lastKnown) return;
  const decimals = decimalsOf([step, lastKnown[1], lastKnown[2]]);
  context.font = FONT;
  const axisWidth = Math.ceil(context.measureText(formatPrice(lastKnown[2], decimals)).width) + 12;
  const plot = { width: Math.max(1, width - axisWidth), height: height - AXIS_HEIGHT };
  const across = Math.floor(plot.width * ratio);
  const count = (newestMs - oldest[0]) / COLUMN_MS + 1;
  const columnWidth = Math.min(WIDEST_COLUMN * Math.ceil(ratio), Math.max(1, Math.floor(across / count))) / ratio;
  const slots = Math.ceil(plot.width / columnWidth);
  const range = heatStore.range(newestMs - slots * COLUMN_MS);
  if (!range) return;
  const rowHeight = plot.height / (range.last - range.first + 1);

  /** The left edge of a column. @param {number} atMs */
  const x = (atMs) => plot.width - ((newestMs - atMs) / COLUMN_MS + 1) * columnWidth;
  /** @param {number} price */
  const y = (price) => plot.height - (price / step - range.first) * rowHeight;
  const view = { context, colours, columns: columns.filter(([atMs]) => x(atMs) > -columnWidth), columnWidth, plot, x, y };

  const labels = bestLabels(view);
  drawAxes(view, range, { decimals, newestMs, height, taken: labels.map((label) => label.at) });
  const first = view.columns[0];
  if (first) drawSizes(view, range, (newestMs - first[0]) / COLUMN_MS + 1);
  context.save();
  context.beginPath();
  context.rect(0, 0, plot.width, plot.height);
  context.clip();
  drawUnknown(view, newestMs);
  drawBest(view, 1, colours.buy);
  drawBest(view, 2, colours.sell);
  drawTrades(view);
  context.restore();
  drawLabels(view, labels, { decimals, axisWidth });
  if (pointer && pointer.x < plot.width && pointer.y < plot.height) {
    drawPointer(view, pointer, { newestMs, decimals, first: range.first, rowHeight });
  }
}

/**
 * @typedef {object} View
 * @property {CanvasRenderingContext2D} context
 * @property {Colours} colours
 * @property {Column[]} columns those in sight
 * @property {number} columnWidth
 * @property {{width: number, height: number}} plot
 * @property {(atMs: number) => number} x
 * @property {(price: number) => number} y
 */

const picture = document.createElement("canvas");

/** One pixel for each size, drawn as large as the plot. @param {View} view @param {{first: number, last: number}} range
 * @param {number} count of columns, with those that are not there */
function drawSizes({ context, colours, columns, columnWidth, plot }, range, count) {
  const rows = range.last - range.first + 1;
  const pen = picture.getContext("2d");
  if (!pen) return;
  Object.assign(picture, { width: count, height: rows });
  const image = pen.createImageData(count, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const ramp = colourRamp(colours);
  const newestMs = heatStore.newestMs();
  for (const [place, [atMs, , , first, sizes]] of columns.entries()) {
    const column = count - 1 - Math.round((newestMs - atMs) / COLUMN_MS);
    const width = slotsUntil(columns[place + 1], atMs);
    for (let index = 0; index < sizes.length; index += 1) {
      const size = sizes[index] ?? 0;
      const row = range.last - first - index;
      if (size > 0 && row >= 0 && row < rows) {
        // Sizes differ by powers of ten: without a root the small ones could not be told from none.
        const strength = Math.min(255, Math.round((size / heatStore.full) ** STEEPNESS * 255));
        pixels.fill(ramp[strength] ?? 0, row * count + column, row * count + column + width);
      }
    }
  }
  pen.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, plot.width - count * columnWidth, 0, count * columnWidth, plot.height);
}

/** How wide a column is, in slots: a busy machine may have left out the next ones. @param {Column | undefined} next
 * @param {number} atMs */
function slotsUntil(next, atMs) {
  const slots = next ? (next[0] - atMs) / COLUMN_MS : 1;
  return slots > 0 && slots <= LATE_SLOTS ? slots : 1;
}

/** From the ground over the accent to the text's colour, as pixels. @param {Colours} colours @returns {Uint32Array} */
function colourRamp(colours) {
  const stops = [rgb(colours.panel), rgb(colours.accent), rgb(colours.text)];
  return Uint32Array.from({ length: 256 }, (_, index) => {
    const place = (index / 255) * 1.5;
    const [from, to] = place < 1 ? [stops[0], stops[1]] : [stops[1], stops[2]];
    const share = place < 1 ? 0.06 + place * 0.94 : place - 1;
    const [red = 0, green = 0, blue = 0] = [0, 1, 2].map((part) =>
      Math.round((from?.[part] ?? 0) + ((to?.[part] ?? 0) - (from?.[part] ?? 0)) * share));
    // The order of bytes in memory is red, green, blue, alpha on every machine that browsers run on.
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

/** The times without a known book since the first known one. @param {View} view @param {number} newestMs */
function drawUnknown({ context, colours, columns, columnWidth, plot, x }, newestMs) {
  const paint = { ground: faded(colours["warn-ground"], 0.75), stripe: faded(colours["warn-line"], 0.5) };
  /** @param {number} fromMs @param {number} toMs */
  const shade = (fromMs, toMs) => {
    const left = Math.max(0, x(fromMs));
    const across = x(toMs) - left;
    hatch(context, { x: left, y: 0, width: across, height: plot.height }, paint);
    if (across < LABEL_WIDTH) return;
    context.font = `600 ${FONT}`;
    context.textAlign = "center";
    context.fillStyle = colours.warn;
    context.fillText(t("notKnown"), left + across / 2, 16, across);
  };
  const begin = columns.findIndex((column) => !isUnknown(column));
  if (begin < 0) return;
  /** @type {number | null} */
  let since = null;
  for (const [place, column] of columns.entries()) {
    if (place < begin) continue;
    if (isUnknown(column)) since ??= column[0];
    else if (since !== null) {
      shade(since, column[0]);
      since = null;
    }
    const end = column[0] + slotsUntil(columns[place + 1], column[0]) * COLUMN_MS;
    if (since === null && (columns[place + 1]?.[0] ?? end) > end) since = end;
  }
  if (since !== null) shade(since, newestMs + COLUMN_MS);
}

/** @param {View} view @param {1 | 2} side where the price stands in a column @param {string} colour */
function drawBest({ context, columns, columnWidth, x, y }, side, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  let endedAt = -Infinity;
  for (const [place, column] of columns.entries()) {
    if (isUnknown(column)) continue;
    const left = x(column[0]);
    const height = y(column[side]);
    if (left - endedAt > 0.01) context.moveTo(left, height);
    else context.lineTo(left, height);
    endedAt = left + slotsUntil(columns[place + 1], column[0]) * columnWidth;
    context.lineTo(endedAt, height);
  }
  context.stroke();
}

/** @param {View} view */
function drawTrades({ context, colours, columns, columnWidth, x, y }) {
  const most = Math.max(...columns.flatMap(([, , , , , trades]) => trades.map(([, , size]) => size)), 0);
  context.lineWidth = 1;
  context.strokeStyle = colours.panel;
  for (const [atMs, , , , , trades] of columns) {
    for (const [side, price, size] of trades) {
      context.fillStyle = side === "BUY" ? colours.buy : side === "SELL" ? colours.sell : colours.text;
      context.beginPath();
      context.arc(x(atMs) + columnWidth / 2, y(price), 2 + 5 * Math.sqrt(size / most), 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
}

/** @param {View} view @param {{first: number, last: number}} range
 * @param {{decimals: number, newestMs: number, height: number, taken: number[]}} how */
function drawAxes({ context, colours, columnWidth, plot, x, y }, range, { decimals, newestMs, height, taken }) {
  context.font = FONT;
  context.strokeStyle = faded(colours.line, 0.6);
  context.lineWidth = 1;
  context.fillStyle = colours.muted;
  context.textBaseline = "middle";
  context.textAlign = "left";
  const { step } = heatStore;
  for (const price of ticks(range.first * step, (range.last + 1) * step, Math.max(2, Math.floor(plot.height / 44)))) {
    const at = Math.round(y(price)) + 0.5;
    line(context, 0, at, plot.width, at);
    if (at < 8 || at > plot.height - 6 || taken.some((other) => Math.abs(other - at) < LABEL_HEIGHT)) continue;
    context.fillText(formatPrice(price, decimals), plot.width + 6, at);
  }
  const spanS = ((plot.width / columnWidth) * COLUMN_MS) / 1000;
  const everyMs = (TICK_SPANS_S.find((seconds) => plot.width / (spanS / seconds) > 80) ?? 300) * 1000;
  context.textAlign = "center";
  for (let atMs = Math.floor(newestMs / everyMs) * everyMs; x(atMs) > 0; atMs -= everyMs) {
    const at = Math.round(x(atMs)) + 0.5;
    line(context, at, 0, at, plot.height);
    if (at > 26 && at < plot.width - 20) context.fillText(formatClock(atMs), at, height - AXIS_HEIGHT / 2);
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} left @param {number} top @param {number} right
 * @param {number} bottom */
function line(context, left, top, right, bottom) {
  context.beginPath();
  context.moveTo(left, top);
  context.lineTo(right, bottom);
  context.stroke();
}

/** @typedef {{price: number, at: number, colour: string}} Label */

/** Where the best prices stand on the axis. @param {View} view @returns {Label[]} */
function bestLabels({ colours, columns, y }) {
  const newest = columns.at(-1);
  if (!newest || isUnknown(newest)) return [];
  const [bid, ask] = [y(newest[1]), y(newest[2])];
  // Apart, so that both can be read.
  const apart = Math.max(0, LABEL_HEIGHT - (bid - ask)) / 2;
  return [
    { price: newest[2], at: ask - apart, colour: colours.sell },
    { price: newest[1], at: bid + apart, colour: colours.buy },
  ];
}

/** @param {View} view @param {Label[]} labels @param {{decimals: number, axisWidth: number}} how */
function drawLabels({ context, colours, plot }, labels, { decimals, axisWidth }) {
  context.font = FONT;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const { price, at, colour } of labels) {
    context.fillStyle = colour;
    context.fillRect(plot.width, at - LABEL_HEIGHT / 2, axisWidth, LABEL_HEIGHT);
    context.fillStyle = colours.panel;
    context.fillText(formatPrice(price, decimals), plot.width + 6, at + 0.5);
  }
}

/** Cross lines, and the values there. @param {View} view @param {{x: number, y: number}} pointer
 * @param {{newestMs: number, decimals: number, first: number, rowHeight: number}} how */
function drawPointer({ context, colours, columns, columnWidth, plot }, pointer, { newestMs, decimals, first, rowHeight }) {
  const atMs = newestMs - Math.floor((plot.width - pointer.x) / columnWidth) * COLUMN_MS;
  const row = first + Math.floor((plot.height - pointer.y) / rowHeight);
  const column = columns.find(([time]) => time === atMs);
  const size = column && !isUnknown(column) ? formatSize(column[4][row - column[3]] ?? 0) : t("notKnown");
  context.strokeStyle = colours.muted;
  context.setLineDash([3, 3]);
  line(context, pointer.x, 0, pointer.x, plot.height);
  line(context, 0, pointer.y, plot.width, pointer.y);
  context.setLineDash([]);
  const text = `${formatClock(atMs)}   ${formatPrice(row * heatStore.step, decimals)}   ${size}`;
  context.font = FONT;
  const across = context.measureText(text).width + 12;
  const left = Math.min(Math.max(pointer.x + 10, 0), plot.width - across);
  const top = pointer.y > 34 ? pointer.y - 28 : pointer.y + 10;
  context.fillStyle = colours.raised;
  context.strokeStyle = colours["line-strong"];
  context.beginPath();
  context.roundRect(left, top, across, 20, 4);
  context.fill();
  context.stroke();
  context.fillStyle = colours.text;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, left + 6, top + 10.5);
}
