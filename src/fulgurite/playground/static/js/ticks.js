// Round numbers for the axes of drawings on a canvas.

/** @param {number} value above 0 @returns {number} the next higher of 1, 2 and 5, with any power of ten */
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((candidate) => candidate >= value / power - 1e-9) ?? 10;
  return factor * power;
}

/**
 * Round numbers between two others.
 * @param {number} low
 * @param {number} high
 * @param {number} most how many at most
 * @returns {number[]} ascending
 */
export function ticks(low, high, most) {
  if (!(high > low) || most < 1) return [];
  const step = roundUp((high - low) / most);
  const found = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) {
    // Without the binary fraction's last digits.
    found.push(Number((index * step).toPrecision(12)));
  }
  return found;
}
