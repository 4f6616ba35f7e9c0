// @ts-check
// A screen nobody needs is dark: after a minute untouched the page takes its dark colours until somebody touches it or rings.

const AFTER_MS = 60_000;

export class Rest {
  constructor() {
    this.touched_ms = performance.now();
    this.dark = false;
    for (const name of ["pointerdown", "keydown"]) addEventListener(name, () => this.wake(), { capture: true, passive: true });
  }

  /** @param {boolean} allowed whether nothing is on */
  allow(allowed) {
    if (!allowed) return this.wake();
    if (performance.now() - this.touched_ms < AFTER_MS || this.dark) return;
    this.dark = true;
    document.documentElement.dataset.theme = "dark";
  }

  wake() {
    this.touched_ms = performance.now();
    if (!this.dark) return;
    this.dark = false;
    delete document.documentElement.dataset.theme;
  }
}
