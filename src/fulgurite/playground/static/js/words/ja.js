// Every text of the page in Japanese: each area of the page has a file of its own, with both languages.
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

export const ja = {
  ...shell.ja,
  ...matrix.ja,
  ...market.ja,
  ...frames.ja,
  ...connection.ja,
  ...orders.ja,
  ...care.ja,
  ...faults.ja,
  ...sample.ja,
  ...timeline.ja,
};
