/** The one place of x that all panels of a page show. */

export interface Crosshair {
  readonly x: number;
  /** The panel that is pointed at. */
  readonly panel: string;
}

export class Crosshairs {
  #now: Crosshair | null = null;
  #listeners = new Set<(now: Crosshair | null) => void>();
  #asked = false;

  get now(): Crosshair | null {
    return this.#now;
  }

  /** Moves it; every panel hears of it at most once a frame. */
  set(now: Crosshair | null): void {
    if (now === this.#now || (now !== null && now.x === this.#now?.x && now.panel === this.#now.panel)) return;
    this.#now = now;
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      for (const listener of this.#listeners) listener(this.#now);
    });
  }

  listen(listener: (now: Crosshair | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
