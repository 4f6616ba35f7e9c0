// @ts-check
// The bar during a screen visit: ringing, talking, nobody answered, how did it go.

import { fill, h, icon, tag } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { language, t } from "../shared/messages.js";
import { button, callButton, pair } from "./bar.js";

/** @typedef {import("./screen_visit.js").ScreenVisit} ScreenVisit */

const OUTCOMES = /** @type {const} */ ([
  ["completed", "videocam"], ["completed_audio", "own-mic"], ["converted_phone", "own-phone"], ["converted_physical", "home"],
  ["no_answer", "time"], ["declined", "close"], ["technical_failure", "error"],
]);

/**
 * Fill the bar; the seconds alone move within it.
 * @param {ScreenVisit} visit @param {HTMLElement} bar @param {string | null} phone of the duty
 * @returns {string} what the page is about now
 */
export function panel(visit, bar, phone) {
  const { state, room, name } = visit;
  switch (state) {
    case "calling":
      fill(bar, [language(), state], () => frame(t("screen_visit.calling", { name }), null, [t("screen_visit.camera_first")],
        callButton(phone), button(t("tablet.back"), "arrow-back", () => visit.close(), { big: true, key: "call-back" })));
      return t("screen_visit.calling", { name });
    case "ringing":
      fill(bar, [language(), state, room.attempt, visit.link], () => ringing(visit, phone));
      seconds(visit);
      return t("screen_visit.calling", { name });
    case "talking":
      fill(bar, [language(), state], () => visit.view?.controls ?? null);
      return t("call.title");
    case "unanswered":
      fill(bar, [language(), state, room.attempt, room.declined, room.next_try_at], () => unanswered(visit, phone));
      return t("screen_visit.unanswered", { name });
    case "problem":
      fill(bar, [language(), state, visit.words], () => frame(t("screen_visit.problem"), "alert", [visit.words],
        callButton(phone), button(t("common.try_again"), "refresh", () => visit.begin(), { big: true, key: "call-retry" }),
        button(t("tablet.back"), "arrow-back", () => visit.close(), { big: true, key: "call-back" })));
      return t("screen_visit.problem");
    default:
      fill(bar, [language(), state, visit.talked], () => outcome(visit));
      return t("screen_visit.how");
  }
}

/** @param {ScreenVisit} visit @param {string | null} phone */
function ringing(visit, phone) {
  const { room, name } = visit;
  const s = visit.ring_s;
  const words = room.second_try_at
    ? t("screen_visit.ringing_first", { name, s, at: clock(room.second_try_at) })
    : t("screen_visit.ringing_second", { name, s });
  return h("div.visit-panel", {},
    h("p.visit-top", {}, tag(t("screen_visit.tag", { at: clock(visit.stop.start_at) }), "videocam", "screen"),
      h("span.visit-seconds.tabular", { id: "visit-seconds", role: "timer", "aria-label": t("screen_visit.seconds") })),
    h("div", { role: "status" }, h("h2.visit-heading", {}, t("screen_visit.calling", { name })), h("p", {}, words)),
    visit.link && sendLink(visit.link, name),
    pair(callButton(phone), button(t("call.hang_up"), "close", () => visit.hangUp(), { big: true, danger: true, key: "call-end" })));
}

/** @param {string} link @param {string} name */
function sendLink(link, name) {
  const whole = new URL(link, location.href).href;
  const said = h("span", { role: "status" });
  const field = /** @type {HTMLInputElement} */ (h("input.input", { id: "visit-link", readonly: true, "data-key": "visit-link", onfocus: () => field.select() }));
  field.value = whole;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(whole);
      said.textContent = t("screen_visit.copied");
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      field.focus(); // selected: the person can copy it herself
    }
  };
  return h("details.visit-link", {},
    h("summary", { "data-key": "visit-send" }, icon("send"), t("screen_visit.send_link")),
    h("div.field", {}, h("label", { for: "visit-link" }, t("screen_visit.link", { name })), field, said),
    pair(h("a.button", { href: `sms:?&body=${encodeURIComponent(t("screen_visit.sms", { link: whole }))}`, "data-key": "visit-sms" }, icon("smartphone"), h("span", {}, t("screen_visit.as_sms"))),
      button(t("screen_visit.copy"), "document", copy, { key: "visit-copy" })));
}

/** @param {ScreenVisit} visit @param {string | null} phone */
function unanswered(visit, phone) {
  const { room, name } = visit;
  const again = room.next_try_at;
  const heading = room.declined ? t("screen_visit.declined", { name }) : t("screen_visit.unanswered", { name });
  const words = again ? t("screen_visit.again_at", { at: clock(again) }) : t("screen_visit.planner_told");
  return frame(heading, "status", [words],
    callButton(phone),
    again && button(t("screen_visit.ring_again"), "videocam", () => visit.ring(), { big: true, key: "call-again" }),
    button(t("screen_visit.say_outcome"), "flag", () => visit.ask(), { big: true, key: "call-outcome" }),
    button(t("screen_visit.go_on"), "arrow-forward", () => visit.goOn(), { big: true, main: true, key: "call-go-on" }));
}

/** @param {ScreenVisit} visit */
function outcome(visit) {
  const likely = visit.talked ? "completed" : "no_answer";
  return h("div.question", { role: "group", "aria-label": t("screen_visit.how") },
    h("h2.question-heading", {}, t("screen_visit.how")),
    h("p", {}, t("screen_visit.how_text", { name: visit.name })),
    h("div.answers.visit-outcomes", {}, OUTCOMES.map(([name, picture]) => button(t(`screen_visit.outcome.${name}`), picture, () => visit.told(name), {
      big: true, key: `call-${name}`, main: name === likely }))));
}

/** @param {string} heading @param {"status" | "alert" | null} role @param {string[]} lines @param {...import("../shared/dom.js").Child} buttons */
function frame(heading, role, lines, ...buttons) {
  return h("div.visit-panel", {},
    h("div", { role: role ?? "status" }, h("h2.visit-heading", {}, heading), lines.map((line) => h("p", {}, line))),
    pair(...buttons));
}

/** @param {ScreenVisit} visit */
function seconds(visit) {
  const timer = document.getElementById("visit-seconds");
  if (timer) timer.textContent = t("screen_visit.rings", { s: visit.seconds });
}
