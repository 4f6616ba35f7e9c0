// @ts-check
// What a citizen sees outside of the call itself: one sentence in large letters, and buttons that say what they do.

import { h, icon } from "../dom.js";
import { t } from "../messages.js";

/**
 * @typedef {object} Action
 * @property {string} words @property {string} [icon] @property {() => void} [act] @property {string} [href]
 * @property {"answer" | "large" | "plain"} [look] the green one, the largest one, any other
 */

/**
 * @param {object} shown
 * @param {string} [shown.above] small, over the heading
 * @param {string} shown.heading stands still; what counts down is elsewhere
 * @param {string[]} [shown.text]
 * @param {string} [shown.picture] an icon, where it says more than the words
 * @param {HTMLElement | null} [shown.middle]
 * @param {Action[]} [shown.actions]
 * @param {string} [shown.foot]
 */
export function face({ above, heading, text = [], picture, middle, actions = [], foot }) {
  return h("section.face", { "aria-labelledby": "face-heading" },
    h("div.face-words", {},
      above && h("p.face-above", {}, above),
      h("h1.face-heading", { id: "face-heading", tabindex: -1 }, heading),
      text.map((line) => h("p.face-text", {}, line))),
    h("div.face-middle", {}, middle ?? (picture && h("span.face-picture", {}, icon(picture)))),
    h("div.face-actions", {}, actions.map(action), foot && h("p.face-foot", {}, foot)));
}

/** @param {Action} shown */
function action({ words, icon: picture, act, href, look = "plain" }) {
  const content = [picture && icon(picture), h("span", {}, words)];
  return href
    ? h(`a.button.face-button.face-${look}`, { href }, content)
    : h(`button.button.face-button.face-${look}`, { type: "button", onclick: act }, content);
}

/** The way that always works. @param {string} phone @returns {Action} */
export function telephone(phone) {
  return { words: t("call.phone", { phone }), icon: "own-phone", href: `tel:${phone.replaceAll(" ", "")}` };
}

/**
 * Somebody rings.
 * @param {{above?: string, name: string | null, answer: () => void, not_now: () => void}} how `name` is a first name
 */
export function ringFace({ above, name, answer, not_now }) {
  return face({
    above, heading: name ? t("call.rings", { name }) : t("call.rings_unknown"), picture: "videocam", foot: t("call.rings_foot"),
    actions: [
      { words: t("call.answer"), icon: "videocam", act: answer, look: "answer" },
      { words: t("call.not_now"), act: not_now },
    ],
  });
}

/**
 * We answer for the citizen, who has agreed to it. Saying no is the largest button.
 * @param {{above?: string, name: string | null, from: string, to: string, counter: HTMLElement, answer: () => void, not_now: () => void}} how
 */
export function autoFace({ above, name, from, to, counter, answer, not_now }) {
  return face({
    above, heading: name ? t("call.rings", { name }) : t("call.rings_unknown"), text: [t("call.auto")], middle: counter,
    foot: t("call.auto_foot", { from, to }),
    actions: [
      { words: t("call.not_now"), act: not_now, look: "large" },
      { words: t("call.answer_now"), icon: "videocam", act: answer, look: "answer" },
    ],
  });
}
