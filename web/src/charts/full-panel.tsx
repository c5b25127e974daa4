/** A panel that fills the screen, drawn more finely. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Catalog } from "./catalog";
import type { ChartRun } from "./charts";
import { Legend } from "./legend";
import { Panel } from "./panel";
import type { Scene } from "./scene";
import { ChartStore } from "./store";
import { useStable } from "./use-stable";
import { sameAxis } from "./view";

const FULL_BUCKETS = 1_500;

export interface FullPanelProps {
  readonly scene: Scene;
  readonly name: string;
  readonly runs: readonly ChartRun[];
  readonly catalog: Catalog;
}

export function FullPanel({ scene, name, runs, catalog }: FullPanelProps) {
  const { x, range, ranks } = scene.view.value;
  const element = useRef<HTMLDialogElement>(null);
  const store = useMemo(() => new ChartStore({ ...dataViewOf(scene), maxBuckets: FULL_BUCKETS }), [scene]);
  const own = useMemo(() => ({ ...scene, store }), [scene, store]);
  const axis = useStable(x, sameAxis);
  useEffect(() => store.setCatalog(catalog), [store, catalog]);
  useEffect(() => store.setRuns(runs), [store, runs]);
  useEffect(() => store.setView({ x: axis, range, ranks, maxBuckets: FULL_BUCKETS }), [store, axis, range, ranks]);
  useEffect(() => () => store.close(), [store]);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class="full-panel"
      aria-label={name}
      onCancel={(event) => {
        event.preventDefault();
        scene.change({ full: null }, true);
      }}
    >
      <Panel scene={own} name={name} title={name} full />
      {runs.length > 1 && <Legend scene={own} runs={runs} />}
    </dialog>
  );
}

function dataViewOf(scene: Scene) {
  const { x, range, ranks } = scene.view.peek();
  return { x, range, ranks };
}
