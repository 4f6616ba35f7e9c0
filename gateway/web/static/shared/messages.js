// @ts-check
// The message catalogue in the page: same keys and rules as gateway/web/catalogue.py.

/** @type {Record<string, Record<string, string>>} */
const texts = JSON.parse(document.getElementById("messages")?.textContent ?? "{}");

/** Words that come with a later part of the page. @param {Record<string, Record<string, string>>} more by language and key */
export function learn(more) {
  for (const [spoken, words] of Object.entries(more)) Object.assign(texts[spoken] ?? {}, words);
}

/** The language the page speaks now. @returns {string} */
export function language() {
  const wanted = document.documentElement.lang;
  return wanted in texts ? wanted : Object.keys(texts)[0];
}

/** Whether a key has words. @param {string} key */
export function has(key) {
  return key in texts[language()];
}

/**
 * The sentence of a key with its facts filled in; `key.one` is used when `n` is 1.
 * @param {string} key
 * @param {Record<string, string | number>} [facts]
 * @returns {string}
 */
export function t(key, facts = {}) {
  const own = texts[language()];
  const chosen = facts.n === 1 && `${key}.one` in own ? `${key}.one` : key;
  if (!(chosen in own)) throw new Error(`Expected a text for ${chosen}.`);
  return own[chosen].replace(/\{(\w+)\}/g, (_, name) => {
    if (!(name in facts)) throw new Error(`Expected the fact ${name} for ${chosen}.`);
    return String(facts[name]);
  });
}
