// @ts-check
// Elements without markup strings: what comes from the server is always text, never HTML.

const SPRITE = new URL("../vendor/icons-dkfds-11.2.0.svg", import.meta.url).pathname;
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node | string | number | null | undefined | false | any[]} Child */

/**
 * Make an element. Properties that begin with "on" are listeners; `true` sets an empty attribute; `false`, `null` and
 * `undefined` leave it out.
 * @param {string} name tag name, optionally with classes: "p.muted"
 * @param {Record<string, any>} [properties]
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
  append(element, children);
  return element;
}

/** @param {Element} parent @param {Child[]} children */
function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.append(child instanceof Node ? child : String(child));
  }
}

/**
 * An icon of the sprite. Decoration only: words stand beside it.
 * @param {string} name
 * @param {string} [extraClass]
 */
export function icon(name, extraClass) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", extraClass ? `icon ${extraClass}` : "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.append(use);
  return svg;
}

/** A state as icon and word. @param {string} words @param {string} iconName @param {string} [kind] */
export function tag(words, iconName, kind) {
  return h(kind ? `span.tag.tag-${kind}` : "span.tag", {}, icon(iconName), words);
}

/**
 * Fill a region, but only when its content has changed, and keep the keyboard where it was (by `data-key`).
 * @param {Element} region
 * @param {unknown} signature anything JSON can write; equal signatures mean equal content
 * @param {() => Child} build
 * @returns {boolean} whether the region was filled anew
 */
export function fill(region, signature, build) {
  const written = JSON.stringify(signature);
  if (signatures.get(region) === written) return false;
  signatures.set(region, written);
  const focused = region.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
  region.replaceChildren();
  append(region, [build()]);
  if (focused) /** @type {HTMLElement | null} */ (region.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus({ preventScroll: true });
  return true;
}

/** Fill a region whatever it held; the next `fill` starts anew. @param {Element} region @param {Node} content */
export function replace(region, content) {
  signatures.delete(region);
  region.replaceChildren(content);
}

/** @type {WeakMap<Element, string>} */
const signatures = new WeakMap();

/** The element of an id that the template has. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`Expected an element with id ${id}.`);
  return found;
}
