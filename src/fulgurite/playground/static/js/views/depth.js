// How much is bid and asked for up to each price.
import { faded, readColours, watchColours } from "../colours.js";
import { html } from "../dom.js";
import { decimalsOf, formatPrice, formatSize } from "../format.js";
import { oldBook, whyOld } from "../freshness.js";
import { language, t } from "../i18n.js";
import { depth, lastLiveDepth } from "../marketdata.js";
import { product } from "../state.js";
import { roundUp, ticks } from "../ticks.js";
import { useDrawing } from "./drawing.js";

/** @typedef {import("../messages.js").Depth} Depth */
/** @typedef {import("../messages.js").Level} Level */
/** @typedef {import("./drawing.js").Surface} Surface */

const AXIS_HEIGHT = 20;
/** How far the middle may move, of half the width, and how much the width may change, until the prices are set anew. */
const TOLERANCE = 0.12;

const isLive = () => depth.value?.state === "LIVE" && oldBook() === null;

export function DepthChart() {
  const ref = useDrawing(watch, draw);
  const shown = lastLiveDepth.value;
  const live = isLive();
  return html`
    <div class="chart-place ${live ? "" : "not-live"}">
      <canvas class="chart-canvas" ref=${ref} role="img" aria-label=${describe(shown)} data-test="depth"
        data-state=${depth.value?.state ?? ""} data-points=${shown ? shown.bids.length + shown.asks.length : 0}></canvas>
      ${!live && (shown || whyOld() === null) && html`<div class="overlay"><p>${why(shown)}</p></div>`}
    </div>
  `;
}

/** Why it is not live. @param {Depth | null} shown @returns {string} */
function why(shown) {
  if (depth.value?.state === "AUCTION" && oldBook() === null) return t("depthAuction");
  if (!shown) return t("depthEmpty");
  return t(depth.value?.state === "STALE" && oldBook() === null ? "depthStale" : "depthOld");
}

function watch() {
  void lastLiveDepth.value;
  void language.value;
  watchColours();
}

/** @param {Depth | null} shown @returns {string} the chart in words */
function describe(shown) {
  const name = t("depthOf", { product: product.value });
  const bid = shown?.bids.at(-1);
  const ask = shown?.asks.at(-1);
  if (!bid || !ask) return name;
  const words = t("depthSummary", {
    bids: formatSize(bid[1]), low: formatPrice(bid[0]), asks: formatSize(ask[1]), high: formatPrice(ask[0]),
  });
  return `${name}: ${isLive() ? "" : `${t("bookStale")}. `}${words}`;
}

/** The prices in sight; they stay while they fit. */
let domain = { middle: 0, reach: 0 };

/** @param {Depth} shown */
function fitDomain({ bids, asks }) {
  const [bid, ask] = [bids[0]?.[0] ?? 0, asks[0]?.[0] ?? 0];
  const middle = (bid + ask) / 2;
  const reach = Math.max(middle - (bids.at(-1)?.[0] ?? middle), (asks.at(-1)?.[0] ?? middle) - middle);
  const moved = Math.abs(middle - domain.middle) > domain.reach * TOLERANCE;
  if (moved || Math.abs(reach - domain.reach) > domain.reach * TOLERANCE) domain = { middle, reach: reach || 1 };
}

/** @param {Surface} surface */
function draw({ context, width, height, pointer }) {
  const shown = lastLiveDepth.value;
  if (!shown?.bids.length || !shown.asks.length) return;
  fitDomain(shown);
  const colours = readColours();
  const bottom = height - AXIS_HEIGHT;
  const most = roundUp(Math.max(shown.bids.at(-1)?.[1] ?? 0, shown.asks.at(-1)?.[1] ?? 0, 1e-8) * 1.05);
  /** @param {number} price */
  const x = (price) => width / 2 + ((price - domain.middle) / domain.reach) * (width / 2);
  /** @param {number} size */
  const y = (size) => bottom - (size / most) * (bottom - 8);
  const decimals = decimalsOf([shown.bids[0]?.[0] ?? 0, shown.asks[0]?.[0] ?? 0]);

  context.font = "11px system-ui, sans-serif";
  context.strokeStyle = faded(colours.line, 0.6);
  const sizes = ticks(0, most, 5).slice(1, -1);
  for (const size of sizes) line(context, 0, Math.round(y(size)) + 0.5, width, Math.round(y(size)) + 0.5);
  area(shown.bids, colours.buy, colours["buy-bar"], 0);
  area(shown.asks, colours.sell, colours["sell-bar"], width);

  context.fillStyle = colours.muted;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const size of sizes) context.fillText(String(size), width - 6, y(size) - 7);
  context.textAlign = "center";
  const [low, high] = [domain.middle - domain.reach, domain.middle + domain.reach];
  for (const price of ticks(low, high, Math.max(2, Math.floor(width / 110)))) {
    if (x(price) > 40 && x(price) < width - 40) {
      context.fillText(formatPrice(price, decimals), x(price), height - AXIS_HEIGHT / 2);
    }
  }
  if (pointer && pointer.y < bottom) drawPointer(pointer.x);

  /** @param {Level[]} points @param {string} stroke @param {string} fill @param {number} edge where the side ends */
  function area(points, stroke, fill, edge) {
    const outline = new Path2D();
    const start = x(points[0]?.[0] ?? 0);
    outline.moveTo(start, bottom);
    let before = 0;
    for (const [price, size] of points) {
      outline.lineTo(x(price), y(before));
      outline.lineTo(x(price), y(size));
      before = size;
    }
    outline.lineTo(edge, y(before));
    const closed = new Path2D(outline);
    closed.lineTo(edge, bottom);
    closed.closePath();
    context.fillStyle = fill;
    context.fill(closed);
    context.strokeStyle = stroke;
    context.lineWidth = 1.5;
    context.stroke(outline);
    context.lineWidth = 1;
  }

  /** @param {number} across */
  function drawPointer(across) {
    const price = domain.middle + ((across - width / 2) / (width / 2)) * domain.reach;
    const isBid = price < domain.middle;
    const points = isBid ? shown?.bids : shown?.asks;
    const size = points?.findLast(([at]) => (isBid ? at >= price : at <= price))?.[1] ?? 0;
    context.strokeStyle = colours.muted;
    context.setLineDash([3, 3]);
    line(context, across, 0, across, bottom);
    context.setLineDash([]);
    const share = Math.abs(price / domain.middle - 1) * 100;
    const text = `${formatPrice(price, decimals)}   ${formatSize(size)}   ${isBid ? "−" : "+"}${share.toFixed(2)} %`;
    context.textAlign = across > width / 2 ? "right" : "left";
    context.fillStyle = colours.text;
    context.fillText(text, across + (across > width / 2 ? -8 : 8), 14);
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
