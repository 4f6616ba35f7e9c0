// @ts-check
// The two taps that frame a shift. They need the server: the key must be known before a door can be asked.

import { Problem, call } from "../shared/api.js";
import { dropHolderKey, makeHolderKey } from "./holder_key.js";
import { forget, keep, load } from "./store.js";

const KEPT = "shift-start";

/**
 * Start the shift. A start whose answer got lost is repeated with the same key and the same idempotency key, so that
 * the server never knows another key than the tablet holds.
 * @param {string} shiftId @param {"home" | "base" | "citizen"} place
 * @returns {Promise<any>} the day
 */
export async function startShift(shiftId, place) {
  let attempt = await load(KEPT);
  if (attempt?.shiftId !== shiftId || attempt.place !== place) {
    attempt = { shiftId, place, key: crypto.randomUUID(), holder_key: await makeHolderKey() };
    await keep(KEPT, attempt);
  }
  try {
    const day = await call("POST", "/api/v1/me/shift/start", {
      body: { place, holder_key: attempt.holder_key }, key: attempt.key, headers: { "X-Tablet": "1" },
    });
    await forget(KEPT);
    return day;
  } catch (error) {
    // a clear no ends the attempt; silence leaves it open
    if (error instanceof Problem && !error.mayWorkLater) await forget(KEPT);
    throw error;
  }
}

/** End the shift; its key and its grants are destroyed. @param {"home" | "base" | "citizen"} place @returns {Promise<any>} the day */
export async function endShift(place) {
  const day = await call("POST", "/api/v1/me/shift/end", { body: { place }, key: crypto.randomUUID(), headers: { "X-Tablet": "1" } });
  await destroyKeys();
  return day;
}

/** From now on this tablet opens nothing. It needs nobody's leave and no network. */
export async function destroyKeys() {
  await forget("grants");
  await forget("prepared");
  await forget("prepared-tries");
  await dropHolderKey();
}
