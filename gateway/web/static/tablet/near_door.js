// @ts-check
// One opening beside the lock, with no server in between: lists handed over, challenge, grant and signature, the lock's
// own signed answer. Only that answer says that a door is open.

import { decode, encode } from "./cbor.js";
import { SECOND_WITHIN_MS, UNKNOWN_AFTER_MS } from "./door_machine.js";
import { signChallenge } from "./holder_key.js";
import { NearLink, NearLinkError } from "./near_link.js";
import { b64u, bytesOf } from "./proof.js";
import { fetchTime, suppliesFor } from "./supplies.js";

const REACH_MS = 1500;
const CHALLENGE_MS = 1500;
const GREETING_MS = 500;
const QUIET_MS = 500;
const ASK_EVERY_MS = 5000;
const ASK_FOR_MS = 120000;
const ASK_SECOND_EVERY_MS = 500;
const STATES = /** @type {Record<string, string>} */ ({
  opened: "unlocked", denied: "refused", jammed: "jammed", pending: "pending", none: "expired",
});

/**
 * @typedef {import("./supplies.js").Carried} Carried
 * @typedef {import("./keyring.js").Grant} Grant
 * @typedef {{state: string, code: string | null, settled_at: string | null, motor_ms: number}} Said the lock's word
 */

/** A visit to one lock. Make one, `open` once, then `home` for what the lock wants carried. */
export class NearDoor {
  /** @param {Pick<Grant, "lock_id" | "lock_key" | "cti" | "token">} grant @param {string} url of the carrier */
  constructor(grant, url) {
    this.grant = grant;
    this.url = url;
    this.request = crypto.getRandomValues(new Uint8Array(16));
    /** @type {Carried[]} */
    this.carried = [];
    /** @type {NearLink | null} */
    this.link = null;
    /** First event the server has not confirmed to the lock; 0 when it has them all. */
    this.missing_from = 0;
  }

  /**
   * Go as far as the signature is sent.
   * @param {() => boolean} mayCommand asked at the last moment; true means that it is sent now
   * @returns {Promise<"sent" | "silent" | "no_holder_key" | "late">} `silent`: no lock was met; nothing was sent
   */
  async command(mayCommand) {
    try {
      const link = await this.#meet();
      const challenge = decode(await link.challenge(this.request, CHALLENGE_MS));
      if (challenge.lock !== this.grant.lock_id || b64u(challenge.request) !== b64u(this.request)) return "silent";
      const { cti, token, lock_id } = this.grant;
      const signed = await signChallenge({ lock_id, op: "open", cti, nonce: b64u(challenge.nonce) });
      if (!signed) return "no_holder_key";
      const { public_key, signature } = signed;
      const command = encode({
        v: 1, request: this.request, op: "open", grant: bytesOf(token), key: bytesOf(public_key),
        nonce: challenge.nonce, proof: bytesOf(signature),
      });
      if (!mayCommand()) return "late";
      link.send("open", command);
      return "sent";
    } catch (error) {
      if (error instanceof NearLinkError || error instanceof RangeError) return "silent";
      throw error;
    }
  }

  /** The lock's answer to the command; null if none came in time. @param {number} timeoutMs @returns {Promise<Said | null>} */
  async answer(timeoutMs) {
    const until = performance.now() + timeoutMs;
    try {
      for (;;) {
        const raw = await this.#next("answer", Math.max(1, until - performance.now()));
        const said = raw && (await this.#believe(raw));
        if (said) return said;
      }
    } catch (error) {
      if (error instanceof NearLinkError) return null;
      throw error;
    }
  }

  /**
   * The lock's word on what it was told, however late; shown as it comes.
   * @param {() => boolean} here whether anybody still waits for it @param {(said: Said) => void} show @returns {Promise<Said | null>}
   */
  async hear(here, show) {
    const since_ms = performance.now();
    let said = await this.answer(UNKNOWN_AFTER_MS);
    while (!said && here() && performance.now() - since_ms < ASK_FOR_MS) {
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      if (here()) said = await this.askAgain(ASK_EVERY_MS);
    }
    if (said) show(said);
    return said?.state === "pending" ? this.#second(said, here, show) : said;
  }

  /**
   * While a colleague is waited for. What the lock says when she has come may reach her tablet alone, so it is asked.
   * @param {Said} pending @param {() => boolean} here @param {(said: Said) => void} show @returns {Promise<Said>}
   */
  async #second(pending, here, show) {
    const until_ms = performance.now() + SECOND_WITHIN_MS;
    while (here() && performance.now() < until_ms) {
      await new Promise((resolve) => setTimeout(resolve, ASK_SECOND_EVERY_MS));
      this.give([{ name: "ask", payload: b64u(encode({ v: 1, request: this.request, from: null })) }]);
      const said = await this.answer(ASK_SECOND_EVERY_MS);
      if (!said || said.state === "pending") continue;
      show(said);
      return said;
    }
    return pending;
  }

  /** Ask again what became of the command; it moves nothing. @param {number} timeoutMs @returns {Promise<Said | null>} */
  async askAgain(timeoutMs) {
    try {
      this.close();
      const link = await this.#meet();
      link.send("ask", encode({ v: 1, request: this.request, from: null }));
    } catch (error) {
      if (error instanceof NearLinkError) return null;
      throw error;
    }
    return this.answer(timeoutMs);
  }

  /**
   * Everything that belongs home, once the lock is quiet: its answer, and its log from the first event that the server
   * has not confirmed, so that what earlier visitors left there comes along.
   * @returns {Promise<Carried[]>}
   */
  async home() {
    await this.#hear("evt", QUIET_MS);
    if (this.missing_from) {
      // what it said by itself begins in the middle: the whole takes its place
      this.carried = this.carried.filter((one) => one.name !== "evt");
      this.give([{ name: "ask", payload: b64u(encode({ v: 1, request: null, from: this.missing_from })) }]);
      await this.#hear("evt", QUIET_MS);
    }
    await this.#hear("cfg", 1);
    return this.take();
  }

  /** What has been heard so far; it is handed out once. @returns {Carried[]} */
  take() {
    return this.carried.splice(0);
  }

  /** Give the lock what the server answered, while it is still near. @param {Carried[]} down */
  give(down) {
    if (!this.link) return;
    try {
      for (const { name, payload } of down) this.link.send(name, bytesOf(payload));
    } catch (error) {
      if (!(error instanceof NearLinkError)) throw error; // it will have it the next time
    }
  }

  close() {
    this.link?.close();
    this.link = null;
  }

  /** Reach the lock and hand over what is carried for it, before anything is asked: lists are compared first. */
  async #meet() {
    const { lock_id } = this.grant;
    this.link = await NearLink.reach(lock_id, { url: this.url, timeoutMs: REACH_MS });
    const birth = decode(await this.#next("birth", GREETING_MS));
    this.missing_from = birth.last_ack < birth.next_seq - 1 ? birth.last_ack + 1 : 0;
    this.give(await suppliesFor(lock_id));
    if (birth.clock !== "ok" && navigator.onLine) {
      this.give(await fetchTime(lock_id, await this.#next("time", GREETING_MS)));
    }
    return this.link;
  }

  /** Take messages of a name until none comes any more. @param {string} name @param {number} quietMs */
  async #hear(name, quietMs) {
    try {
      for (;;) await this.#next(name, quietMs);
    } catch (error) {
      if (!(error instanceof NearLinkError)) throw error;
    }
  }

  /** Take a message and remember to carry it home. @param {string} name @param {number} timeoutMs */
  async #next(name, timeoutMs) {
    if (!this.link) throw new NearLinkError("lost");
    const payload = await this.link.next(name, timeoutMs);
    if (name !== "time") this.carried.push({ name, payload: b64u(payload) });
    return payload;
  }

  /**
   * Only what this lock has signed, about this request.
   * @param {Uint8Array} raw COSE_Sign1 @returns {Promise<Said | null>}
   */
  async #believe(raw) {
    try {
      const [head, , payload, signature] = decode(raw);
      const input = encode(["Signature1", head, new TextEncoder().encode("omsorgstid/v1/answer"), payload]);
      const key = await crypto.subtle.importKey("raw", bytesOf(this.grant.lock_key), "Ed25519", false, ["verify"]);
      if (!(await crypto.subtle.verify("Ed25519", key, signature, input))) return null;
      const said = decode(payload);
      if (said.lock !== this.grant.lock_id || b64u(said.request) !== b64u(this.request)) return null;
      const settled_at = said.ts === null ? null : new Date(said.ts).toISOString();
      return { state: STATES[said.result] ?? "unknown", code: said.code, settled_at, motor_ms: said.motor_ms };
    } catch {
      return null; // whatever it was, it was not the lock's word
    }
  }
}
