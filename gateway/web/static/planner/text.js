// @ts-check
/** Words, clocks and money of the board, on top of the shared catalogue and formats. */

import { clock as sharedClock, number } from "../shared/formats.js";
import { has, t } from "../shared/messages.js";

export { number, t };

/**
 * The word of a code from the server; a code we have no word for shows itself.
 * @param {string} prefix @param {string} code @param {string} [otherwise]
 */
export function word(prefix, code, otherwise = code) {
  const key = `${prefix}.${code}`;
  return has(key) ? t(key) : otherwise;
}

/** @type {Map<number, string>} a board shows the same minutes thousands of times */
const clocks = new Map();

/**
 * `10:42` in Danish local time.
 * @param {number | string} instant  milliseconds since the epoch, or ISO 8601
 */
export function clock(instant) {
  const minute = Math.floor((typeof instant === "string" ? Date.parse(instant) : instant) / 60_000);
  let text = clocks.get(minute);
  if (text === undefined) {
    text = sharedClock(minute * 60_000);
    clocks.set(minute, text);
  }
  return text;
}

/**
 * The instant of a Danish wall-clock time on a day, or null where the text is no time.
 * @param {string} day  YYYY-MM-DD
 * @param {string} text  HH:MM
 * @returns {number | null} milliseconds since the epoch
 */
export function instantOf(day, text) {
  const match = /^([01]?\d|2[0-3])[:.]([0-5]\d)$/.exec(text.trim());
  if (!match) return null;
  const wanted_min = Number(match[1]) * 60 + Number(match[2]);
  const nearer = (/** @type {number} */ guess) => {
    const shown = clock(guess);
    let ahead_min = Number(shown.slice(0, 2)) * 60 + Number(shown.slice(3)) - wanted_min;
    if (ahead_min > 720) ahead_min -= 1440;
    if (ahead_min < -720) ahead_min += 1440;
    return guess - ahead_min * 60_000;
  };
  // Twice: on the night the clocks change the first guess lies on the other side of it.
  return nearer(nearer(Date.parse(`${day}T00:00:00Z`) + wanted_min * 60_000));
}

/**
 * The same for somebody on duty: a night shift goes on after the day it is of, and `00:30` is then on the date after.
 * @param {string} day  YYYY-MM-DD, which the shift begins on
 * @param {string} text  HH:MM
 * @param {{planned_start_at: string, planned_end_at: string} | null | undefined} shift
 * @returns {number | null} milliseconds since the epoch
 */
export function instantOnDuty(day, text, shift) {
  const same = instantOf(day, text);
  if (same === null || !shift || same >= Date.parse(shift.planned_start_at)) return same;
  const after = instantOf(new Date(Date.parse(`${day}T12:00:00Z`) + 86_400_000).toISOString().slice(0, 10), text);
  return after !== null && after <= Date.parse(shift.planned_end_at) ? after : same;
}

/** `44,07 kr.`, whole kroner without decimals. @param {number} ore */
export function money(ore) {
  return `${number(ore / 100, ore % 100 === 0 ? 0 : 2)}\u00a0kr.`;
}

/** `+4 min`, with the kroner before it where they are known: what a change costs. @param {number | null} ore @param {number | null} extra_min */
export function price(ore, extra_min) {
  const minutes = Math.round(extra_min ?? 0);
  const time = `${minutes < 0 ? "\u2212" : "+"}${Math.abs(minutes)}\u00a0min`;
  return ore === null ? time : `${money(ore)} · ${time}`;
}
