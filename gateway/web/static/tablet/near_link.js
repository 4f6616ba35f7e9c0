// @ts-check
// The link between a tablet and the lock beside it, in fragments of at most 244 bytes (docs/protocol.md, section 10).
// It carries; it decides nothing. In the field a native shell answers at the same address over Bluetooth.

const MAX_FRAGMENT_BYTES = 244;
const HEADER_BYTES = 5;
const MAX_PAYLOAD_BYTES = 65536;
const MAX_BODY_BYTES = MAX_PAYLOAD_BYTES + 33;
const MORE = 0x10;
const LAST = 0x11;
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const HELD = 64;
/** Payload of `dn/ask`: {"v": 1, "from": 1, "request": null}. */
const ASK_FOR_ALL = Uint8Array.from([
  0xa3, 0x61, 0x76, 0x01, 0x64, 0x66, 0x72, 0x6f, 0x6d, 0x01, 0x67, 0x72, 0x65, 0x71, 0x75, 0x65, 0x73, 0x74, 0xf6,
]);

/** The link could not be made, was lost, or nothing came in time. `code`: unreachable, lost or timeout. */
export class NearLinkError extends Error {
  /** @param {"unreachable" | "lost" | "timeout"} code */
  constructor(code) {
    super(`near link: ${code}`);
    this.code = code;
  }
}

/**
 * The fragments of a message, in order.
 * @param {string} name @param {Uint8Array} payload @param {number} number of the message, 0 to 65535
 * @returns {Uint8Array<ArrayBuffer>[]}
 */
export function split(name, payload, number) {
  if (!NAME.test(name) || payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`Expected a name and at most ${MAX_PAYLOAD_BYTES} bytes, got "${name}", ${payload.length}.`);
  }
  const body = Uint8Array.of(name.length, ...new TextEncoder().encode(name), ...payload);
  const room = MAX_FRAGMENT_BYTES - HEADER_BYTES;
  const count = Math.ceil(body.length / room);
  return Array.from({ length: count }, (_, index) => Uint8Array.of(
    index === count - 1 ? LAST : MORE, number >> 8, number & 0xff, index >> 8, index & 0xff,
    ...body.subarray(index * room, (index + 1) * room),
  ));
}

/** Puts fragments together; what does not continue the message under way throws it away. */
export class Joiner {
  #number = 0;
  #next = 0;
  #length = 0;
  /** @type {Uint8Array[]} */
  #pieces = [];
  /** How often something was thrown away. */
  dropped = 0;

  /** @param {Uint8Array} fragment @returns {{name: string, payload: Uint8Array<ArrayBuffer>} | null} the message if whole */
  take(fragment) {
    const fits = fragment.length > HEADER_BYTES && fragment.length <= MAX_FRAGMENT_BYTES;
    if (!fits || (fragment[0] !== MORE && fragment[0] !== LAST)) return this.#drop();
    const number = (fragment[1] << 8) | fragment[2];
    const index = (fragment[3] << 8) | fragment[4];
    if (index === 0) {
      if (this.#next) this.#drop();
      this.#number = number;
    } else if (index !== this.#next || number !== this.#number) return this.#drop();
    const piece = fragment.subarray(HEADER_BYTES);
    if (this.#length + piece.length > MAX_BODY_BYTES) return this.#drop();
    this.#pieces.push(piece);
    this.#length += piece.length;
    this.#next = index + 1;
    return fragment[0] === LAST ? this.#whole() : null;
  }

  #whole() {
    const body = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    this.#forget();
    const name = new TextDecoder().decode(body.subarray(1, 1 + body[0]));
    const payload = body.slice(1 + body[0]);
    if (!NAME.test(name) || payload.length > MAX_PAYLOAD_BYTES) return this.#drop();
    return { name, payload };
  }

  /** @returns {null} */
  #drop() {
    this.dropped += 1;
    this.#forget();
    return null;
  }

  #forget() {
    this.#pieces = [];
    this.#length = 0;
    this.#next = 0;
  }
}

export class NearLink {
  #socket;
  #joiner = new Joiner();
  #number = 0;
  #lost = false;
  /** @type {{name: string, payload: Uint8Array<ArrayBuffer>}[]} what came and nobody asked for yet */
  #held = [];
  /** @type {Set<{name: string, give: (payload: Uint8Array<ArrayBuffer>) => void, fail: (error: NearLinkError) => void}>} */
  #waiting = new Set();

  /** @param {WebSocket} socket open */
  constructor(socket) {
    this.#socket = socket;
    socket.onmessage = (event) => this.#take(new Uint8Array(event.data));
    socket.onclose = () => this.#end();
  }

  /**
   * Reach the lock beside the tablet. Rejects with NearLinkError "unreachable".
   * @param {string} lockId @param {{url: string, timeoutMs: number}} options url: the carrier's, without the lock's id
   * @returns {Promise<NearLink>}
   */
  static reach(lockId, { url, timeoutMs }) {
    return new Promise((resolve, reject) => {
      /** @type {WebSocket} */
      let socket;
      try {
        socket = new WebSocket(`${url}/${encodeURIComponent(lockId)}`);
      } catch {
        return reject(new NearLinkError("unreachable")); // an address that is none, or not allowed here
      }
      socket.binaryType = "arraybuffer";
      const fail = () => {
        clearTimeout(timer);
        socket.onopen = null;
        socket.close();
        reject(new NearLinkError("unreachable"));
      };
      const timer = setTimeout(fail, timeoutMs);
      socket.onerror = fail;
      socket.onclose = fail;
      socket.onopen = () => {
        clearTimeout(timer);
        socket.onerror = null;
        resolve(new NearLink(socket));
      };
    });
  }

  /**
   * Ask for a challenge; the payload of `up/challenge`.
   * @param {Uint8Array} request payload of `dn/challenge`, or the 16 bytes of the request alone
   * @param {number} [timeoutMs] @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  challenge(request, timeoutMs = 2000) {
    this.send("challenge", request.length === 16 ? challengeRequest(request) : request);
    return this.next("challenge", timeoutMs);
  }

  /** Send one message. @param {string} name @param {Uint8Array} payload */
  send(name, payload) {
    if (this.#lost) throw new NearLinkError("lost");
    for (const fragment of split(name, payload, this.#number)) this.#socket.send(fragment);
    this.#number = (this.#number + 1) % 65536;
  }

  /**
   * The next message of a name, also one that came already. Rejects with NearLinkError "timeout" or "lost".
   * @param {string} name @param {number} timeoutMs @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  next(name, timeoutMs) {
    const at = this.#held.findIndex((message) => message.name === name);
    if (at >= 0) return Promise.resolve(this.#held.splice(at, 1)[0].payload);
    if (this.#lost) return Promise.reject(new NearLinkError("lost"));
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(waiter);
      };
      const waiter = {
        name,
        /** @param {Uint8Array<ArrayBuffer>} payload */
        give: (payload) => { settle(); resolve(payload); },
        /** @param {NearLinkError} error */
        fail: (error) => { settle(); reject(error); },
      };
      const timer = setTimeout(() => waiter.fail(new NearLinkError("timeout")), timeoutMs);
      this.#waiting.add(waiter);
    });
  }

  /**
   * Everything the lock has not been told to delete, sealed for the server, and its present birth at the end: what
   * `POST /api/v1/me/ferry` takes. Call it once a connection. Rejects as `next`.
   * @param {number} timeoutMs @returns {Promise<{name: string, payload: Uint8Array<ArrayBuffer>}[]>}
   */
  async fetchLog(timeoutMs) {
    await this.next("birth", timeoutMs);
    this.send("ask", ASK_FOR_ALL);
    const birth = { name: "birth", payload: await this.next("birth", timeoutMs) };
    const log = this.#held.filter((message) => message.name === "evt");
    this.#held = this.#held.filter((message) => message.name !== "evt");
    return [...log, birth];
  }

  /** Leave the lock. */
  close() {
    this.#socket.close();
    this.#end();
  }

  /** @param {Uint8Array} fragment */
  #take(fragment) {
    const message = this.#joiner.take(fragment);
    if (!message) return;
    const waiter = [...this.#waiting].find((one) => one.name === message.name);
    if (waiter) return waiter.give(message.payload);
    this.#held.push(message);
    if (this.#held.length > HELD) this.#held.shift();
  }

  #end() {
    this.#lost = true;
    for (const waiter of [...this.#waiting]) waiter.fail(new NearLinkError("lost"));
  }
}

/** Deterministic CBOR of {"v": 1, "request": request}. @param {Uint8Array} request 16 bytes */
export function challengeRequest(request) {
  const named = new TextEncoder().encode("request");
  return Uint8Array.of(0xa2, 0x61, 0x76, 0x01, 0x60 | named.length, ...named, 0x50, ...request);
}
