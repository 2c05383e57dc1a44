// Every text of the page in both languages: each area of the page has a file of its own.
import * as care from "./care.js";
import * as connection from "./connection.js";
import * as faults from "./faults.js";
import * as frames from "./frames.js";
import * as market from "./market.js";
import * as matrix from "./matrix.js";
import * as orders from "./orders.js";
import * as sample from "./sample.js";
import * as shell from "./shell.js";
import * as timeline from "./timeline.js";

export const en = {
  ...shell.en, ...matrix.en, ...market.en, ...frames.en, ...connection.en, ...orders.en, ...care.en, ...faults.en,
  ...sample.en, ...timeline.en,
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  ...shell.ja, ...matrix.ja, ...market.ja, ...frames.ja, ...connection.ja, ...orders.ja, ...care.ja, ...faults.ja,
  ...sample.ja, ...timeline.ja,
};
