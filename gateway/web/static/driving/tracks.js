// @ts-check
// Reading a track file in for a car that had no tracker: the file goes as it is, and the answer is a sentence.

import { Problem, call } from "../shared/api.js";
import { number } from "../shared/formats.js";
import { t } from "../shared/messages.js";

/** @param {(words: string) => void} done */
export function wire(done) {
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById("track"));
  const wrong = /** @type {HTMLElement | null} */ (form?.querySelector(".error") ?? null);
  if (!form || !wrong) return;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    wrong.textContent = "";
    const { car, odometer_km, file } = Object.fromEntries(new FormData(form));
    const written = String(odometer_km).replace(/[.\s]/g, "").replace(",", ".");
    if (!written || !(Number(written) >= 0)) return complain("odometer_km", t("driving.track.odometer_wrong"));
    if (!(file instanceof File) || !file.size) return complain("file", t("driving.track.file_missing"));
    try {
      const path = `/api/v1/vehicles/${encodeURIComponent(String(car))}/tracks?odometer_km=${written}`;
      const answer = await call("POST", path, { file, timeout_ms: 120000 });
      done(t("driving.track.done", { n: number(answer.fixes) }));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      complain("file", error.words);
    }
  });

  /** @param {string} name @param {string} words */
  function complain(name, words) {
    if (!form || !wrong) return;
    wrong.textContent = words;
    for (const field of ["odometer_km", "file"]) {
      const input = /** @type {HTMLElement} */ (form.elements.namedItem(field));
      input.setAttribute("aria-invalid", String(field === name));
      if (field === name) input.focus();
    }
  }
}
