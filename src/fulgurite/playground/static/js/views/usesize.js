// The height of an element, followed as it changes.
import { useLayoutEffect, useRef, useState } from "../../vendor/preact-hooks.js";

/** @returns {{ref: import("../../vendor/preact.js").Ref<HTMLElement>, height: number}} */
export function useHeight() {
  const ref = useRef(/** @type {HTMLElement | null} */ (null));
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, height };
}
