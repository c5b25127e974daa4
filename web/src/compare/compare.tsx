/** Several runs side by side. */

export function Compare({ runIds }: { readonly runIds: readonly string[] }) {
  return <div class="page">Compare {runIds.join(", ")}</div>;
}
