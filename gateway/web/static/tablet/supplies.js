// @ts-check
// What the tablet carries between server and locks: lists and receipts there, logs and answers home. The tablet
// believes none of it; whoever it is for checks it.

import { Problem, call } from "../shared/api.js";
import { b64u } from "./proof.js";
import { keepForPerson, load } from "./store.js";

const KEPT = "supplies";
const FRESH_MS = 10 * 60 * 1000;
const ASK_WITHIN_MS = 4000;

/** @typedef {{name: string, payload: string}} Carried payload in base64url */

/**
 * Fetch the present lists for the locks of the coming doors, each at most every ten minutes.
 * @param {string[]} lockIds @returns {Promise<void>}
 */
export async function stockUp(lockIds) {
  const kept = (await load(KEPT)) ?? {};
  const now = Date.now();
  for (const id of lockIds) {
    if (kept[id] && Math.abs(now - kept[id].at_ms) < FRESH_MS) continue;
    try {
      const { down } = await call("GET", `/api/v1/me/ferry/${encodeURIComponent(id)}`, { timeout_ms: ASK_WITHIN_MS });
      kept[id] = { at_ms: now, down };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.mayWorkLater) break;
      kept[id] = { at_ms: now, down: [] };
    }
  }
  const wanted = new Set(lockIds);
  await keepForPerson(KEPT, Object.fromEntries(Object.entries(kept).filter(([id]) => wanted.has(id))));
}

/** What is carried for a lock. @param {string} lockId @returns {Promise<Carried[]>} */
export async function suppliesFor(lockId) {
  return (await load(KEPT))?.[lockId]?.down ?? [];
}

/** The server's answer to what was ferried goes along to the lock the next time. @param {string} lockId @param {Carried[]} down */
export async function addSupplies(lockId, down) {
  if (!down.length) return;
  const kept = (await load(KEPT)) ?? {};
  const names = new Set(down.map((one) => one.name));
  const before = (kept[lockId]?.down ?? []).filter((/** @type {Carried} */ one) => !names.has(one.name));
  await keepForPerson(KEPT, { ...kept, [lockId]: { at_ms: kept[lockId]?.at_ms ?? 0, down: [...before, ...down] } });
}

/**
 * A lock that has lost its clock asks for the time; that works only while the tablet has a network.
 * @param {string} lockId @param {Uint8Array} question payload of `up/time` @returns {Promise<Carried[]>} the time, signed, and what else the server says
 */
export async function fetchTime(lockId, question) {
  try {
    const answer = await call("POST", "/api/v1/me/ferry", {
      body: { lock_id: lockId, messages: [{ name: "time", payload: b64u(question) }] }, timeout_ms: 1500,
    });
    return answer.down;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [];
  }
}
