// @ts-check
// What waited for a network is told in one request: after an outage every tablet of a centre has a dozen facts.

import { Problem, call, problemFrom } from "../shared/api.js";
import { WAITED } from "./outbox.js";

const KINDS = ["visit_begin", "visit_end"];
/** The server takes so many; a shift has fewer. */
const AT_MOST = 60;

/**
 * @typedef {import("./outbox.js").Fact} Fact
 * @typedef {import("./outbox.js").Outbox} Outbox
 */

/**
 * Send a fact that has been on its way before, with those behind it that have been as well.
 * @param {Outbox} outbox @param {Fact} first @returns {Promise<boolean>} whether to go on with the next
 */
export async function send(outbox, first) {
  const facts = together(outbox.waiting.filter((fact) => fact.identity === outbox.identity));
  if (facts.length < 2) return outbox.send(first);
  try {
    const answers = await tell(facts, await Promise.all(facts.map((fact) => outbox.bodyOf(fact))));
    for (const [n, answer] of answers.entries()) {
      await (answer instanceof Problem ? outbox.refuse(facts[n], answer) : outbox.done(facts[n], answer));
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // one that cannot be read stops them all: alone, the first is told or refused
    return outbox.mayCome(error) ? false : outbox.send(first);
  }
  return true;
}

/** Those at the head of the queue that can be told together. @param {Fact[]} waiting */
function together(waiting) {
  const head = waiting.slice(0, AT_MOST);
  const other = head.findIndex((fact) => !fact.tried || !KINDS.includes(fact.kind));
  return other < 0 ? head : head.slice(0, other);
}

/**
 * @param {Fact[]} facts @param {any[]} bodies
 * @returns {Promise<(Problem | any)[]>} the answer to each, as it alone would have got it
 */
async function tell(facts, bodies) {
  const told = facts.map(({ kind, key, visit_id }, n) => ({ ...bodies[n], kind, key, visit_id }));
  const { answers } = await call("POST", "/api/v1/me/facts", { body: { facts: told }, headers: WAITED });
  return answers.map((/** @type {any} */ { status, body }) => (status < 400 ? body : problemFrom(status, body)));
}
