// A canvas that is as large as its place and drawn anew at most once per animation frame.
import { useLayoutEffect, useRef } from "../../vendor/preact-hooks.js";
import { effect } from "../../vendor/signals.js";

/**
 * @typedef {object} Surface
 * @property {CanvasRenderingContext2D} context scaled, so that lengths are CSS pixels
 * @property {number} width
 * @property {number} height
 * @property {number} ratio device pixels in a CSS pixel
 * @property {{x: number, y: number} | null} pointer where it is, if it is over the canvas
 */

/**
 * @param {() => void} watch reads every signal that the drawing depends on
 * @param {(surface: Surface) => void} draw
 * @returns {import("../../vendor/preact.js").Ref<HTMLCanvasElement>}
 */
export function useDrawing(watch, draw) {
  const ref = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useLayoutEffect(() => (ref.current ? keepDrawn(ref.current, watch, draw) : undefined), []);
  return ref;
}

/** @param {HTMLCanvasElement} canvas @param {() => void} watch @param {(surface: Surface) => void} draw */
function keepDrawn(canvas, watch, draw) {
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  let frame = 0;
  /** @type {{x: number, y: number} | null} */
  let pointer = null;
  const redraw = () => {
    frame = 0;
    const ratio = devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    draw({ context, width, height, ratio, pointer });
  };
  const request = () => { frame ||= requestAnimationFrame(redraw); };
  const observer = new ResizeObserver(request);
  observer.observe(canvas);
  const stop = effect(() => {
    watch();
    request();
  });
  /** @param {PointerEvent} event */
  const move = ({ offsetX, offsetY }) => {
    pointer = { x: offsetX, y: offsetY };
    request();
  };
  const leave = () => {
    pointer = null;
    request();
  };
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerleave", leave);
  return () => {
    observer.disconnect();
    stop();
    cancelAnimationFrame(frame);
    canvas.removeEventListener("pointermove", move);
    canvas.removeEventListener("pointerleave", leave);
  };
}

/**
 * Fill a rectangle with stripes: they stand for the unknown.
 * @param {CanvasRenderingContext2D} context
 * @param {{x: number, y: number, width: number, height: number}} place
 * @param {{ground: string, stripe: string}} paint
 * @param {number} [pitch] between two stripes
 */
export function hatch(context, { x, y, width, height }, { ground, stripe }, pitch = 7) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.fillStyle = ground;
  context.fillRect(x, y, width, height);
  context.strokeStyle = stripe;
  context.lineWidth = pitch / 7;
  context.beginPath();
  // At multiples of the pitch, so that the stripes stand still while the rectangle moves.
  for (let start = Math.floor((x - height) / pitch) * pitch; start < x + width; start += pitch) {
    context.moveTo(start, y + height);
    context.lineTo(start + height, y);
  }
  context.stroke();
  context.restore();
}
