/** What can be done by keyboard, shown by `?`. */

import { useSignal } from "@preact/signals";
import { Dialog } from "../ui/dialog";
import { usePageKeys } from "../ui/page-keys";
import "./keyboard-help.css";

const SECTIONS: readonly (readonly [title: string, keys: readonly (readonly [string, string])[]])[] = [
  ["Everywhere", [["?", "this help"], ["/", "go to the search or filter"], ["Esc", "close, or leave a field"]]],
  ["Experiments", [["j  k", "next, previous"], ["Enter", "open its runs"], ["x", "select"], ["c", "new experiment"]]],
  [
    "Runs",
    [
      ["j  k  ↓  ↑", "next, previous run"],
      ["Home  End", "first, last of the loaded runs"],
      ["PageUp  PageDown", "a screen up, down"],
      ["x  Space", "select; with Shift up to the last selected"],
      ["Enter", "open the run"],
      ["e", "show or hide in the charts"],
      ["c", "compare the selected runs"],
      ["t", "table, charts or both"],
      ["Shift + click on a header", "sort by one more column"],
    ],
  ],
];

export function KeyboardHelp() {
  const open = useSignal(false);
  usePageKeys({ "?": () => (open.value = true) });
  return (
    <>
      <button
        type="button"
        class="quiet keyboard-button"
        aria-label="Keyboard help"
        title="Keyboard help (?)"
        onClick={() => (open.value = true)}
      >
        ?
      </button>
      {open.value && (
        <Dialog title="Keyboard" onClose={() => (open.value = false)}>
          <div class="dialog-body keyboard-help">
            {SECTIONS.map(([title, keys]) => (
              <section key={title}>
                <h3>{title}</h3>
                <dl>
                  {keys.map(([key, text]) => (
                    <div key={key}>
                      <dt>
                        <kbd>{key}</kbd>
                      </dt>
                      <dd>{text}</dd>
                    </div>
                  ))}
                </dl>
              </section>
            ))}
          </div>
        </Dialog>
      )}
    </>
  );
}
