// @ts-check
// A screen visit from the carer's side: ring, talk, and say how it went. Loaded when one begins; it needs a network anyway.

import { Problem, call as ask } from "../shared/api.js";
import { Call } from "../shared/call/call.js";
import { Media } from "../shared/call/media.js";
import { CallView } from "../shared/call/view.js";
import { replace } from "../shared/dom.js";
import { learn, t } from "../shared/messages.js";
import { panel } from "./screen_visit_panel.js";

const TALKING = ["answered", "in_call", "reconnecting"];
const LOOK_EVERY_MS = 1000;
const STYLES = ["../shared/call/call.css", "./screen_visit.css"];

/** What a call needs beyond the tablet's own: its words and its look. */
async function prepared() {
  await Promise.all([...STYLES.map(styled), ask("GET", "/skaerm/ord").then(learn)]);
}

/** @param {string} name @returns {Promise<unknown>} */
function styled(name) {
  const href = new URL(name, import.meta.url).pathname;
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  return new Promise((resolve) => {
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
}

/**
 * Begin or take up the screen visit of a stop.
 * @param {any} tablet the application @param {any} stop
 * @returns {Promise<ScreenVisit>}
 */
export async function screenVisit(tablet, stop) {
  await prepared();
  return new ScreenVisit(tablet, stop);
}

/** Say something at a time of the world, which may run faster than ours. @param {any} tablet @param {number} at_ms @param {string} words */
function remind(tablet, at_ms, words) {
  const timer = setInterval(() => {
    if (tablet.session.world.now_ms() < at_ms) return;
    clearInterval(timer);
    tablet.notice = words;
    tablet.render();
  }, LOOK_EVERY_MS);
}

/** @typedef {"calling" | "ringing" | "talking" | "unanswered" | "outcome" | "problem"} VisitState */

export class ScreenVisit {
  /** @param {any} tablet @param {any} stop */
  constructor(tablet, stop) {
    this.tablet = tablet;
    this.stop = stop;
    this.name = stop.citizen_name;
    this.path = `/api/v1/me/visits/${stop.visit_id}/screen`;
    /** @type {VisitState} */
    this.state = "calling";
    /** @type {any} */
    this.room = null;
    /** @type {string | null} */
    this.link = null;
    /** Page clock at which the ringing is over. */
    this.until_ms = 0;
    this.ring_s = 0;
    this.words = "";
    /** @type {Call | null} */
    this.call = null;
    /** @type {CallView | null} */
    this.view = null;
    /** Whether the two have talked at all: then nobody needs to be told that there was no answer. */
    this.talked = false;
  }

  /** Whether the tablet must not lock itself or load anew now. */
  get busy() {
    return ["calling", "ringing", "talking"].includes(this.state);
  }

  /** Whole seconds the citizen is still rung. */
  get seconds() {
    return Math.max(0, Math.ceil((this.until_ms - performance.now()) / 1000));
  }

  /** Ring, or take up what was on when the page was loaded anew. */
  async begin() {
    let room = null;
    if (this.stop.state === "begun") {
      try {
        room = await ask("GET", this.path);
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== "room_unknown") return this.#failed(error);
      }
    }
    if (!room) return this.ring();
    if (room.state === "ringing" || TALKING.includes(room.state)) await this.#open(() => Promise.resolve(room));
    else this.hear(room);
  }

  /** Ring the citizen, for the first or the second time. */
  async ring() {
    this.#set("calling");
    // the camera first: nobody is rung by somebody who cannot be seen without knowing it
    await this.#open(() => ask("POST", this.path, { body: {} }));
  }

  /** @param {() => Promise<any>} enter answers the room */
  async #open(enter) {
    this.#leave();
    const media = await new Media().open();
    try {
      const room = await enter();
      if (this.tablet.visiting !== this) return await this.#tooLate(media);
      const call = new Call({ offers: true, roomId: room.room_id, room, media, readRoom: () => ask("GET", this.path) });
      this.call = call;
      this.view = new CallView({ name: this.name, want: (kind, on) => call.want(kind, on), hangUp: () => this.hangUp() });
      call.addEventListener("change", () => this.#paint());
      call.addEventListener("room", (event) => this.hear(/** @type {CustomEvent} */ (event).detail));
      call.addEventListener("over", () => this.#elsewhere());
      this.hear(room);
      this.tablet.refreshSoon();
    } catch (error) {
      media.stop();
      this.#failed(error);
    }
  }

  /** The room as it stands now. @param {any} room */
  hear(room) {
    if (this.state === "outcome" && room.state === "ended") return;
    this.room = room;
    this.link = room.link ?? this.link;
    if (room.state === "ringing") {
      this.until_ms = performance.now() + 1000 * room.ring_left_s;
      this.ring_s = Math.round(room.ring_left_s);
      this.#set("ringing");
    } else if (TALKING.includes(room.state)) {
      this.talked = true;
      this.#set("talking");
    } else if (room.state === "unanswered") {
      this.#leave();
      this.#set("unanswered");
      this.tablet.refreshSoon();
    } else {
      this.#leave();
      if (room.outcome) this.close();
      else this.#set("outcome");
    }
  }

  async hangUp() {
    this.#leave();
    this.#set("outcome");
    try {
      await ask("POST", `${this.path}/hangup`, { body: {} });
    } catch (error) {
      if (!(error instanceof Problem)) throw error; // the outcome ends the call as well, and waits for a network
    }
  }

  /** A person says how it went; that is a fact and may wait for a network. @param {string} outcome */
  async told(outcome) {
    this.#leave();
    this.close();
    const { tablet, stop } = this;
    const at_ms = Math.max(tablet.session.world.now_ms(), Date.parse(this.room?.world?.at ?? 0));
    await tablet.outbox.add({
      kind: "screen_outcome", path: `${this.path}/outcome`, body: { outcome }, at: new Date(at_ms).toISOString(),
      visit_id: stop.visit_id, label: t("screen_visit.fact", { name: this.name }),
    });
  }

  /** The carer goes on with the next visit; when it is time for the second try she is told. */
  goOn() {
    const { tablet, stop } = this;
    const others = tablet.day?.route?.stops.filter((/** @type {any} */ one) => one.state === "planned" && one.visit_id !== stop.visit_id) ?? [];
    tablet.chosen = others[0]?.visit_id ?? null;
    if (this.room?.next_try_at) remind(tablet, Date.parse(this.room.next_try_at), t("screen_visit.again_now", { name: this.name }));
    this.close();
  }

  ask(state = /** @type {VisitState} */ ("outcome")) {
    this.#set(state);
  }

  /** Everything is let go of, and the route is on screen again. */
  close() {
    this.#leave();
    this.tablet.visiting = null;
    delete document.body.dataset.call;
    this.tablet.refreshSoon();
    this.tablet.render();
  }

  /** @param {HTMLElement} main @param {HTMLElement} bar @param {string | null} phone */
  draw(main, bar, phone) {
    const withPicture = this.call !== null && this.view !== null && (this.state === "ringing" || this.state === "talking");
    document.body.dataset.call = withPicture ? "on" : "off";
    if (withPicture && this.view && !main.contains(this.view.stage)) replace(main, this.view.stage);
    const title = panel(this, bar, phone);
    document.title = `${title} – ${this.name}`;
    return withPicture;
  }

  #leave() {
    this.call?.close();
    this.call = this.view = null;
  }

  /** She went back while it began to ring. @param {Media} media */
  #tooLate(media) {
    media.stop();
    return ask("POST", `${this.path}/hangup`, { body: {} });
  }

  #elsewhere() {
    this.#leave();
    this.words = t("screen_visit.elsewhere");
    this.#set("problem");
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 0) this.tablet.session.unreachable();
    this.words = error.status === 0 ? t("tablet.call_needs_network") : error.words;
    this.#set("problem");
  }

  #paint() {
    if (this.call && this.view) this.view.update(this.call.view, this.call.remote, this.call.media);
  }

  /** @param {VisitState} state */
  #set(state) {
    const before = this.state;
    this.state = state;
    this.#paint();
    this.tablet.render();
    if (before !== state) this.tablet.screen.focusBar();
  }
}
