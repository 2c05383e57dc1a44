// Preact, bound: at most one redraw per animation frame, at any rate of messages. Every text on the page passes here, so
// that none can hide or upset anything.
import htm from "../vendor/htm.js";
import { h, options, render } from "../vendor/preact.js";
import { shortened, visible } from "./visible.js";

/** @typedef {import("../vendor/preact.js").VNode} VNode */

options.debounceRendering = requestAnimationFrame;

/** Characters of a text and of an attribute; a frame that is set out for reading has its own bound. */
const TEXT_LIMIT = 2_000;
const ATTRIBUTE_LIMIT = 1_000;
const ATTRIBUTES = ["title", "aria-label", "aria-valuetext", "placeholder"];

const before = options.vnode;
options.vnode = (vnode) => {
  if (typeof vnode.type === "string") {
    const { props, type } = vnode;
    for (const name of ATTRIBUTES) {
      const text = props[name];
      if (typeof text === "string") props[name] = shortened(visible(text), ATTRIBUTE_LIMIT);
    }
    if (props.children !== undefined) props.children = shown(props.children, type === "pre" ? Infinity : TEXT_LIMIT);
  }
  before?.(vnode);
};

/** @param {unknown} child @param {number} limit @returns {unknown} */
function shown(child, limit) {
  if (typeof child === "string") return shortened(visible(child), limit);
  return Array.isArray(child) ? child.map((each) => shown(each, limit)) : child;
}

export const html = htm.bind(h);
export { render };
