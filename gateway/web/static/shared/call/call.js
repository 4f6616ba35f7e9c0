// @ts-check
// A call from one side: the line to the server, the connection to the other browser, and what a person should know of both.

import { Problem, call as ask } from "../api.js";
import { PeerLink, speakerOf } from "./peer.js";
import { Picture, reading, windowOf } from "./quality.js";
import { Signal } from "./signal.js";
import { stayAwake } from "./wake.js";
import { Watch } from "./watch.js";

const WINDOW_MS = 5000;
const LONG_MS = 30_000;
/** A relay that refuses us is told at once; other candidate errors only where no path is found in this time. */
const NO_PATH_MS = 8000;
const REFUSED_BY_RELAY = [401, 403, 438];

/**
 * @typedef {object} View what a page shows
 * @property {"connecting" | "in_call" | "reconnecting"} state
 * @property {boolean} long the path has been away for more than 30 seconds
 * @property {boolean} answered the citizen has answered: before that we ring
 * @property {number} seconds since the two could hear each other
 * @property {"good" | "fair" | "poor" | "bad" | null} level
 * @property {"on" | "off" | "saving" | "missing"} camera our own
 * @property {"on" | "off" | "missing"} sound our own
 * @property {{video: boolean, audio: boolean}} other what the other side sends
 * @property {number | null} trouble code of what keeps us from finding a path
 */

/** Events: `change` (of the view), `room` (detail: the room's state), `over` (we may not come in, or no longer). */
export class Call extends EventTarget {
  /**
   * @param {object} how
   * @param {boolean} how.offers the carer's side
   * @param {string | null} how.roomId named by the carer only
   * @param {any} how.room its state, with the servers to find a path by
   * @param {import("./media.js").Media} how.media opened already
   * @param {() => Promise<any>} how.readRoom the room anew, with fresh servers
   * @param {Signal} [how.signal] a line that is open already and stays
   */
  constructor({ offers, roomId, room, media, readRoom, signal }) {
    super();
    this.offers = offers;
    this.roomId = roomId;
    this.room = room;
    this.ice = room.ice;
    this.media = media;
    this.readRoom = readRoom;
    this.ownSignal = !signal;
    this.signal = signal ?? new Signal(roomId);
    /** @type {PeerLink | null} */
    this.link = null;
    /** @type {Watch | null} */
    this.watch = null;
    this.picture = new Picture();
    /** @type {View["level"]} */
    this.level = null;
    this.begun_ms = performance.now();
    /** When the two first heard each other. @type {number | null} */
    this.connected_ms = null;
    /** @type {number | null} */
    this.lost_ms = null;
    this.reconnects = 0;
    /** @type {number | null} */
    this.setup_ms = null;
    /** @type {number | null} */
    this.trouble = null;
    /** @type {import("./quality.js").Reading | null} */
    this.last = null;
    this.closed = false;
    this.onOpen = () => this.#join();
    this.onMessage = (/** @type {any} */ event) => this.#hear(event.detail);
    this.onRefused = () => this.dispatchEvent(new Event("over"));
    this.signal.addEventListener("open", this.onOpen);
    this.signal.addEventListener("message", this.onMessage);
    this.signal.addEventListener("refused", this.onRefused);
    this.media.addEventListener("tracks", () => this.#changed());
    this.second = window.setInterval(() => this.#changed(), 1000);
    this.sampling = window.setInterval(() => this.#sample(), WINDOW_MS);
    this.sleep = stayAwake();
    if (this.signal.isOpen) this.#join();
  }

  /** @returns {View} */
  get view() {
    const { media, link } = this;
    const lost = this.connected_ms !== null && (this.lost_ms !== null || !link || link.state !== "connected");
    return {
      state: this.connected_ms === null ? "connecting" : lost ? "reconnecting" : "in_call",
      long: this.lost_ms !== null && performance.now() - this.lost_ms > LONG_MS,
      answered: this.room.state !== "ringing",
      seconds: this.connected_ms === null ? 0 : Math.floor((performance.now() - this.connected_ms) / 1000),
      level: this.level,
      camera: !media.video ? "missing" : !media.wanted.video ? "off" : this.picture.sent === "none" ? "saving" : "on",
      sound: !media.audio ? "missing" : media.wanted.audio ? "on" : "off",
      other: link?.told ?? { video: true, audio: true },
      trouble: this.connected_ms === null ? this.trouble : null,
    };
  }

  /** The other side's picture and sound, once there are any. */
  get remote() {
    return this.link?.remote ?? null;
  }

  /** @param {"video" | "audio"} kind @param {boolean} on */
  want(kind, on) {
    this.media.want(kind, on);
    this.#changed();
  }

  /** Everything is let go of: camera, microphone, connection, line. */
  close() {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.second);
    clearInterval(this.sampling);
    this.#drop();
    this.media.stop();
    this.signal.removeEventListener("open", this.onOpen);
    this.signal.removeEventListener("message", this.onMessage);
    this.signal.removeEventListener("refused", this.onRefused);
    if (this.ownSignal) this.signal.close();
    this.sleep();
  }

  #join() {
    this.signal.send({ type: "join" });
    // an offer that never left, or that nobody heard
    if (this.link?.waits) this.link.repeat();
    // we come back: whoever is there has a connection to a page that is gone
    else if (!this.offers && !this.link && this.room.state !== "answered") this.signal.send({ type: "restart" });
  }

  /** @param {any} message */
  #hear(message) {
    switch (message.type) {
      case "peer":
        if (message.present && this.offers) this.#greet();
        break;
      case "restart":
        if (this.offers) this.#again();
        break;
      case "offer":
        this.#offered(message);
        break;
      case "answer":
      case "candidate":
        this.link?.hear(message);
        break;
      case "state":
        this.room = message;
        this.ice = message.ice ?? this.ice;
        this.dispatchEvent(new CustomEvent("room", { detail: message }));
        break;
    }
  }

  /** Somebody is there: begin, unless we have begun. */
  #greet() {
    if (!this.link) this.#make();
    else if (this.link.waits) this.link.repeat();
  }

  /** The other page was loaded anew. */
  #again() {
    if (this.link && !this.link.waits) this.#drop();
    this.#greet();
  }

  /** @param {any} message */
  #offered(message) {
    if (this.link?.speaker && this.link.speaker !== speakerOf(message.sdp)) this.#drop();
    (this.link ?? this.#make()).hear(message);
  }

  #make() {
    const link = new PeerLink({ offers: this.offers, ice: this.ice, media: this.media, send: (message) => this.signal.send(message) });
    this.link = link;
    this.begun_ms = performance.now();
    this.last = null;
    link.addEventListener("connection", () => this.#connection(link));
    link.addEventListener("track", () => this.#changed());
    link.addEventListener("told", () => this.#changed());
    link.addEventListener("candidate-error", (event) => this.#noCandidate(/** @type {CustomEvent} */ (event).detail));
    link.addEventListener("confused", () => (this.offers ? this.#again() : this.signal.send({ type: "restart" })));
    this.watch = new Watch(link, { stalled: () => this.#stalled(link), flowing: () => this.#flowing() });
    return link;
  }

  #drop() {
    this.watch?.stop();
    this.link?.close();
    this.watch = this.link = null;
  }

  /** @param {PeerLink} link */
  #connection(link) {
    if (link !== this.link) return;
    if (link.state === "connected") {
      if (this.connected_ms === null) {
        this.connected_ms = performance.now();
        this.setup_ms = Math.round(this.connected_ms - this.begun_ms);
      }
      this.lost_ms = null;
      link.limit(this.picture.sent);
    }
    this.#changed();
  }

  /** @param {PeerLink} link */
  async #stalled(link) {
    if (this.lost_ms === null) {
      this.lost_ms = performance.now();
      this.reconnects += 1;
      this.#changed();
    }
    const ice = await this.#freshIce();
    if (link !== this.link) return;
    if (link.waits) link.repeat();
    else link.restart(ice);
  }

  #flowing() {
    this.lost_ms = null;
    this.#changed();
  }

  /** New servers where the old credentials are running out; nothing where they hold or nobody answers. */
  async #freshIce() {
    const expires_ms = Date.parse(this.ice?.expires_at ?? "");
    if (!(expires_ms - Date.now() < WINDOW_MS)) return null;
    try {
      this.ice = (await this.readRoom())?.ice ?? this.ice;
      return this.ice;
    } catch (error) {
      if (error instanceof Problem) return null;
      throw error;
    }
  }

  /** @param {number} code */
  #noCandidate(code) {
    const begun_ms = this.begun_ms;
    const tell = () => {
      if (this.closed || this.connected_ms !== null || this.begun_ms !== begun_ms) return;
      this.trouble = code;
      this.#changed();
    };
    if (REFUSED_BY_RELAY.includes(code)) tell();
    else window.setTimeout(tell, NO_PATH_MS);
  }

  async #sample() {
    const { link } = this;
    if (!link || link.state !== "connected") return;
    const now = reading((await link.pc.getStats()).values(), performance.now());
    const before = this.last;
    this.last = now;
    if (!before || link !== this.link) return;
    const sample = { ...windowOf(before, now, link.told.video), reconnects: this.reconnects, ...(this.setup_ms !== null && { setup_ms: this.setup_ms }) };
    this.reconnects = 0;
    this.setup_ms = null;
    let said = { level: this.level, advice: "none", automatic: false };
    try {
      said = await ask("POST", "/api/v1/screen/quality", { body: { ...sample, ...(this.roomId && { room_id: this.roomId }) }, timeout_ms: WINDOW_MS });
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the call does not need the server
    }
    if (link !== this.link) return;
    this.level = said.level;
    if (this.picture.hear(said, now.may_send_bit_s, performance.now())) await link.limit(this.picture.sent);
    this.#changed();
  }

  #changed() {
    if (!this.closed) this.dispatchEvent(new Event("change"));
  }
}
