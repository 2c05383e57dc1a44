// The texts of the faults view. {name} stands for a value.

export const en = {
  faults: "Faults",
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  faults: "障害",
};
