/** Acts that may fail, and how a person hears of it. */

import { messageOf } from "../api/transport";
import { notify } from "./toasts";

/** Does `act`; shows why when it fails. Returns whether it was done. */
export async function attempt(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    notify({ kind: "failure", text: messageOf(error) });
    return false;
  }
}

const AT_ONCE = 8;

export interface Outcome<T> {
  readonly done: readonly T[];
  readonly failed: readonly T[];
  /** What the first failure was. */
  readonly message: string;
}

/** Does the same to many things, some at a time; what fails does not keep the others from being done. */
export async function eachOf<T>(things: readonly T[], act: (thing: T) => Promise<unknown>): Promise<Outcome<T>> {
  const [done, failed]: [T[], T[]] = [[], []];
  let message = "";
  const waiting = [...things];
  const work = async () => {
    for (let thing = waiting.shift(); thing !== undefined; thing = waiting.shift()) {
      try {
        await act(thing);
        done.push(thing);
      } catch (error) {
        failed.push(thing);
        message ||= messageOf(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failed, message };
}
