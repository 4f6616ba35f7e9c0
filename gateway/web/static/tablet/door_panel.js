// @ts-check
// The door's panel: heading, words, seconds and what can be done, for each state of the machine.

import { h, icon } from "../shared/dom.js";
import { clock } from "../shared/formats.js";
import { has, t } from "../shared/messages.js";
import { waiting } from "./door_machine.js";

/**
 * @typedef {object} Panel
 * @property {string} kind colour family
 * @property {string} icon
 * @property {string} heading stands still; seconds are elsewhere
 * @property {string} text
 * @property {string} [line] how each lock stands, where there are several
 * @property {boolean} urgent read out at once
 * @property {boolean} timed whether seconds are shown
 * @property {("abort" | "call" | "tasks" | "new_grant" | "retry" | "seen_open" | "seen_locked" | "begin" | "back")[]} actions the last one is the main one
 */

/**
 * What the panel says.
 * @param {import("./door_machine.js").Door} door
 * @param {number} now_ms page clock
 * @param {boolean} begun whether the server says that the visit has begun
 * @param {import("./door_machine.js").Door[]} [way] how the locks on the way to the door stand
 * @returns {Panel}
 */
export function panelOf(door, now_ms, begun, way = []) {
  const own = ownPanel(door, now_ms, begun);
  const asked = way.filter((one) => one.state !== "ready");
  if (!asked.length) return own;
  const line = [...asked.map((one) => stands("stairwell", one)), stands("home", door)].join(" · ");
  return { ...(door.state === "unlocked" ? halfWay(asked, own) : own), line };
}

/** @param {"stairwell" | "home"} place @param {import("./door_machine.js").Door} door */
const stands = (place, door) => `${t(`door.place.${place}`)}: ${t(`door.stands.${door.state}`)}`;

/** The flat is open: what of the stairwell? @param {import("./door_machine.js").Door[]} asked @param {Panel} own @returns {Panel} */
function halfWay(asked, own) {
  const worst = ["unknown", "refused", "jammed", "expired", "sent"].map((state) => asked.find((one) => one.state === state)).find(Boolean);
  if (!worst) return own;
  if (worst.state === "sent") return { ...own, kind: "info", icon: "hourglass", heading: t("door.way_sent.heading") };
  if (worst.state === "unknown") return panel("warn", "warning", "way_unknown", { urgent: true, actions: ["call", ...own.actions] });
  const why = worst.opening?.title ? `${worst.opening.title}. ` : "";
  return panel("warn", "warning", "way_shut", {
    text: `${why}${t("door.way_shut.text")}`, urgent: true, actions: ["call", ...own.actions, "retry"] });
}

/** @param {import("./door_machine.js").Door} door @param {number} now_ms @param {boolean} begun @returns {Panel} */
function ownPanel(door, now_ms, begun) {
  const at = door.opening?.settled_at ? clock(door.opening.settled_at, true) : "";
  switch (door.state) {
    case "sent":
      if (door.opening?.state === "pending") return panel("info", "own-two-persons", "pending", { timed: true, actions: ["call", "abort"] });
      if (door.near && !waiting(door, now_ms).slow) return panel("info", "hourglass", "near", { timed: true, actions: ["abort"] });
      return waiting(door, now_ms).slow
        ? panel("info", "hourglass", "slow", { timed: true, actions: ["call", "abort"] })
        : panel("info", "hourglass", "sent", { timed: true, actions: ["abort"] });
    case "unlocked": {
      const who = door.near ? "near" : door.opening?.by_vendor ? "vendor" : "text";
      const words = [t(`door.unlocked.${who}`, { at })];
      if (door.opening?.late) words.push(t("door.unlocked.late"));
      if (begun) words.push(t("door.unlocked.begun"));
      return panel("ok", "own-lock-open", "unlocked", { text: words.join(" "), actions: [!door.visit_id ? "back" : begun ? "tasks" : "begin"] });
    }
    case "refused":
      return refusal(door);
    case "jammed":
      return panel("danger", "error", "jammed", {
        text: t("door.jammed.text", { at }), urgent: true, actions: ["call", "retry"] });
    case "expired":
      return panel("warn", "time", door.near ? "expired_near" : "expired", { actions: ["call", "retry"] });
    default:
      return unknown(door);
  }
}

/** @param {import("./door_machine.js").Door} door @returns {Panel} */
function unknown(door) {
  if (door.seen === "open") {
    return panel("warn", "warning", "unknown", { text: t("door.unknown.seen_open"), urgent: true, actions: ["call", "begin"] });
  }
  if (door.seen === "locked") {
    return panel("warn", "warning", "unknown", { text: t("door.unknown.seen_locked"), urgent: true, actions: ["call", "retry"] });
  }
  return panel("warn", "warning", door.aborted ? "aborted" : "unknown", {
    ...(door.opening?.by_vendor ? { text: t("door.unknown.vendor") } : {}), urgent: true, timed: true, actions: ["call", "seen_locked", "seen_open"] });
}

/** @param {import("./door_machine.js").Door} door @returns {Panel} */
function refusal(door) {
  const { code, title, text } = door.opening ?? {};
  const own = has(`lock_said.${code}`) ? `lock_said.${code}` : `door.refused.${code}`;
  // the server's sentences carry the facts; ours stand in where it never came to an opening
  const said = title || (has(own) ? t(own) : t("door.refused.other"));
  const reason = said.replace(/^(Afvist|Refused)\s*[–-]\s*/, "");
  const why = text || (has(`${own}.text`) ? t(`${own}.text`) : "");
  const locked = t("door.refused.still_locked");
  const words = why ? (why.includes(locked) ? why : `${why} ${locked}`) : locked;
  return panel("danger", "close", "refused", {
    heading: t("door.refused.heading", { reason }), text: words, urgent: true,
    actions: door.visit_id ? ["call", "back", "new_grant"] : ["call", "back"] });
}

/** @param {string} kind @param {string} iconName @param {string} key @param {Partial<Panel>} rest @returns {Panel} */
function panel(kind, iconName, key, rest) {
  return {
    kind, icon: iconName, urgent: false, timed: false, actions: [],
    heading: rest.heading ?? t(`door.${key}.heading`), text: rest.text ?? t(`door.${key}.text`), ...rest,
  };
}

/** The words and picture of a panel; the seconds stand beside it, outside what is read out. @param {Panel} shown */
export function panelWords(shown) {
  return h(`div.door-words.door-${shown.kind}`, {}, icon(shown.icon, "door-icon"),
    h("div", {}, h("h2.door-heading", {}, shown.heading), h("p", {}, shown.text), shown.line && h("p.door-way", {}, shown.line)));
}
