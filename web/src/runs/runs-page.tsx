/** The runs of one or more experiments. */

export function RunsPage({ experimentIds }: { readonly experimentIds: readonly string[] }) {
  return <div class="page">Runs of {experimentIds.join(", ")}</div>;
}
