// @ts-check
// Danish time and numbers in scripts; the server's kernel/localtime.py writes them the same way.

const ZONE = "Europe/Copenhagen";
const clockParts = new Intl.DateTimeFormat("da-DK", {
  timeZone: ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const DAYS = { da: ["søn.", "man.", "tirs.", "ons.", "tors.", "fre.", "lør."], en: ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] };
const MONTHS = {
  da: ["jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.", "okt.", "nov.", "dec."],
  en: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
};

/** `10:42`, or `10:42:05` with seconds, in Danish local time. @param {string | number | Date} at @param {boolean} [seconds] */
export function clock(at, seconds = false) {
  /** @type {Record<string, string>} */
  const parts = {};
  for (const part of clockParts.formatToParts(new Date(at))) parts[part.type] = part.value;
  return seconds ? `${parts.hour}:${parts.minute}:${parts.second}` : `${parts.hour}:${parts.minute}`;
}

/** `man. 23. nov.` or `Mon 23 Nov`. @param {string | number | Date} at @param {string} language */
export function day(at, language) {
  const local = new Date(new Date(at).toLocaleString("en-US", { timeZone: ZONE }));
  const key = language === "en" ? "en" : "da";
  const weekday = DAYS[key][local.getDay()];
  const month = MONTHS[key][local.getMonth()];
  return key === "da" ? `${weekday} ${local.getDate()}. ${month}` : `${weekday} ${local.getDate()} ${month}`;
}

/** `1.284` or `1,4`. @param {number} value @param {number} [decimals] */
export function number(value, decimals = 0) {
  return value.toLocaleString("da-DK", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** `31 t 20 min` from minutes, with no-break spaces. @param {number} minutes */
export function hours(minutes) {
  const sign = minutes < 0 ? "\u2212" : "";
  const whole = Math.round(Math.abs(minutes));
  const rest = whole % 60;
  const inHours = whole >= 60 ? `${number(Math.floor(whole / 60))}\u00a0t` : "";
  const inMinutes = rest || !inHours ? `${rest}\u00a0min` : "";
  return sign + [inHours, inMinutes].filter(Boolean).join(" ");
}
