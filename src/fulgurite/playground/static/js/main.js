// Starts the page.
import { effect } from "../vendor/signals.js";
import * as backend from "./backend.js";
import { tick } from "./clock.js";
import { html, render } from "./dom.js";
import { watch } from "./fields.js";
import * as happened from "./happened.js";
import { language } from "./i18n.js";
import { listen } from "./keyboard.js";
import { receive } from "./receive.js";
import { follow as followSample } from "./samples.js";
import "./settings.js";
import { follow } from "./url.js";
import { App } from "./views/app.js";

const TICK_MS = 250;

effect(() => {
  document.documentElement.lang = language.value;
});
follow();
followSample();
listen();
watch();
happened.takeUp();
addEventListener("pagehide", happened.keep);
setInterval(tick, TICK_MS);
// Out of sight a page's clock ticks seldom, and a returning user must not see outdated values.
document.addEventListener("visibilitychange", tick);
backend.open(receive);
const root = document.getElementById("root");
if (root) render(html`<${App} />`, root);
