// @ts-check
// Kørebog: approve a week, say what a trip was (correct.js), read a track file in (tracks.js). The rest is a page.

import { Problem, call } from "../shared/api.js";
import { byId } from "../shared/dom.js";
import { t } from "../shared/messages.js";
import { wire } from "./correct.js";
import { wire as wireTracks } from "./tracks.js";

const KEPT = "driving-said";
const said = byId("said");
const button = document.getElementById("approve");

/** @param {string} words @param {boolean} wrong */
function say(words, wrong) {
  said.textContent = words;
  said.classList.toggle("error", wrong);
}

async function approve() {
  if (!button) return;
  const { week, unit } = button.dataset;
  try {
    const answer = await call("POST", "/api/v1/driving-logs/approval", { body: { week, unit } });
    sessionStorage.setItem(KEPT, t("driving.approve.done", { n: answer.approved }));
    location.reload();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    say(error.words, true);
  }
}

button?.addEventListener("click", () => void approve());
/** @param {string} words */
function again(words) {
  sessionStorage.setItem(KEPT, words);
  location.reload();
}
wire(again);
wireTracks(again);
const kept = sessionStorage.getItem(KEPT);
if (kept) {
  sessionStorage.removeItem(KEPT);
  // A status has to change to be read aloud, so it is filled after the page has settled.
  requestAnimationFrame(() => say(kept, false));
}
