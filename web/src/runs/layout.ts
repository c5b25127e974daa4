/** Where the cells of the lines in sight are. */

import type { VirtualItem } from "@tanstack/virtual-core";
import type { Column } from "./columns";
import type { RunsModel } from "./model";
import type { Slots } from "./rows";

export interface TableLayout {
  readonly columns: readonly Column[];
  /** The columns in sight. */
  readonly cells: readonly VirtualItem[];
  readonly namesPx: number;
  readonly cellsPx: number;
  readonly slots: Slots;
  /** Names of experiments by their ids. */
  readonly names: ReadonlyMap<string, string>;
}

export interface LineProps {
  readonly model: RunsModel;
  readonly layout: TableLayout;
  readonly at: number;
  readonly top: number;
  readonly active: boolean;
}
