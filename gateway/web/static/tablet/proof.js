// @ts-check
// The bytes a holder signs, laid out by docs/protocol.md, and the text form of bytes. Nothing here has a state.

const CONTEXT = "omsorgstid-open-v1";
const CTI_BYTES = 16;
const NONCE_BYTES = 16;
const MAJOR_BYTES = 0x40;
const MAJOR_TEXT = 0x60;
const ARRAY_OF_FIVE = 0x85;

/**
 * Deterministic CBOR (RFC 8949, 4.2) of ["omsorgstid-open-v1", lock, op, cti, nonce].
 * @param {string} lockId
 * @param {string} op
 * @param {Uint8Array} cti 16 bytes
 * @param {Uint8Array} nonce 16 bytes, the lock's challenge
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function proofInput(lockId, op, cti, nonce) {
  if (!lockId || cti.length !== CTI_BYTES || nonce.length !== NONCE_BYTES) {
    throw new RangeError(`Expected a lock id, 16 and 16 bytes, got "${lockId}", ${cti.length}, ${nonce.length}.`);
  }
  return joined(
    [Uint8Array.of(ARRAY_OF_FIVE), text(CONTEXT), text(lockId), text(op), item(MAJOR_BYTES, cti), item(MAJOR_BYTES, nonce)],
  );
}

/** @param {string} value */
function text(value) {
  return item(MAJOR_TEXT, new TextEncoder().encode(value));
}

/** One CBOR string of less than 256 bytes. @param {number} major @param {Uint8Array} body */
function item(major, body) {
  if (body.length > 255) throw new RangeError(`Expected at most 255 bytes, got ${body.length}.`);
  const head = body.length < 24 ? [major | body.length] : [major | 24, body.length];
  return joined([Uint8Array.from(head), body]);
}

/** @param {Uint8Array[]} parts @returns {Uint8Array<ArrayBuffer>} */
function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** base64url without padding. @param {ArrayBuffer | Uint8Array} bytes */
export function b64u(bytes) {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  return btoa(String.fromCharCode(...view)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Bytes of base64url. @param {string} written @returns {Uint8Array<ArrayBuffer>} */
export function bytesOf(written) {
  return Uint8Array.from(atob(written.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
}

/**
 * What is hashed to recognise a holder's key (RFC 9679): CBOR of {1: 2, -1: 1, -2: x, -3: y}.
 * @param {Uint8Array} point uncompressed, 65 bytes
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function thumbprintInput(point) {
  if (point.length !== 65 || point[0] !== 4) throw new RangeError(`Expected an uncompressed point, got ${point.length} bytes.`);
  return joined([
    Uint8Array.of(0xa4, 0x01, 0x02, 0x20, 0x01, 0x21), item(MAJOR_BYTES, point.subarray(1, 33)),
    Uint8Array.of(0x22), item(MAJOR_BYTES, point.subarray(33)),
  ]);
}
