// @ts-check
// The citizen's side of a call, by link or at the kiosk: ring, answer, talk, end. The carer's side begins it.

import { Problem, call as ask } from "../api.js";
import { h } from "../dom.js";
import { clock } from "../formats.js";
import { learn, t } from "../messages.js";
import { Call } from "./call.js";
import { face, ringFace, telephone } from "./faces.js";
import { Media } from "./media.js";
import { Ringtone } from "./ring.js";
import { Signal } from "./signal.js";
import { CallView } from "./view.js";

const TALKING = ["answered", "in_call", "reconnecting"];

export class CitizenSide {
  /**
   * @param {object} how
   * @param {HTMLElement} how.place what is shown goes here
   * @param {string} how.phone the way that always works
   * @param {() => void} how.idle nothing is on: show what is shown then
   * @param {() => void} how.gone this browser may not be here any more
   * @param {string[]} how.ways how a call is answered here: by `link`, by `kiosk`, by `auto`
   * @param {(room: any) => void} [how.ringing] another way to ring
   */
  constructor({ place, phone, idle, gone, ways, ringing }) {
    this.place = place;
    this.phone = phone;
    this.idle = idle;
    this.gone = gone;
    this.ways = ways;
    this.ringing = ringing ?? ((room) => this.#ring(room));
    this.ringtone = new Ringtone();
    /** @type {any} */
    this.room = null;
    /** @type {Signal | null} */
    this.signal = null;
    /** @type {Call | null} */
    this.call = null;
    /** What is on screen. */
    this.shown = "";
    /** @type {import("../../rehearsal/rehearse.js").Rehearsal | null} */
    this.trial = null;
    this.repaint = () => {};
  }

  /** Put something on the screen; the keyboard and the screen reader go with it. @param {string} name @param {() => HTMLElement} build */
  show(name, build) {
    if (!["ring", "auto"].includes(name)) this.ringtone.stop();
    if (name !== "rehearsal") this.rehearse(null);
    this.shown = name;
    document.body.dataset.face = name;
    this.repaint = () => {
      const made = build();
      this.place.replaceChildren(made);
      const heading = made.querySelector("h1");
      document.title = `${heading?.textContent ?? t("call.title")} – Omsorgstid`;
      heading?.focus({ preventScroll: true });
    };
    this.repaint();
  }

  /** A try of sound and picture; null ends it. @param {import("../../rehearsal/rehearse.js").Rehearsal | null} trial */
  rehearse(trial) {
    this.trial?.stop();
    this.trial = trial;
  }

  /** @param {() => any} ice @param {() => void} back */
  tryOut(ice, back) {
    const fetched = async () => { learn(await ask("GET", "/skaerm/ord")); (await import("../../rehearsal/rehearse.js")).rehearse(this, ice, back); };
    return { words: t("call.test"), icon: "videocam", act: () => this.#try(fetched) };
  }

  /** Hear of everything that happens to the room from now on. */
  listen() {
    if (this.signal) return;
    this.signal = new Signal();
    this.signal.addEventListener("message", (event) => {
      const message = /** @type {CustomEvent} */ (event).detail;
      if (message.type === "state" || message.type === "ring") this.hear(message);
    });
    this.signal.addEventListener("refused", (event) => {
      const elsewhere = /** @type {CustomEvent} */ (event).detail === 4409;
      this.stop();
      if (elsewhere) this.show("elsewhere", () => this.#message("elsewhere"));
      else this.gone();
    });
  }

  /** Ask how the room stands. @returns {Promise<any>} null where nothing is on */
  read() {
    return ask("GET", "/api/v1/screen/room");
  }

  /** The room as it stands now. @param {any} room null where nothing is on */
  hear(room) {
    const before = this.room?.state;
    this.room = room;
    if (!room) return this.call ? this.#end() : this.idle();
    if (room.state === "ringing") {
      if (this.call) this.#close();
      if (!["ring", "auto", "answering"].includes(this.shown)) this.ringing(room);
    } else if (room.state === "unanswered") {
      if (this.call) this.#close();
      if (this.shown === "rehearsal" && before === "unanswered") return;
      if (room.declined) this.show("not_now", () => this.#later("not_now"));
      else if (before === "ringing" || this.shown === "") this.show("missed", () => this.#later("missed"));
    } else if (room.state === "ended") {
      this.#over(room);
    } else if (TALKING.includes(room.state) && !this.call && ["", "ring", "auto"].includes(this.shown)) {
      if (this.ways.includes(room.answered_by)) this.show("return", () => this.#back());
      else this.idle();
    }
  }

  /** The carer has hung up, or said how it went. @param {any} room */
  #over(room) {
    const rang = ["ring", "auto"].includes(this.shown);
    if (rang && !room.answered_at) this.show("missed", () => this.#later("missed"));
    else if (rang) this.idle(); // it was answered somewhere else
    else if (["", "answering", "refused", "return", "call"].includes(this.shown)) this.#end();
  }

  /** @param {"answer" | "auto"} action */
  async answer(action) {
    this.show("answering", () => this.#connecting());
    await this.#try(async () => {
      // also on coming back: a new link takes over by answering
      this.hear(await ask("POST", "/api/v1/screen/answer", { body: { action } }));
      await this.#openMedia();
    });
  }

  async notNow() {
    await this.#try(async () => {
      this.room = await ask("POST", "/api/v1/screen/answer", { body: { action: "not_now" } });
      this.show("not_now", () => this.#later("not_now"));
    });
  }

  /** Somebody telephones the citizen; a call that is on ends. */
  async callMe() {
    await this.#try(async () => {
      await ask("POST", "/api/v1/screen/call-me");
      const talking = TALKING.includes(this.room?.state);
      this.#close();
      this.show("called", () => this.#message("called"));
      if (talking) await ask("POST", "/api/v1/screen/hangup", { body: {} });
    });
  }

  async trouble() {
    await this.#try(async () => {
      await ask("POST", "/api/v1/screen/feedback", { body: { trouble: true } });
      this.show("ended", () => this.#ended(true));
    });
  }

  async hangUp() {
    this.#end();
    await this.#try(() => ask("POST", "/api/v1/screen/hangup", { body: {} }), false);
  }

  /** Everything is let go of. */
  stop() {
    this.#close();
    this.ringtone.stop();
    this.signal?.close();
    this.signal = null;
  }

  /** @param {any} room */
  #ring(room) {
    this.ringtone.start();
    this.show("ring", () => ringFace({ name: room.carer_first_name, answer: () => this.answer("answer"), not_now: () => this.notNow() }));
  }

  async #openMedia() {
    const media = await new Media().open();
    if (this.shown !== "answering") return media.stop(); // hung up while the browser asked about the camera
    if (media.refused === "none") return this.#talk(media);
    this.show("refused", () => {
      const key = media.refused === "camera" ? "no_camera" : "no_device";
      return face({
        heading: t(`call.${key}`), text: [t(`call.${key}.text`)], picture: "warning",
        actions: [
          { words: t(`call.${key}.go_on`), icon: "own-mic", look: "answer", act: () => this.#talk(media) },
          { words: t("call.call_me"), icon: "own-phone", act: () => { media.stop(); this.callMe(); } },
        ],
      });
    });
  }

  /** @param {Media} media */
  #talk(media) {
    this.listen();
    const name = this.room.carer_first_name ?? t("call.carer");
    const call = new Call({ offers: false, roomId: null, room: this.room, media, readRoom: () => this.read(), signal: this.signal ?? undefined });
    const view = new CallView({ name, want: (kind, on) => call.want(kind, on), hangUp: () => this.hangUp() });
    this.call = call;
    this.show("call", () => h("div.talk", {}, view.stage, this.#callMeWhenLong(call), h("div.talk-controls", {}, view.controls)));
    call.addEventListener("change", () => {
      view.update(call.view, call.remote, call.media);
      const wanted = call.view.long || call.view.trouble !== null;
      const button = this.place.querySelector(".talk-call-me");
      if (button instanceof HTMLElement) button.hidden = !wanted;
    });
    view.update(call.view, call.remote, media);
  }

  /** @param {Call} call */
  #callMeWhenLong(call) {
    return h("button.button.talk-call-me", { type: "button", hidden: !call.view.long, onclick: () => this.callMe() }, t("call.call_me"));
  }

  #end() {
    this.#close();
    this.show("ended", () => this.#ended(false));
  }

  /** @param {boolean} told of trouble */
  #ended(told) {
    const again = { words: t("call.call_me_again"), icon: "own-phone", act: () => this.callMe() };
    const trouble = { words: t("call.trouble"), act: () => this.trouble() };
    return face({
      heading: t("call.ended"), text: [t("call.ended.text"), ...(told ? [t("call.called.text")] : [])], picture: "success",
      actions: this.room?.answered_at && !told ? [again, trouble] : [again],
    });
  }

  #close() {
    this.call?.close();
    this.call = null;
  }

  #connecting() {
    const name = this.room?.carer_first_name;
    return face({
      heading: name ? t("call.connecting_you", { name }) : t("call.connecting_unknown"), picture: "hourglass",
      actions: [{ words: t("call.hang_up"), icon: "own-phone", act: () => this.hangUp() }],
    });
  }

  #back() {
    return face({
      heading: t("call.return"), text: [t("call.return.text")], picture: "videocam",
      actions: [
        { words: t("call.return.go"), icon: "videocam", look: "answer", act: () => this.answer("answer") },
        { words: t("call.hang_up"), icon: "own-phone", act: () => this.hangUp() },
      ],
    });
  }

  /** @param {"not_now" | "missed"} key */
  #later(key) {
    const at = this.room?.next_try_at;
    return face({
      heading: t(`call.${key}.heading`), picture: "time",
      text: [at ? t("call.again_at", { at: clock(at) }) : this.room?.state === "ended" ? t("call.wait") : t("call.planner_knows")],
      actions: [
        { words: t("call.call_me"), icon: "own-phone", act: () => this.callMe() },
        ...(at ? [this.tryOut(() => this.room?.ice, () => this.show(key, () => this.#later(key)))] : []),
      ],
    });
  }

  /** @param {string} key */
  #message(key) {
    return face({ heading: t(`call.${key}`), text: [t(`call.${key}.text`)], picture: "success", actions: [telephone(this.phone)] });
  }

  /** Do something that may be refused; then say why, and what can be done. @param {() => Promise<any>} act @param {boolean} [loud] */
  async #try(act, loud = true) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) return this.gone();
      if (!loud) return;
      this.#close();
      this.show("problem", () => face({
        heading: error.words, picture: "warning",
        actions: [{ words: t("common.try_again"), icon: "refresh", act: () => this.retry() }, telephone(this.phone)],
      }));
    }
  }

  /** After something went wrong: how does it stand now? */
  async retry() {
    await this.#try(async () => {
      const room = await this.read();
      this.shown = "";
      this.hear(room);
      this.listen();
    });
  }
}
