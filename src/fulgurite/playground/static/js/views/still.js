// While a pointer is pressed on a list that moves the list stands still, so that a click reaches the row under it.
import { useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../dom.js").VNode} VNode */

/** A finger's click comes a little after the finger has left. */
const CLICK_MS = 100;

/**
 * @typedef {object} Still
 * @property {(event: PointerEvent) => void} hold the list's listener for `pointerdown`
 * @property {() => boolean} isHeld whether it is pressed
 * @property {(draw: () => VNode) => VNode} still draws the list, or gives the last drawing while it is pressed
 */

/** @returns {Still} */
export function useStill() {
  const held = useRef(false);
  const letting = useRef(/** @type {number | null} */ (null));
  const drawn = useRef(/** @type {VNode | null} */ (null));
  const [, redraw] = useState(0);
  /** @param {PointerEvent} event */
  const hold = ({ button, target, currentTarget }) => {
    // A press on the list itself is on its scrollbar, and its end is not told.
    if (button !== 0 || target === currentTarget) return;
    clearTimeout(letting.current ?? undefined); // pressed again before the list was let go of
    held.current = true;
    const listening = new AbortController();
    const release = () => {
      listening.abort();
      letting.current = setTimeout(() => {
        held.current = false;
        redraw((count) => count + 1);
      }, CLICK_MS);
    };
    addEventListener("pointerup", release, { signal: listening.signal });
    addEventListener("pointercancel", release, { signal: listening.signal });
  };
  const isHeld = () => held.current === true;
  /** @param {() => VNode} draw */
  const still = (draw) => {
    if (!isHeld() || !drawn.current) drawn.current = draw();
    return drawn.current;
  };
  return { hold, isHeld, still };
}
