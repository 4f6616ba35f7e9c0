// @ts-check
// Changing the language without leaving the page: the server's own sentences follow by the cookie.

import { t, language } from "./messages.js";

const ONE_YEAR_S = 31_536_000;

/** A button that speaks the other language. @param {HTMLElement} button @param {() => void} changed */
export function languageButton(button, changed) {
  const show = () => {
    const other = language() === "da" ? "en" : "da";
    button.lang = other;
    button.textContent = other === "en" ? "English" : "Dansk";
    for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.getAttribute("data-text") ?? "");
  };
  button.addEventListener("click", () => {
    const chosen = button.lang;
    document.documentElement.lang = chosen;
    document.cookie = `lang=${chosen}; path=/; max-age=${ONE_YEAR_S}; samesite=strict`;
    show();
    changed();
  });
  show();
}
