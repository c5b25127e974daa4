/** Keys with texts, such as params and tags. */

export type Pair = readonly [key: string, value: string];

/** The pairs of which every word of a search is in the key or the value, ordered by key. */
export function matching(pairs: readonly Pair[], searched: string): Pair[] {
  const words = searched.toLowerCase().split(/\s+/).filter(Boolean);
  const found = pairs.filter(([key, value]) => {
    const text = `${key}\n${value}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  return found.sort(([one], [other]) => (one < other ? -1 : 1));
}
