// @ts-check
// The words of the parts that come after the page: fetched once, and kept for when there is no network.

import { call } from "../shared/api.js";
import { has, learn } from "../shared/messages.js";
import { keep, load } from "./store.js";

const KEPT = "residence-words";

/** Have them here. @returns {Promise<boolean>} whether they are: without a network only what was kept is */
export async function laterWords() {
  if (has("driving_log.loading")) return true;
  const words = await call("GET", "/tablet/ord").catch(() => load(KEPT));
  if (!words) return false;
  learn(words);
  await keep(KEPT, words);
  return true;
}
