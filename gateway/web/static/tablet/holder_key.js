// @ts-check
// The key of the shift: made here, cannot leave the browser, gone when the shift ends.

import { b64u, bytesOf, proofInput, thumbprintInput } from "./proof.js";
import { forget, keep, load } from "./store.js";

const KEPT = "holder-key";
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" };

/** Whether this browser may make keys: it may on this machine's own address and over HTTPS. */
export function canHoldKeys() {
  return globalThis.isSecureContext && Boolean(globalThis.crypto?.subtle);
}

/** Make the shift's key and keep it. @returns {Promise<string>} the public point, 65 bytes in base64url */
export async function makeHolderKey() {
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ["sign"]);
  const point = b64u(await crypto.subtle.exportKey("raw", pair.publicKey));
  await keep(KEPT, { pair, point });
  return point;
}

/** Thumbprint of the key held, in hexadecimal; null when the tablet holds none. @returns {Promise<string | null>} */
export async function heldThumbprint() {
  const held = await load(KEPT);
  if (!held) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", thumbprintInput(bytesOf(held.point))));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Destroy the key. */
export function dropHolderKey() {
  return forget(KEPT);
}

/**
 * Answer a lock's challenge.
 * @param {{lock_id: string, op: string, cti: string, nonce: string}} challenge cti and nonce in base64url
 * @returns {Promise<{public_key: string, signature: string} | null>} null when the tablet holds no key
 */
export async function signChallenge(challenge) {
  const held = await load(KEPT);
  if (!held) return null;
  const input = proofInput(challenge.lock_id, challenge.op, bytesOf(challenge.cti), bytesOf(challenge.nonce));
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, held.pair.privateKey, input);
  return { public_key: held.point, signature: b64u(signature) };
}
