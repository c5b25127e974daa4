/** Finds the logs among a run's artifacts. */

import type { ListPage } from "../artifacts/listing";
import { isLog } from "../artifacts/kind";

const MOST_FOLDERS = 40;
const MOST_DEPTH = 3;

/** The paths of files that are logs by their names, nearest to the top first. Looks into a limited number of folders. */
export async function findLogs(list: ListPage): Promise<string[]> {
  const found: string[] = [];
  let folders = [""];
  let looked = 0;
  for (let depth = 0; depth < MOST_DEPTH && folders.length > 0; depth++) {
    const inside: string[] = [];
    for (const folder of folders) {
      if (++looked > MOST_FOLDERS) return found;
      const { artifacts } = await list(folder, "");
      for (const artifact of artifacts) {
        if (artifact.directory) inside.push(artifact.path);
        else if (isLog(artifact.path)) found.push(artifact.path);
      }
    }
    // What is called so comes before what only might hold some.
    folders = inside.sort((one, other) => Number(isLog(`${other}/`)) - Number(isLog(`${one}/`)));
  }
  return found;
}
