// @ts-check
// The bottom bar: one main action at a time, and its answer in the same place.

import { h, icon } from "../shared/dom.js";
import { t } from "../shared/messages.js";
import { street } from "./day.js";

/** @typedef {import("../shared/dom.js").Child} Child */

/**
 * @param {string} words @param {string} iconName @param {(event: Event) => void} act
 * @param {{main?: boolean, big?: boolean, key?: string, disabled?: boolean, danger?: boolean}} [how]
 */
export function button(words, iconName, act, how = {}) {
  const classes = ["button", how.main && "button-main", how.big && "button-big", how.danger && "button-danger"];
  return h(["button", ...classes.filter(Boolean)].join("."),
    { type: "button", onclick: act, "data-key": how.key ?? words, disabled: how.disabled }, icon(iconName), h("span", {}, words));
}

/** Help, always at the same place: bottom left. @param {string | null} phone */
export function callButton(phone) {
  if (!phone) return null;
  return h("a.button", { href: `tel:${phone.replaceAll(" ", "")}`, "data-key": "call" }, icon("own-phone"), h("span", {}, t("tablet.call")));
}

/** Two small buttons beside each other above the main one. @param {...Child} children */
export function pair(...children) {
  return h("div.bar-pair", {}, children);
}

/**
 * The bar when nothing is asked and no door is waiting.
 * @param {object} view
 * @param {string} view.action by day.js
 * @param {any} view.stop
 * @param {string | null} view.phone
 * @param {(what: string) => void} view.act
 */
export function restingBar({ action, stop, phone, act }) {
  const main = {
    unlock: () => button(t("door.ready", { street: street(stop.address) }), "own-lock-open", () => act("unlock"), { main: true, big: true, key: "main" }),
    begin: () => button(t("tablet.begin_visit"), "own-play", () => act("begin"), { main: true, big: true, key: "main" }),
    call_up: () => button(t("tablet.call_up", { name: stop.citizen_name }), "videocam", () => act("call_up"), { main: true, big: true, key: "main" }),
    call_on: () => button(t("tablet.call_on", { name: stop.citizen_name }), "videocam", () => act("call_up"), { main: true, big: true, key: "main" }),
    end: () => button(t("tablet.end_visit"), "check", () => act("ask_outcome"), { main: true, big: true, key: "main" }),
    start_shift: () => button(t("tablet.start_shift"), "own-play", () => act("ask_start"), { main: true, big: true, key: "main" }),
    end_shift: () => button(t("tablet.end_shift"), "check", () => act("ask_end"), { main: true, big: true, key: "main" }),
    over: () => button(t("tablet.sign_out"), "person", () => act("sign_out"), { main: true, big: true, key: "main" }),
  }[action];
  const more = ["unlock", "begin", "call_up", "end"].includes(action) && button(t("tablet.more"), "more-vert", () => act("more"), { key: "more" });
  return [pair(callButton(phone), more), main?.()];
}

/**
 * A question with its answers, in the place of the main action.
 * @param {object} view
 * @param {string} view.heading
 * @param {string} [view.text]
 * @param {{words: string, icon: string, act: () => void, key: string, main?: boolean, disabled?: boolean, danger?: boolean}[]} view.answers
 * @param {() => void} view.back
 * @param {Child} [view.extra]
 */
export function question({ heading, text, answers, back, extra }) {
  return h("div.question", { role: "group", "aria-label": heading },
    h("h2.question-heading", {}, heading),
    text && h("p", {}, text),
    extra,
    h("div.answers", {}, answers.map((answer) => button(answer.words, answer.icon, answer.act, {
      big: true, key: answer.key, main: answer.main, disabled: answer.disabled, danger: answer.danger }))),
    button(t("tablet.back"), "arrow-back", back, { key: "back" }));
}
