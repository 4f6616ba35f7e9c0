// @ts-check
// Try sound and picture before anybody rings: our own camera goes to the echo peer, and what comes back is shown.

import { Problem, call as ask } from "../shared/api.js";
import { h } from "../shared/dom.js";
import { t } from "../shared/messages.js";
import { face } from "../shared/call/faces.js";
import { Media } from "../shared/call/media.js";

const GATHER_MS = 2500;
const COME_BACK_MS = 10_000;
const LOOK_EVERY_MS = 200;
const ENOUGH = 10;

const SAID = {
  works: "rehearsal.works", no_picture: "rehearsal.no_picture", no_sound: "rehearsal.no_sound",
  no_device: "call.no_device", no_path: "call.notice.trouble", away: "rehearsal.away",
};

/** @typedef {"works" | "no_picture" | "no_sound" | "no_device" | "no_path" | "away"} Result */

/** One try. What it took of the device it gives back with `stop`. */
export class Rehearsal {
  /** @param {any} ice the servers to find a path by */
  constructor(ice) {
    this.media = new Media();
    this.pc = new RTCPeerConnection({ iceServers: ice?.iceServers ?? [] });
    this.stopped = false;
    this.picture = h("video", { muted: true, autoplay: true, playsinline: true, "aria-label": t("call.own_picture") });
  }

  /** @returns {Promise<Result>} */
  async run() {
    await this.media.open();
    if (this.stopped) this.media.stop(); // left while the browser asked about the camera
    const tracks = [this.media.video, this.media.audio].filter((track) => track !== null);
    if (!tracks.length) return "no_device";
    const back = new MediaStream();
    this.pc.ontrack = ({ track }) => back.addTrack(track);
    /** @type {HTMLVideoElement} */ (this.picture).srcObject = back;
    for (const track of tracks) this.pc.addTrack(track);
    try {
      await this.pc.setLocalDescription();
      await this.#until(() => this.pc.iceGatheringState === "complete", GATHER_MS);
      const { sdp } = await ask("POST", "/api/v1/screen/precall", { body: { sdp: this.pc.localDescription?.sdp }, timeout_ms: 40_000 });
      if (!this.stopped) await this.pc.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return "away";
    }
    let seen = { picture: 0, sound: 0 };
    await this.#until(async () => {
      seen = await this.#seen();
      return (seen.picture >= ENOUGH || !this.media.video) && (seen.sound >= ENOUGH || !this.media.audio);
    }, COME_BACK_MS);
    if (seen.picture < ENOUGH && seen.sound < ENOUGH) return "no_path";
    if (seen.picture < ENOUGH) return "no_picture";
    return seen.sound < ENOUGH ? "no_sound" : "works";
  }

  stop() {
    this.stopped = true;
    this.media.stop();
    this.pc.close();
  }

  async #seen() {
    const seen = { picture: 0, sound: 0 };
    for (const report of (await this.pc.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      if (report.kind === "video") seen.picture = report.framesDecoded ?? 0;
      else seen.sound = report.packetsReceived ?? 0;
    }
    return seen;
  }

  /** @param {() => boolean | Promise<boolean>} holds @param {number} within_ms */
  async #until(holds, within_ms) {
    const until_ms = performance.now() + within_ms;
    while (!this.stopped && performance.now() < until_ms && !(await holds())) await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
}

/**
 * Try, and say what came of it.
 * @param {import("../shared/call/citizen.js").CitizenSide} side
 * @param {() => any} ice asked for when it begins
 * @param {() => void} back where the citizen was
 */
export async function rehearse(side, ice, back) {
  const trial = new Rehearsal(ice());
  side.rehearse(trial);
  const leave = { words: t("rehearsal.leave"), act: () => { trial.stop(); back(); } };
  const picture = h("div.face-mirror", {}, trial.picture);
  side.show("rehearsal", () => face({ heading: t("rehearsal.runs"), middle: picture, actions: [leave] }));
  const result = await trial.run();
  if (trial.stopped) return;
  if (result !== "works") trial.stop();
  side.show("rehearsal", () => face({
    heading: t(SAID[result]), text: [t(`${SAID[result]}.text`)], middle: result === "works" ? picture : null,
    picture: "warning", actions: [leave, ...(result === "works" ? [] : [{ words: t("common.try_again"), icon: "refresh", act: () => rehearse(side, ice, back) }])],
  }));
}
