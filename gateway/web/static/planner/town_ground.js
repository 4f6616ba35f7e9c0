// @ts-check
/** What lies under the town map: every route thin and every stop a dot, thousands of them, so it is a canvas. */
/** @typedef {import("./geometry.js").Point} Point */

const DOT_PX = 3;

export class Ground {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
  }

  /**
   * @param {(Point & {state: string})[][]} routes
   * @param {(p: Point) => [number, number]} at  pixels
   * @param {number} width @param {number} height
   */
  draw(routes, at, width, height) {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    if (!pen) return;
    // Tokens resolve to colours only where a property uses them: town.css lends three.
    const { color: routeColour, outlineColor: doneColour, caretColor: stopColour } = getComputedStyle(canvas);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.strokeStyle = routeColour;
    pen.lineWidth = 1;
    pen.beginPath();
    for (const route of routes) {
      route.forEach((stop, i) => {
        const [x, y] = at(stop);
        if (i === 0) pen.moveTo(x, y);
        else pen.lineTo(x, y);
      });
    }
    pen.stroke();
    for (const [done, colour] of /** @type {[boolean, string][]} */ ([[true, doneColour], [false, stopColour]])) {
      pen.fillStyle = colour;
      for (const stop of routes.flat()) {
        if ((stop.state === "ended") !== done) continue;
        const [x, y] = at(stop);
        if (x > -DOT_PX && y > -DOT_PX && x < width && y < height) pen.fillRect(x - DOT_PX / 2, y - DOT_PX / 2, DOT_PX, DOT_PX);
      }
    }
  }
}
