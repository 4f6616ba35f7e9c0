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
 * @property {boolean} urgent read out at once
 * @property {boolean} timed whether seconds are shown
 * @property {("abort" | "call" | "tasks" | "new_grant" | "retry" | "seen_open" | "seen_locked" | "begin" | "back")[]} actions the last one is the main one
 */

/**
 * What the panel says.
 * @param {import("./door_machine.js").Door} door
 * @param {number} now_ms page clock
 * @param {boolean} begun whether the server says that the visit has begun
 * @returns {Panel}
 */
export function panelOf(door, now_ms, begun) {
  const at = door.opening?.settled_at ? clock(door.opening.settled_at, true) : "";
  switch (door.state) {
    case "sent":
      return waiting(door, now_ms).slow
        ? panel("info", "hourglass", "slow", { timed: true, actions: ["call", "abort"] })
        : panel("info", "hourglass", "sent", { timed: true, actions: ["abort"] });
    case "unlocked": {
      const words = [t("door.unlocked.text", { at })];
      if (door.opening?.late) words.push(t("door.unlocked.late"));
      if (begun) words.push(t("door.unlocked.begun"));
      return panel("ok", "own-lock-open", "unlocked", { text: words.join(" "), actions: [begun ? "tasks" : "begin"] });
    }
    case "refused":
      return refusal(door);
    case "jammed":
      return panel("danger", "error", "jammed", {
        text: t("door.jammed.text", { at }), urgent: true, actions: ["call", "retry"] });
    case "expired":
      return panel("warn", "time", "expired", { actions: ["call", "retry"] });
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
    urgent: true, timed: true, actions: ["call", "seen_locked", "seen_open"] });
}

/** @param {import("./door_machine.js").Door} door @returns {Panel} */
function refusal(door) {
  const { code, title, text } = door.opening ?? {};
  const own = `door.refused.${code}`;
  // the server's sentences carry the facts; ours stand in where it never came to an opening
  const said = title || (has(own) ? t(own) : t("door.refused.other"));
  const reason = said.replace(/^(Afvist|Refused)\s*[–-]\s*/, "");
  const why = text || (has(`${own}.text`) ? t(`${own}.text`) : "");
  const locked = t("door.refused.still_locked");
  const words = why ? (why.includes(locked) ? why : `${why} ${locked}`) : locked;
  return panel("danger", "close", "refused", {
    heading: t("door.refused.heading", { reason }), text: words, urgent: true,
    actions: ["call", "back", "new_grant"] });
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
    h("div", {}, h("h2.door-heading", {}, shown.heading), h("p", {}, shown.text)));
}
