// Every text of the page in English: each area of the page has a file of its own, with both languages.
import * as shell from "./shell.js";
import * as matrix from "./matrix.js";
import * as market from "./market.js";
import * as frames from "./frames.js";
import * as connection from "./connection.js";
import * as orders from "./orders.js";
import * as care from "./care.js";
import * as faults from "./faults.js";
import * as sample from "./sample.js";
import * as timeline from "./timeline.js";

export const en = {
  ...shell.en,
  ...matrix.en,
  ...market.en,
  ...frames.en,
  ...connection.en,
  ...orders.en,
  ...care.en,
  ...faults.en,
  ...sample.en,
  ...timeline.en,
};
