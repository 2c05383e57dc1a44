// The size of an element, followed as it changes.
import { useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";

/** @typedef {import("../../vendor/preact.js").Ref<HTMLElement>} ElementRef */

/** @returns {{ref: ElementRef, height: number}} */
export function useHeight() {
  const [ref, height] = useMeasure("clientHeight");
  return { ref, height };
}

/** @returns {{ref: ElementRef, width: number}} */
export function useWidth() {
  const [ref, width] = useMeasure("clientWidth");
  return { ref, width };
}

/** @param {"clientHeight" | "clientWidth"} what @returns {[ElementRef, number]} */
function useMeasure(what) {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [size, setSize] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setSize(element[what]));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, size];
}
