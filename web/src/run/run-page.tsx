/** One run. */

export function RunPage({ runId, section }: { readonly runId: string; readonly section: readonly string[] }) {
  return (
    <div class="page">
      Run {runId} {section.join("/")}
    </div>
  );
}
