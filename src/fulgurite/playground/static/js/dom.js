// Preact, bound: at most one redraw per animation frame, whatever the rate of messages.
import htm from "../vendor/htm.js";
import { h, options, render } from "../vendor/preact.js";

/** @typedef {import("../vendor/preact.js").VNode} VNode */

options.debounceRendering = requestAnimationFrame;

export const html = htm.bind(h);
export { render };
