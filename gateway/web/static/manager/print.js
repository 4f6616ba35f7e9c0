// @ts-check
/** The print button; everything else on the manager's pages works without scripts. */
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
