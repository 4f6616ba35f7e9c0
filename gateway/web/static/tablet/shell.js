// @ts-check
// The page itself, kept for when there is no network. A newer one is taken when nothing is under way.

const TRY_EVERY_MS = 5000;

/** @param {() => boolean} calm whether nothing would be lost by loading the page anew @param {any} tablet the application */
export async function keepShell(calm, tablet) {
  // Needs a network and no hurry: what a carer is asked, and may ask.
  void import("./asked.js").then(({ asked }) => asked(tablet), () => undefined);
  if (!("serviceWorker" in navigator)) return;
  const hadOne = Boolean(navigator.serviceWorker.controller);
  const registration = await navigator.serviceWorker.register("/tablet/sw.js", { scope: "/tablet" }).catch(() => null);
  if (!registration) return; // without it the tablet works as long as there is a network
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (hadOne) location.reload();
  });
  setInterval(() => {
    if (registration.waiting && calm()) registration.waiting.postMessage("take over");
  }, TRY_EVERY_MS);
}
