// What the page uses of lightweight-charts 5.2.1, no more. Times are seconds since 1970-01-01 UTC.
export interface Bar {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}
export interface Point {
  time: number;
  value: number;
  color?: string;
}
export interface Whitespace {
  time: number;
}
export interface BitmapScope {
  context: CanvasRenderingContext2D;
  bitmapSize: { width: number; height: number };
  horizontalPixelRatio: number;
  verticalPixelRatio: number;
}
export interface Primitive {
  attached?(given: { requestUpdate: () => void }): void;
  paneViews?(): readonly {
    zOrder?(): "bottom" | "normal" | "top";
    renderer(): { draw(target: { useBitmapCoordinateSpace(draw: (scope: BitmapScope) => void): void }): void };
  }[];
}
export interface Series<Row> {
  setData(rows: (Row | Whitespace)[]): void;
  update(row: Row | Whitespace): void;
  applyOptions(options: object): void;
  createPriceLine(options: object): { applyOptions(options: object): void };
  attachPrimitive(primitive: Primitive): void;
  priceScale(): { applyOptions(options: object): void };
}
export interface TimeScale {
  timeToCoordinate(time: number): number | null;
  scrollPosition(): number;
  scrollToPosition(position: number, animated: boolean): void;
  scrollToRealTime(): void;
  resetTimeScale(): void;
  options(): { barSpacing: number };
  applyOptions(options: object): void;
}
export interface Chart {
  addSeries(definition: typeof CandlestickSeries, options: object): Series<Bar>;
  addSeries(definition: typeof HistogramSeries, options: object): Series<Point>;
  applyOptions(options: object): void;
  timeScale(): TimeScale;
  subscribeCrosshairMove(handler: (at: { time?: number }) => void): void;
  remove(): void;
}
export function createChart(container: HTMLElement, options: object): Chart;
export const CandlestickSeries: { readonly type: "Candlestick" };
export const HistogramSeries: { readonly type: "Histogram" };
