// @ts-check
/** What the board adds to the shared elements: drawings, and one place where writes to the page wait for a frame. */

export { byId, h as el, icon, tag } from "../shared/dom.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

/** What an item was painted from, by its element. @type {WeakMap<Element, string>} */
const marks = new WeakMap();

/**
 * Bring a list to some items. An item that is there and says the same is left alone; one that says something new takes
 * over what was opened, typed and focused in the old one. So no repaint moves anything under a hand.
 * @template T
 * @param {HTMLElement} list
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} make
 * @param {(item: T) => unknown} [facts]  what is shown of an item; all of it where absent
 */
export function keep(list, items, key, make, facts = (item) => item) {
  const known = new Map([.../** @type {Iterable<HTMLElement>} */ (list.children)].map((node) => [node.dataset.item, node]));
  const nodes = items.map((item) => {
    const [name, mark] = [key(item), JSON.stringify(facts(item))];
    const old = known.get(name);
    if (old && marks.get(old) === mark) return old;
    const node = make(item);
    node.dataset.item = name;
    marks.set(node, mark);
    if (old) takeOver(old, node);
    return node;
  });
  for (const old of [...list.children]) if (!nodes.includes(/** @type {HTMLElement} */ (old))) old.remove();
  nodes.forEach((node, i) => {
    if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
  });
}

/**
 * Put an element in the place of an older one of the same making, with what was opened, typed and focused in that.
 * @param {HTMLElement} old @param {HTMLElement} fresh
 */
export function takeOver(old, fresh) {
  const touched = "details, input, select, textarea, summary, button, a";
  const after = fresh.querySelectorAll(touched);
  /** @type {HTMLElement | null} */
  let focused = null;
  old.querySelectorAll(touched).forEach((one, i) => {
    const same = after[i];
    if (one.tagName !== same?.tagName) return;
    if (same instanceof HTMLDetailsElement) same.open = /** @type {HTMLDetailsElement} */ (one).open;
    if (same instanceof HTMLInputElement) same.checked = /** @type {HTMLInputElement} */ (one).checked;
    if ("value" in same && !(same instanceof HTMLButtonElement)) same.value = /** @type {HTMLInputElement} */ (one).value;
    if (one === document.activeElement) focused = /** @type {HTMLElement} */ (same);
  });
  old.replaceWith(fresh);
  /** @type {HTMLElement | null} */ (focused)?.focus({ preventScroll: true });
}

/** @type {Map<string, () => void>} */
const pending = new Map();
let framed = false;

/**
 * Run a write in the next frame. The last write asked for under a key wins, so a burst of events costs one.
 * @param {string} key
 * @param {() => void} write
 */
export function inFrame(key, write) {
  pending.set(key, write);
  if (framed) return;
  framed = true;
  requestAnimationFrame(() => {
    framed = false;
    const writes = [...pending.values()];
    pending.clear();
    for (const one of writes) one();
  });
}

/**
 * Call at most once per interval, and once more at its end if asked meanwhile.
 * @param {number} interval_ms
 * @param {() => void} call
 * @returns {() => void}
 */
export function throttled(interval_ms, call) {
  let last = -Infinity;
  let timer = 0;
  return () => {
    if (timer) return;
    const wait = Math.max(0, last + interval_ms - performance.now());
    timer = window.setTimeout(() => {
      timer = 0;
      last = performance.now();
      call();
    }, wait);
  };
}
