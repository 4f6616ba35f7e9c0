// @ts-check
// The grants of the shift: those of the present and the next three visits at hand, the others in sealed envelopes that
// are opened one by one as visits end, with or without a network.

import { Problem, call } from "../shared/api.js";
import { bytesOf } from "./proof.js";
import { forget, keep, load } from "./store.js";
import { get, put } from "./vault.js";

const KEPT = "grants";
const UNSEALED = 4;
const NONCE_BYTES = 12;
const LEEWAY_MS = 60000;

/**
 * @typedef {{visit_id: string, door_id: string, lock_id: string, lock_key: string, cti: string, token: string, opens_from_at: string, opens_to_at: string, way?: {lock_id: string, lock_key: string}[]}} Grant
 * @typedef {{slots: string[], grants: Grant[], next_key: string | null}} Ring
 */

/** Runs one after another, so that two changes never mix. */
let turn = Promise.resolve();

/** @template T @param {() => Promise<T>} act @returns {Promise<T>} */
function inTurn(act) {
  const mine = turn.then(act);
  turn = mine.then(() => {}, () => {});
  return mine;
}

/** Fetch all grants of the shift and put them away. @param {number} [timeout_ms] @returns {Promise<any>} the server's answer */
export async function fetchGrants(timeout_ms = 8000) {
  const answer = await call("GET", "/api/v1/me/grants", { timeout_ms });
  await inTurn(() => take(answer));
  return answer;
}

/** @param {any} answer */
async function take(answer) {
  if (!answer.shift_id) return forget(KEPT);
  /** @type {Ring} */
  const ring = { slots: answer.unsealed, grants: answer.grants, next_key: answer.next_key };
  const box = await put(ring);
  const ends = [...answer.grants, ...answer.sealed].map((one) => Date.parse(one.opens_to_at ?? 0));
  if (box) await keep(KEPT, { shift_id: answer.shift_id, box, sealed: answer.sealed, until_ms: Math.max(0, ...ends) });
}

/** The grant for a visit's door, if it is one of those at hand. @param {string} visit_id @returns {Promise<Grant | null>} */
export async function grantOf(visit_id) {
  await turn;
  /** @type {Ring | null} */
  const ring = await get((await load(KEPT))?.box);
  return ring?.grants.find((one) => one.visit_id === visit_id) ?? null;
}

/** A grant as it is shown to one of its locks; null where it is for another. @param {Grant} grant @param {string} lock_id @returns {Grant | null} */
export function grantFor(grant, lock_id) {
  const lock = [grant, ...(grant.way ?? [])].find((one) => one.lock_id === lock_id);
  return lock ? { ...grant, lock_id, lock_key: lock.lock_key } : null;
}

/**
 * Visits have ended, or were missed: their grants go, and as many envelopes are opened as places are free.
 * @param {Set<string>} ended visit ids @param {number} now_ms world time
 */
export function moveOn(ended, now_ms) {
  return inTurn(async () => {
    const kept = await load(KEPT);
    /** @type {Ring | null} */
    const ring = await get(kept?.box);
    if (!ring) return;
    /** @param {Grant} one */
    const over = (one) => ended.has(one.visit_id) || Date.parse(one.opens_to_at) + LEEWAY_MS < now_ms;
    const missed = new Set(ring.grants.filter(over).map((one) => one.visit_id));
    const slots = ring.slots.filter((id) => !ended.has(id) && !missed.has(id));
    const grants = ring.grants.filter((one) => !over(one));
    if (slots.length === ring.slots.length) return;
    const sealed = [...kept.sealed];
    let { next_key } = ring;
    while (slots.length < UNSEALED && next_key && sealed.length) {
      const { visit_id, envelope } = sealed.shift();
      const opened = await unseal(visit_id, envelope, next_key);
      next_key = opened.next_key;
      if (ended.has(visit_id) || (opened.grant && over(opened.grant))) continue;
      slots.push(visit_id);
      if (opened.grant) grants.push(opened.grant);
    }
    await keep(KEPT, { ...kept, sealed, box: await put({ slots, grants, next_key }) });
  });
}

/** @param {string} visit_id @param {string} envelope @param {string} key @returns {Promise<{grant: Grant | null, next_key: string | null}>} */
async function unseal(visit_id, envelope, key) {
  const bytes = bytesOf(envelope);
  const opener = await crypto.subtle.importKey("raw", bytesOf(key), "AES-GCM", false, ["decrypt"]);
  const how = { name: "AES-GCM", iv: bytes.subarray(0, NONCE_BYTES), additionalData: new TextEncoder().encode(visit_id) };
  return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt(how, opener, bytes.subarray(NONCE_BYTES))));
}

/** Which visits' doors can be opened now, and until when any door of the shift can, world time. @returns {Promise<{visits: string[], until_ms: number}>} */
export async function heldGrants() {
  await turn;
  const kept = await load(KEPT);
  const ring = await get(kept?.box);
  return { visits: (ring?.grants ?? []).map((/** @type {Grant} */ one) => one.visit_id), until_ms: ring ? kept.until_ms : 0 };
}

/** Fetch, where that can fail without harm: the tablet goes on with what it holds. @returns {Promise<boolean>} */
export async function refreshGrants() {
  try {
    await fetchGrants();
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return false;
  }
}
