// @ts-check
// Is it still the same person? The server says so when it can be reached; without a network a salted hash on the tablet does.

import { Problem } from "../shared/api.js";
import { openSession } from "../shared/sign_in.js";
import { keep, load } from "./store.js";

const KEPT = "pin-verifier";
const ITERATIONS = 300000;
const MAX_OFFLINE_FAILURES = 5;

/** @param {string} pin @param {Uint8Array<ArrayBuffer>} salt @param {number} iterations */
async function derived(pin, salt, iterations) {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, 256));
}

/** Remember how to recognise a PIN that the server has just accepted. @param {string} pin */
export async function rememberPin(pin) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  await keep(KEPT, { salt, iterations: ITERATIONS, bits: await derived(pin, salt, ITERATIONS), failures: 0 });
}

/**
 * Check the PIN of the person who is signed in.
 * @param {string} identity @param {string} pin
 * @returns {Promise<{ok: true} | {ok: false, why: "wrong" | "needs_network" | "said", words?: string}>}
 */
export async function checkPin(identity, pin) {
  try {
    await openSession(identity, pin, "tablet");
    await rememberPin(pin);
    return { ok: true };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.mayWorkLater) return { ok: false, why: "said", words: error.words };
  }
  return checkOffline(pin);
}

/** @param {string} pin @returns {Promise<{ok: true} | {ok: false, why: "wrong" | "needs_network"}>} */
async function checkOffline(pin) {
  const kept = await load(KEPT);
  if (!kept || kept.failures >= MAX_OFFLINE_FAILURES) return { ok: false, why: "needs_network" };
  // counted before it is checked, so that pulling the battery gives no free guess
  await keep(KEPT, { ...kept, failures: kept.failures + 1 });
  const bits = await derived(pin, kept.salt, kept.iterations);
  const difference = kept.bits.reduce((/** @type {number} */ sum, /** @type {number} */ byte, /** @type {number} */ i) => sum | (byte ^ bits[i]), 0);
  if (difference !== 0) return { ok: false, why: "wrong" };
  await keep(KEPT, { ...kept, failures: 0 });
  return { ok: true };
}
