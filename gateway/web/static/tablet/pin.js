// @ts-check
// Is it still the same person? The server says so when it can be reached; without a network the vault does: it opens
// for the PIN and for nothing else.

import { Problem } from "../shared/api.js";
import { openSession } from "../shared/sign_in.js";

/**
 * Check the PIN of the person who is signed in; a right one opens the vault.
 * @param {string} identity @param {string} pin
 * @returns {Promise<{ok: true} | {ok: false, why: "wrong" | "needs_network" | "said", words?: string}>}
 */
export async function checkPin(identity, pin) {
  const { openOffline, openVault } = await import("./vault.js");
  try {
    await openSession(identity, pin, "tablet");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.mayWorkLater) return { ok: false, why: "said", words: error.words };
    const tried = await openOffline(pin);
    return tried === "right" ? { ok: true } : { ok: false, why: tried };
  }
  await openVault(pin);
  return { ok: true };
}
