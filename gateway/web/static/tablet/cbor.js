// @ts-check
// The small part of CBOR that messages between tablet and lock are made of, in the one form that docs/protocol.md
// allows (RFC 8949, 4.2.1). What it cannot read it refuses.

const UINT = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const TAG = 6;
const SIMPLE = 7;
const MAX_DEPTH = 8;

/** @typedef {null | boolean | number | string | Uint8Array | any[] | {[key: string]: any}} Value */

/** The deterministic encoding of a map with text keys, arrays, texts, bytes, whole numbers, true, false and null. @param {Value} value @returns {Uint8Array<ArrayBuffer>} */
export function encode(value) {
  /** @type {number[]} */
  const out = [];
  write(out, value);
  return Uint8Array.from(out);
}

/** The value of an encoding; a tag is read as what it holds. Throws RangeError. @param {Uint8Array} data @returns {any} */
export function decode(data) {
  const at = { i: 0 };
  const value = read(data, at, 0);
  if (at.i !== data.length) throw new RangeError(`Expected ${at.i} bytes, got ${data.length}.`);
  return value;
}

/** @param {number[]} out @param {Value} value */
function write(out, value) {
  if (value === null) out.push(0xf6);
  else if (typeof value === "boolean") out.push(value ? 0xf5 : 0xf4);
  else if (typeof value === "number") head(out, value < 0 ? NEGATIVE : UINT, value < 0 ? -1 - value : value);
  else if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    head(out, TEXT, bytes.length);
    out.push(...bytes);
  } else if (value instanceof Uint8Array) {
    head(out, BYTES, value.length);
    for (const byte of value) out.push(byte);
  } else if (Array.isArray(value)) {
    head(out, ARRAY, value.length);
    for (const item of value) write(out, item);
  } else {
    const entries = Object.entries(value).map(([key, item]) => ({ key: encode(key), item }));
    entries.sort((a, b) => bytewise(a.key, b.key));
    head(out, MAP, entries.length);
    for (const { key, item } of entries) {
      out.push(...key);
      write(out, item);
    }
  }
}

/** @param {number[]} out @param {number} major @param {number} n */
function head(out, major, n) {
  if (!Number.isSafeInteger(n)) throw new RangeError(`Expected a whole number, got ${n}.`);
  const first = major << 5;
  if (n < 24) out.push(first | n);
  else if (n < 0x100) out.push(first | 24, n);
  else if (n < 0x10000) out.push(first | 25, n >> 8, n & 0xff);
  else if (n < 0x100000000) out.push(first | 26, ...big(n, 4));
  else out.push(first | 27, ...big(n, 8));
}

/** @param {number} n @param {number} size */
function big(n, size) {
  return Array.from({ length: size }, (_, i) => Math.floor(n / 256 ** (size - 1 - i)) % 256);
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function bytewise(a, b) {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** @param {Uint8Array} data @param {{i: number}} at @param {number} depth @returns {any} */
function read(data, at, depth) {
  if (depth > MAX_DEPTH) throw new RangeError("Expected fewer levels.");
  const first = take(data, at, 1)[0];
  const major = first >> 5;
  if (major === SIMPLE) return simple(first);
  const n = argument(data, at, first & 0x1f);
  if (major === UINT) return n;
  if (major === NEGATIVE) return -1 - n;
  if (major === BYTES) return take(data, at, n).slice();
  if (major === TEXT) return new TextDecoder("utf-8", { fatal: true }).decode(take(data, at, n));
  if (n > data.length) throw new RangeError(`Expected at most ${data.length} items, got ${n}.`);
  if (major === ARRAY) return Array.from({ length: n }, () => read(data, at, depth + 1));
  if (major === TAG) return read(data, at, depth + 1);
  return map(data, at, depth, n);
}

/** @param {Uint8Array} data @param {{i: number}} at @param {number} depth @param {number} n */
function map(data, at, depth, n) {
  /** @type {Record<string, any>} */
  const found = Object.create(null);
  for (let i = 0; i < n; i += 1) {
    const key = String(read(data, at, depth + 1));
    if (key in found) throw new RangeError(`Expected the key ${key} once.`);
    found[key] = read(data, at, depth + 1);
  }
  return found;
}

/** @param {number} first */
function simple(first) {
  if (first === 0xf4 || first === 0xf5) return first === 0xf5;
  if (first === 0xf6) return null;
  throw new RangeError(`Expected true, false or null, got ${first}.`);
}

/** @param {Uint8Array} data @param {{i: number}} at @param {number} short */
function argument(data, at, short) {
  if (short < 24) return short;
  if (short > 27) throw new RangeError("Expected a definite length.");
  const n = take(data, at, 2 ** (short - 24)).reduce((sum, byte) => sum * 256 + byte, 0);
  if (!Number.isSafeInteger(n)) throw new RangeError("Expected a number below 2^53.");
  return n;
}

/** @param {Uint8Array} data @param {{i: number}} at @param {number} count */
function take(data, at, count) {
  if (at.i + count > data.length) throw new RangeError(`Expected ${at.i + count} bytes, got ${data.length}.`);
  const part = data.subarray(at.i, at.i + count);
  at.i += count;
  return part;
}
