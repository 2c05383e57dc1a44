// The right side: the code for what is on screen, and what a user must know.
import { html } from "../dom.js";
import { Notes } from "./notes.js";

export function Sample() {
  return html`<${Notes} />`;
}
