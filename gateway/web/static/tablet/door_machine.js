// @ts-check
// What a person at a door is shown, as a pure machine. It believes the lock, the server's refusal and the page's own
// monotonic clock, and nothing else: no state says "unlocked" unless the lock has said so.

export const SEND_WITHIN_MS = 5000;
export const SLOW_AFTER_MS = 6000;
export const UNKNOWN_AFTER_MS = 10000;
/** How long the server is waited for before the lock is asked itself; by then nothing of ours may have left. */
export const NEAR_AFTER_MS = 2000;
/** How long the first of two holders waits for the other. */
export const SECOND_WITHIN_MS = 60000;

/**
 * @typedef {"ready" | "sent" | "unlocked" | "refused" | "unknown" | "jammed" | "expired"} DoorState
 * @typedef {object} Door
 * @property {DoorState} state
 * @property {boolean} commanded whether our signature has left the tablet; before that no lock can have opened
 * @property {boolean} aborted the carer stopped waiting
 * @property {number} tapped_ms page clock
 * @property {string | null} visit_id
 * @property {any} opening the server's last word on it
 * @property {"open" | "locked" | null} seen what the carer has observed
 * @property {boolean} near whether the lock itself is asked
 */

/** @returns {Door} */
export function ready() {
  return { state: "ready", commanded: false, aborted: false, tapped_ms: 0, visit_id: null, opening: null, seen: null, near: false };
}

/** The carer taps "Lås op". @param {string} visit_id @param {number} now_ms @returns {Door} */
export function tapped(visit_id, now_ms) {
  return { ...ready(), state: "sent", tapped_ms: now_ms, visit_id };
}

/** Whether a lock that was asked has certainly not moved since, so that it may be asked anew. @param {Door} door */
export function mayAskAgain(door) {
  return ["ready", "refused", "jammed", "expired"].includes(door.state) || (door.state === "unknown" && door.seen === "locked");
}

/** Whether a signature may still leave the tablet. @param {Door} door @param {number} now_ms */
export function maySend(door, now_ms) {
  return door.state === "sent" && !door.commanded && now_ms - door.tapped_ms < SEND_WITHIN_MS;
}

/** The server is silent: the lock is asked beside it as well. Whoever has a challenge first is answered. @param {Door} door @returns {Door} */
export function tryingNear(door) {
  return door.state === "sent" && !door.commanded ? { ...door, near: true } : door;
}

/** The signature leaves the tablet now, to the server. @param {Door} door @returns {Door} */
export function commanded(door) {
  return { ...door, commanded: true, near: false };
}

/**
 * The signature leaves the tablet now, to the lock itself. What the server may still say belongs to another opening.
 * @param {Door} door @param {string} id of the opening beside the lock @returns {Door}
 */
export function commandedNear(door, id) {
  return { ...door, commanded: true, near: true, opening: { id, visit_id: door.visit_id, state: "sent" } };
}

/** Nothing could be sent. @param {Door} door @returns {Door} */
export function notSent(door) {
  return door.state === "sent" && !door.commanded ? { ...door, state: "expired" } : door;
}

/** The server refused to start an opening. @param {Door} door @param {{code: string, title: string, text: string}} why @returns {Door} */
export function refusedByServer(door, why) {
  if (door.state !== "sent" || door.commanded) return door;
  return { ...door, state: "refused", opening: { ...door.opening, ...why, state: "refused" } };
}

/**
 * The server's word on the opening, at whatever time it comes; a late answer of the lock is still an answer.
 * @param {Door} door @param {any} opening @returns {Door}
 */
export function heard(door, opening) {
  if (door.opening && opening.id !== door.opening.id) return door;
  const next = { ...door, opening };
  const settled = ["unlocked", "refused", "jammed", "expired", "unknown"].includes(opening.state);
  if (!settled || door.state === "ready") return next;
  // what the lock has answered is never taken back by a later, weaker word
  if (["unlocked", "refused", "jammed"].includes(door.state) && ["unknown", "expired"].includes(opening.state)) return next;
  return { ...next, state: opening.state };
}

/** Time has passed. @param {Door} door @param {number} now_ms @returns {Door} */
export function ticked(door, now_ms) {
  if (door.state !== "sent") return door;
  const waited_ms = now_ms - door.tapped_ms;
  if (door.commanded && door.opening?.state === "pending" && waited_ms < SECOND_WITHIN_MS) return door;
  if (!door.commanded && waited_ms >= SEND_WITHIN_MS) return { ...door, state: "expired" };
  if (waited_ms >= UNKNOWN_AFTER_MS) return { ...door, state: "unknown" };
  return door;
}

/**
 * The carer stops waiting. Before the signature left, nothing can open; after that the lock may still open, and only
 * the lock knows.
 * @param {Door} door @returns {Door}
 */
export function aborted(door) {
  if (door.state !== "sent") return door;
  return door.commanded ? { ...door, state: "unknown", aborted: true } : ready();
}

/** The carer says how the door is; it stands beside the lock's answer. @param {Door} door @param {"open" | "locked"} seen @returns {Door} */
export function observed(door, seen) {
  return { ...door, seen };
}

/** Seconds since the tap, and whether the lock is slow. @param {Door} door @param {number} now_ms */
export function waiting(door, now_ms) {
  const waited_ms = Math.max(0, now_ms - door.tapped_ms);
  return { seconds: Math.floor(waited_ms / 1000), slow: door.state === "sent" && waited_ms >= SLOW_AFTER_MS };
}
