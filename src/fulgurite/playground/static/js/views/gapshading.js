// Shades the gaps in the executions of a chart of candles.
import { faded } from "../colours.js";
import { formatSpan } from "../format.js";
import { t } from "../i18n.js";
import { hatch } from "./drawing.js";

const LABEL_WIDTH = 64;

/**
 * @param {import("../../vendor/lightweight-charts.js").Chart} chart
 * @param {import("../candlestore.js").CandleStore} store
 * @param {() => import("../colours.js").Colours} readColours
 * @returns {import("../../vendor/lightweight-charts.js").Primitive & {update: () => void}}
 */
export function gapShading(chart, store, readColours) {
  let requestUpdate = () => {};

  /** @param {import("../../vendor/lightweight-charts.js").BitmapScope} scope */
  const draw = ({ context, bitmapSize, horizontalPixelRatio: ratio }) => {
    const colours = readColours();
    const half = (chart.timeScale().options().barSpacing * ratio) / 2;
    for (const [fromMs, toMs] of store.gaps) {
      const place = between(fromMs, toMs);
      if (!place) continue;
      const [left, right] = [place.left * ratio - half, place.right * ratio + half];
      if (right < 0 || left > bitmapSize.width) continue;
      const rectangle = { x: left, y: 0, width: right - left, height: bitmapSize.height };
      const paint = { ground: faded(colours["warn-ground"], 0.75), stripe: faded(colours["warn-line"], 0.5) };
      hatch(context, rectangle, paint, 7 * ratio);
      if (right - left < LABEL_WIDTH * ratio) continue;
      context.font = `600 ${11 * ratio}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.fillStyle = colours.warn;
      const text = t("gapSpan", { span: formatSpan(toMs - fromMs) });
      context.fillText(text, (left + right) / 2, bitmapSize.height / 2, right - left);
    }
  };

  /** Where the intervals of a gap are, as far as the chart has them. @param {number} fromMs @param {number} toMs */
  const between = (fromMs, toMs) => {
    const step = store.intervalS;
    const [first, last] = [fromMs, toMs].map((ms) => Math.floor(ms / 1000 / step) * step);
    if (first === undefined || last === undefined || first > store.newest) return null;
    if (last < store.oldest) return null;
    const left = chart.timeScale().timeToCoordinate(Math.max(first, store.oldest));
    const right = chart.timeScale().timeToCoordinate(Math.min(last, store.newest));
    return left === null || right === null ? null : { left, right };
  };

  /** @type {ReturnType<NonNullable<import("../../vendor/lightweight-charts.js").Primitive["paneViews"]>>} */
  const views = [{
    zOrder: () => "bottom",
    renderer: () => ({ draw: (target) => target.useBitmapCoordinateSpace(draw) }),
  }];
  return {
    attached: (given) => { requestUpdate = given.requestUpdate; },
    paneViews: () => views,
    update: () => requestUpdate(),
  };
}
