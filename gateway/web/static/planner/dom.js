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
