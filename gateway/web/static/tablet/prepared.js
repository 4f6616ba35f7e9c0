// @ts-check
// Doors without a planned visit, for a designated tablet with every server down: the planner reads a code, and the code
// is what opens the envelope the door's grant lies in. A wrong code opens nothing, here or at the lock.

import { Problem, call } from "../shared/api.js";
import { bytesOf } from "./proof.js";
import { forget, keep, keepForPerson, load } from "./store.js";
import { get, put } from "./vault.js";

const KEPT = "prepared";
const TRIED = "prepared-tries";
const MAX_TRIES = 5;
const NONCE_BYTES = 12;

/**
 * @typedef {{door_id: string, address: string, salt: string, envelope: string}} Door
 * @typedef {{preparation_id: string, opens_at: string, closes_at: string, doors: Door[]}} Window
 * @typedef {{code_digits: number, iterations: number, windows: Window[]}} Prepared
 */

/**
 * Have the set of this shift on the tablet; fetched again half an hour before the last window ends.
 * @param {boolean} designated whether this tablet is one that may @param {number} now_ms world time @param {string} shift_id
 */
export async function prepare(designated, now_ms, shift_id) {
  if (!designated) return forget(KEPT);
  const kept = await load(KEPT);
  if (kept?.shift_id === shift_id && kept.last_ms - now_ms > 30 * 60 * 1000 && (await get(kept.box))) return;
  try {
    /** @type {Prepared} */
    const set = await call("POST", "/api/v1/me/prepared", { body: {}, timeout_ms: 30000 });
    const last_ms = Math.max(0, ...set.windows.map((one) => Date.parse(one.closes_at)));
    const box = await put(set);
    if (box) await keepForPerson(KEPT, { shift_id, last_ms, box });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === "not_designated") await forget(KEPT);
  }
}

/** The doors that can be opened by a code now, by address. @param {number} now_ms world time @returns {Promise<{doors: Door[], until: string, set: Prepared} | null>} */
export async function preparedNow(now_ms) {
  /** @type {Prepared | null} */
  const set = await get((await load(KEPT))?.box);
  const window = set?.windows.find((one) => Date.parse(one.opens_at) - 60000 <= now_ms && now_ms <= Date.parse(one.closes_at));
  if (!set || !window?.doors.length) return null;
  const doors = [...window.doors].sort((a, b) => a.address.localeCompare(b.address, "da"));
  return { doors, until: window.closes_at, set };
}

/**
 * Open a door's envelope.
 * @param {Door} door @param {string} code digits @param {number} iterations
 * @returns {Promise<import("./keyring.js").Grant | "wrong" | "too_many">}
 */
export async function unlockByCode(door, code, iterations) {
  const tried = (await load(TRIED)) ?? {};
  if ((tried[door.envelope] ?? 0) >= MAX_TRIES) return "too_many";
  await keep(TRIED, { ...tried, [door.envelope]: (tried[door.envelope] ?? 0) + 1 });
  const typed = await crypto.subtle.importKey("raw", new TextEncoder().encode(code), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: bytesOf(door.salt), iterations };
  const key = await crypto.subtle.deriveKey(how, typed, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
  const bytes = bytesOf(door.envelope);
  const sealed = { name: "AES-GCM", iv: bytes.subarray(0, NONCE_BYTES), additionalData: new TextEncoder().encode(door.door_id) };
  const plain = await crypto.subtle.decrypt(sealed, key, bytes.subarray(NONCE_BYTES)).catch(() => null);
  if (!plain) return "wrong";
  await keep(TRIED, tried);
  return JSON.parse(new TextDecoder().decode(plain));
}
