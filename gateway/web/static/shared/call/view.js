// @ts-check
// How a call looks, on the carer's tablet and at the citizen's: the other's picture, our own beside it, three buttons.

import { fill, h, icon, tag } from "../dom.js";
import { language, t } from "../messages.js";

/** @typedef {import("./call.js").View} View */

const LEVELS = /** @type {Record<string, [string, string]>} */ ({
  good: ["success", "ok"], fair: ["warning", "warn"], poor: ["warning", "warn"], bad: ["error", "danger"],
});

/** Two parts a page places where it wants: `stage` and `controls`. They are made once, because a picture must not blink. */
export class CallView {
  /**
   * @param {object} how
   * @param {string} how.name whom the call is with
   * @param {(kind: "video" | "audio", on: boolean) => void} how.want
   * @param {() => void} how.hangUp
   */
  constructor({ name, want, hangUp }) {
    this.name = name;
    this.want = want;
    this.hangUp = hangUp;
    /** @type {View | null} */
    this.shown = null;
    this.remote = video(t("call.picture_of", { name }));
    this.own = video(t("call.own_picture"));
    this.own.muted = true;
    this.tags = h("div.call-tags", { role: "status" });
    this.time = h("p.call-time.tabular", { role: "timer", "aria-label": t("call.duration") });
    this.notice = h("div.call-notice", { role: "status" });
    this.absent = h("div.call-absent", {});
    this.ownFrame = h("figure.call-own", {}, this.own, h("figcaption", {}, t("call.you")));
    this.stage = h("section.call", { "aria-label": t("call.with", { name }) },
      h("h1.visually-hidden", { tabindex: -1 }, t("call.with", { name })),
      h("div.call-head", {}, this.tags, this.time, this.ownFrame),
      this.notice, h("div.call-picture", {}, this.remote, this.absent));
    this.controls = h("div.call-controls", { role: "group", "aria-label": t("call.controls") });
  }

  /** @param {View} view @param {MediaStream | null} remote @param {import("./media.js").Media} media */
  update(view, remote, media) {
    this.shown = view;
    this.#streams(remote, media);
    this.stage.dataset.state = view.state;
    const clock = `${Math.floor(view.seconds / 60)}:${String(view.seconds % 60).padStart(2, "0")}`;
    if (this.time.textContent !== clock) this.time.textContent = view.state === "connecting" ? "" : clock;
    fill(this.tags, [language(), view.camera, view.state, view.level, view.answered], () => [
      view.camera === "on" ? tag(t("call.camera.on"), "videocam", "ok") : tag(t(`call.camera.${view.camera}`), "videocam", "warn"),
      this.#lineTag(view),
    ]);
    fill(this.notice, [language(), ...notices(view), view.long], () => notices(view).map((key) => notice(key, this.name)));
    const picture = view.state !== "connecting" && view.other.video;
    const words = absence(view);
    fill(this.absent, [language(), picture, words], () => !picture && [
      icon("person", "call-face"), words && h("p", {}, t(words, { name: this.name })),
    ]);
    this.absent.hidden = picture;
    this.remote.classList.toggle("call-hidden", !picture);
    this.ownFrame.hidden = view.camera !== "on";
    this.#buttons(view);
  }

  /** The browser would not sound without a touch: the next one is enough. */
  play() {
    this.remote.muted = false;
    this.remote.play().catch(() => {
      this.remote.muted = true;
      this.remote.play().catch(() => {});
      addEventListener("pointerdown", () => this.play(), { once: true, capture: true });
    });
  }

  /** @param {MediaStream | null} remote @param {import("./media.js").Media} media */
  #streams(remote, media) {
    if (remote && this.remote.srcObject !== remote) {
      this.remote.srcObject = remote;
      this.play();
    }
    const own = /** @type {MediaStream | null} */ (this.own.srcObject);
    if (media.video && own?.getVideoTracks()[0] !== media.video) {
      this.own.srcObject = new MediaStream([media.video]);
      this.own.play().catch(() => {});
    } else if (!media.video && own) this.own.srcObject = null;
  }

  /** @param {View} view */
  #lineTag(view) {
    if (!view.answered) return tag(t("call.line.ringing"), "hourglass", "info");
    if (view.state === "connecting") return tag(t("call.line.connecting"), "hourglass", "info");
    if (view.state === "reconnecting") return tag(t("call.line.lost"), "sync", "warn");
    const [picture, kind] = LEVELS[view.level ?? "good"];
    return tag(t(`call.level.${view.level ?? "good"}`), picture, kind);
  }

  /** @param {View} view */
  #buttons(view) {
    fill(this.controls, [language(), view.sound, view.camera], () => [
      this.#toggle("audio", view.sound === "on", view.sound === "missing", view.sound === "on" ? "own-mic" : "own-mic-off"),
      this.#toggle("video", view.camera === "on" || view.camera === "saving", view.camera === "missing", "videocam"),
      h("button.button.call-end", { type: "button", "data-key": "call-end", onclick: () => this.hangUp() }, icon("own-phone"), h("span", {}, t("call.hang_up"))),
    ]);
  }

  /** @param {"audio" | "video"} kind @param {boolean} on @param {boolean} missing @param {string} picture */
  #toggle(kind, on, missing, picture) {
    const words = missing ? t(`call.${kind}.missing`) : on ? t(`call.${kind}.on`) : t(`call.${kind}.off`);
    const hint = missing ? "" : on ? t("call.turn_off") : t("call.turn_on");
    return h(on ? "button.button" : "button.button.call-off", {
      type: "button", "data-key": `call-${kind}`, disabled: missing, onclick: () => this.want(kind, !on),
    }, icon(picture), h("span", {}, words, hint && h("span.visually-hidden", {}, ` – ${hint}`)));
  }
}

/** What must be said beyond the tags, most urgent first. @param {View} view @returns {string[]} keys */
export function notices(view) {
  if (view.trouble !== null && view.state === "connecting") return ["trouble"];
  if (view.state === "reconnecting") return [view.long ? "long" : "reconnecting"];
  if (view.state !== "in_call") return [];
  return [
    view.camera === "saving" && "saving",
    view.camera !== "saving" && (view.level === "poor" || view.level === "bad") && "weak",
    view.sound === "missing" && "no_sound",
    view.camera === "missing" && view.sound !== "missing" && "no_picture",
    !view.other.audio && "other_muted",
  ].filter((key) => key !== false);
}

/** Why there is no picture of the other side, where nothing else says it. @param {View} view @returns {string | null} key */
function absence(view) {
  if (!view.answered) return "call.waits";
  if (view.state === "connecting") return "call.connecting";
  return view.state === "in_call" ? "call.no_picture" : null;
}

/** @param {string} key @param {string} name */
function notice(key, name) {
  return h("div.call-words", {}, icon(key === "reconnecting" ? "sync" : "warning"),
    h("div", {}, h("p.call-words-heading", {}, t(`call.notice.${key}`, { name })), h("p", {}, t(`call.notice.${key}.text`, { name }))));
}

/** @param {string} label @returns {HTMLVideoElement} */
function video(label) {
  return /** @type {HTMLVideoElement} */ (h("video", { autoplay: true, playsinline: true, "aria-label": label }));
}
