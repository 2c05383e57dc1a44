// The texts of the orders view. {name} stands for a value.

export const en = {
  orders: "Orders",
};

/** @type {Record<keyof typeof en, string>} */
export const ja = {
  orders: "注文",
};
