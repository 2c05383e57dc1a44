// Whether the screen has room for one part of the page only: matrix, view or sample. layout.css says the same width.
import { signal } from "../../vendor/signals.js";

const query = matchMedia("(max-width: 1000px)");
export const narrow = signal(query.matches);
query.addEventListener("change", ({ matches }) => { narrow.value = matches; });
