// @ts-check
// The menu: language, light or dark, signing out, and the accessibility statement.

import { h, icon } from "../shared/dom.js";
import { language, t } from "../shared/messages.js";

/** @returns {"device" | "light" | "dark"} */
function theme() {
  const chosen = localStorage.getItem("theme");
  return chosen === "light" || chosen === "dark" ? chosen : "device";
}

/** @param {"device" | "light" | "dark"} chosen */
function setTheme(chosen) {
  if (chosen === "device") {
    localStorage.removeItem("theme");
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem("theme", chosen);
    document.documentElement.dataset.theme = chosen;
  }
}

/** The language kept from last time. @returns {string | null} */
export function keptLanguage() {
  return localStorage.getItem("lang");
}

/** @param {string} code */
export function setLanguage(code) {
  localStorage.setItem("lang", code);
  // the server speaks the same language in its refusals
  document.cookie = `lang=${code}; path=/; max-age=31536000; samesite=strict`;
  document.documentElement.lang = code;
}

/**
 * @param {{signedIn: boolean, changed: () => void, signOut: () => void}} act
 */
export function menu({ signedIn, changed, signOut }) {
  const themes = /** @type {const} */ ([["device", "settings"], ["light", "time"], ["dark", "own-moon"]]);
  return h("div.menu-body", {},
    group(t("menu.theme"), themes.map(([name]) =>
      choice(t(`menu.theme.${name}`), theme() === name, `theme-${name}`, () => { setTheme(name); changed(); }))),
    group(t("menu.language"), [["da", "Dansk"], ["en", "English"]].map(([code, words]) =>
      choice(words, language() === code, `lang-${code}`, () => { setLanguage(code); changed(); }, code))),
    h("div.menu-links", {},
      signedIn && h("button.button", { type: "button", "data-key": "driving-log", onclick: drivingLog }, icon("car"), t("tablet.driving")),
      signedIn && h("button.button", { type: "button", "data-key": "mileage", onclick: mileage }, icon("document"), t("tablet.mileage")),
      h("a.button", { href: "/tilgaengelighed" }, icon("accessibility-new"), t("common.accessibility")),
      signedIn && h("button.button", { type: "button", "data-key": "sign-out", onclick: signOut }, icon("person"), t("tablet.sign_out"))));
}

/** The log comes when it is asked for: the first paint does not wait for it, and it needs the network anyway. */
async function drivingLog() {
  const { openDrivingLog } = await import("./driving_log.js");
  openDrivingLog();
}

async function mileage() {
  const { openMileage } = await import("./mileage.js");
  openMileage();
}

/** @param {string} words @param {HTMLElement[]} choices */
function group(words, choices) {
  return h("div.menu-group", { role: "group", "aria-label": words }, h("p.label", {}, words), h("div.menu-choices", {}, choices));
}

/** @param {string} words @param {boolean} chosen @param {string} key @param {() => void} act @param {string} [lang] */
function choice(words, chosen, key, act, lang) {
  return h("button.button", { type: "button", "aria-pressed": String(chosen), "data-key": key, onclick: act, lang },
    chosen && icon("check"), words);
}
