/** The panels of a page, in sections that fold. */

import { useRef } from "preact/hooks";
import { SYSTEM_PREFIX, type Section } from "./catalog";
import { Panel } from "./panel";
import type { Scene } from "./scene";
import { useNear } from "./use-near";

/** A number that 1, 2, 3, 4 and 6 columns divide. */
const CHUNK = 24;
const CHUNK_NEAR_PX = 700;

export interface PanelSectionProps {
  readonly scene: Scene;
  readonly section: Section;
  /** What the section is called, and by what it is remembered. */
  readonly label: string;
  readonly columns: number;
}

export function PanelSection({ scene, section, label, columns }: PanelSectionProps) {
  const { view, change } = scene;
  const closed = view.value.closed.includes(label);
  const toggle = () => {
    const others = view.peek().closed.filter((each) => each !== label);
    change({ closed: closed ? others : [...others, label] });
  };
  const chunks = Array.from({ length: Math.ceil(section.keys.length / CHUNK) }, (_, at) => section.keys.slice(at * CHUNK, (at + 1) * CHUNK));
  return (
    <section class="panel-section" aria-label={label}>
      <h3>
        <button type="button" class="quiet" aria-expanded={!closed} onClick={toggle}>
          <span class="fold" aria-hidden="true">
            {closed ? "▸" : "▾"}
          </span>
          {label}
          <span class="muted count">{section.keys.length}</span>
        </button>
      </h3>
      {!closed && chunks.map((keys) => <Chunk key={keys[0]} {...{ scene, keys, columns }} prefix={section.name} />)}
    </section>
  );
}

interface ChunkProps {
  readonly scene: Scene;
  readonly keys: readonly string[];
  readonly prefix: string;
  readonly columns: number;
}

/** Some panels, of which far away nothing but the place is kept. */
function Chunk({ scene, keys, prefix, columns }: ChunkProps) {
  const place = useRef<HTMLDivElement>(null);
  const near = useNear(place, CHUNK_NEAR_PX);
  const rows = Math.ceil(keys.length / columns);
  return (
    <div ref={place} class="panel-grid">
      <Room rows={near ? 0 : rows} />
      {near && keys.map((key) => <Panel key={key} scene={scene} name={key} title={titleOf(key, prefix, scene.kind)} />)}
    </div>
  );
}

/** Holds the place of rows that are not there. */
function Room({ rows }: { readonly rows: number }) {
  if (rows === 0) return null;
  const sized = (element: HTMLElement | null) => {
    element?.style.setProperty("--rows", String(rows));
  };
  return <div class="panel-room" ref={sized} />;
}

function titleOf(key: string, prefix: string, kind: "model" | "system"): string {
  const rest = kind === "system" ? key.slice(SYSTEM_PREFIX.length) : key;
  return prefix !== "" && rest.startsWith(`${prefix}/`) ? rest.slice(prefix.length + 1) : rest;
}
