// @ts-check
/** The sliders tell their value as they move, and the result follows; without a script the form is sent by its button. */

const form = document.querySelector("form[data-assumptions]");
const WAIT_MS = 150;

/** @param {HTMLFormElement} asked */
async function recompute(asked) {
  const values = new URLSearchParams(/** @type {any} */ (new FormData(asked)));
  const answer = await fetch(`/leder/oekonomi?${values}`);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("resultat");
  const shown = document.getElementById("resultat");
  if (fresh && shown) shown.replaceChildren(...fresh.childNodes);
}

if (form instanceof HTMLFormElement) {
  let waiting = 0;
  form.addEventListener("input", (event) => {
    const moved = event.target;
    if (!(moved instanceof HTMLInputElement) || moved.type !== "range") return;
    const said = form.querySelector(`output[for="${moved.id}"]`);
    if (said) {
      // As the page has written it: half a minute has a decimal, the others have none.
      const decimals = Number(moved.step) % 1 ? 1 : 0;
      said.textContent = Number(moved.value).toLocaleString(document.documentElement.lang, {
        minimumFractionDigits: decimals,
        maximumFractionDigits: decimals,
      });
    }
    clearTimeout(waiting);
    waiting = setTimeout(() => void recompute(form), WAIT_MS);
  });
}
