// @ts-check
// Kørselsbilag: approve a claim, or reject it with a reason. The rest is a page.

import { Problem, call } from "../shared/api.js";
import { byId } from "../shared/dom.js";
import { t } from "../shared/messages.js";

const KEPT = "claims-said";
const said = byId("said");
const dialog = /** @type {HTMLDialogElement} */ (byId("rejecting"));
const wrong = /** @type {HTMLElement} */ (dialog.querySelector(".error"));

/** @param {string} id @param {boolean} approved @param {string} reason */
async function settle(id, approved, reason) {
  await call("POST", `/api/v1/mileage-claims/${encodeURIComponent(id)}/decision`, { body: { approved, reason } });
  sessionStorage.setItem(KEPT, t(approved ? "claims.approved" : "claims.rejected"));
  location.reload();
}

/** @param {unknown} error @param {HTMLElement} place */
function tell(error, place) {
  if (!(error instanceof Problem)) throw error;
  place.textContent = error.words;
  place.classList.add("error");
}

for (const acts of document.querySelectorAll(".settle")) {
  const id = /** @type {HTMLElement} */ (acts).dataset.claim ?? "";
  acts.querySelector("[data-approve]")?.addEventListener("click", () => {
    settle(id, true, "").catch((error) => tell(error, said));
  });
  acts.querySelector("[data-reject]")?.addEventListener("click", () => {
    dialog.dataset.claim = id;
    wrong.textContent = "";
    dialog.showModal();
  });
}
dialog.querySelector(".cancel")?.addEventListener("click", () => dialog.close());
dialog.querySelector("form")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const reason = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("reason") ?? "");
  settle(dialog.dataset.claim ?? "", false, reason).catch((error) => tell(error, wrong));
});
const kept = sessionStorage.getItem(KEPT);
if (kept) {
  sessionStorage.removeItem(KEPT);
  // A status has to change to be read aloud, so it is filled after the page has settled.
  requestAnimationFrame(() => (said.textContent = kept));
}
