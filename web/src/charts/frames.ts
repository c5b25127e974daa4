/** Drawing at most once a frame, and not so much in one that scrolling suffers. */

/** What one frame may spend on drawing. */
const BUDGET_MS = 9;

const waiting = new Map<object, () => void>();
let asked = false;

/** Draws soon; what waits already for the same owner is replaced. */
export function drawSoon(owner: object, draw: () => void): void {
  waiting.set(owner, draw);
  ask();
}

/** Forgets what waits for an owner. */
export function drawNever(owner: object): void {
  waiting.delete(owner);
}

function ask(): void {
  if (asked) return;
  asked = true;
  requestAnimationFrame(drawFrame);
}

function drawFrame(): void {
  asked = false;
  const began = performance.now();
  for (const [owner, draw] of waiting) {
    waiting.delete(owner);
    draw();
    if (performance.now() - began > BUDGET_MS) break;
  }
  performance.measure("charts:draw", { start: began });
  performance.clearMeasures("charts:draw");
  if (waiting.size > 0) ask();
}
