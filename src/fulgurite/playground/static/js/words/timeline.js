// The texts of the strip along the bottom. {name} stands for a value.

export const en = {
  timeline: "The last ten minutes",
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  timeline: "直近10分間",
};
