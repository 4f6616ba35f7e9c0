// @ts-check
/** Parts of the page that are fetched when they are first wanted: a day is on the screen before they are. */

import { call } from "../shared/api.js";
import { learn } from "../shared/messages.js";

const NARROW = "(max-width: 700px)";

/**
 * @template M, T
 * @typedef {object} Part
 * @property {T | null} here  the part, once it is there
 * @property {(act: (part: T) => void) => void} use  act with it as soon as it is there
 */

/**
 * A part of the page that is not fetched yet.
 * @template M, T
 * @param {() => Promise<M>} load  its module
 * @param {(module: M) => T} make
 * @param {(error: unknown) => void} failed  it could not be fetched; the next use asks again
 * @returns {Part<M, T>}
 */
export function fetched(load, make, failed) {
  /** @type {Promise<T> | null} */
  let coming = null;
  /** @type {Part<M, T>} */
  const part = {
    here: null,
    use(act) {
      // What is there is used at once: a click and its answer belong into one frame.
      if (part.here !== null) {
        act(part.here);
        return;
      }
      coming ??= Promise.all([load(), words()]).then(([module]) => (part.here = make(module)));
      coming.then(act, (error) => {
        coming = null;
        failed(error);
      });
    },
  };
  return part;
}

/** @type {Promise<void> | null} */
let coming_words = null;

/** The words of everything that comes later. */
function words() {
  coming_words ??= call("GET", "/planlaegger/ord").then(learn);
  coming_words.catch(() => (coming_words = null));
  return coming_words;
}

/** Fetch a style that only a later part of the page needs. @param {URL} address @returns {Promise<void>} */
export function styled(address) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address.pathname;
  return new Promise((resolve, reject) => {
    link.addEventListener("load", () => resolve());
    link.addEventListener("error", reject);
    document.head.append(link);
  });
}

/** Call once, now or when the window is first as narrow as a phone. @param {() => void} call */
export function onceNarrow(call) {
  const narrow = window.matchMedia(NARROW);
  if (narrow.matches) call();
  else narrow.addEventListener("change", call, { once: true });
}

/** Call when somebody first opens or comes to a disclosure. @param {HTMLElement} details @param {() => void} call */
export function onceOpened(details, call) {
  details.addEventListener("toggle", call, { once: true });
}
