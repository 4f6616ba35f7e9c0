// @ts-check
/** Columns as they travel (gateway/views/packing.py). */

/**
 * @typedef {string[] | {prefix: string, size: number, text?: string, bytes?: string}} Ids
 * @typedef {{from: number, unit: number, places: string[]}} Numbers
 */

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));

/** @param {Ids} packed @returns {string[]} */
export function idsOf(packed) {
  if (Array.isArray(packed)) return packed;
  const { prefix, bytes } = packed;
  const size = bytes === undefined ? packed.size : 2 * packed.size;
  const text = bytes === undefined ? (packed.text ?? "") : Array.from(atob(bytes), hex).join("");
  return Array.from({ length: text.length / size }, (_, i) => prefix + text.slice(i * size, (i + 1) * size));
}

/** @param {string} byte */
function hex(byte) {
  return byte.charCodeAt(0).toString(16).padStart(2, "0");
}

/** @param {Numbers} packed @returns {(number | null)[]} */
export function numbersOf({ from, unit, places }) {
  return Array.from(places[0], (_, i) => {
    const n = places.reduce((sum, place) => sum * DIGITS.length + (VALUES.get(place[i]) ?? 0), 0);
    return n === 0 ? null : from + unit * (n - 1);
  });
}
