/** A text in Markdown, shown without whatever could do harm. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import "./markdown.css";

export interface MarkdownProps {
  readonly text: string;
}

/** Shows the plain text until the renderer is loaded, and for good when it cannot be. */
export function Markdown({ text }: MarkdownProps) {
  const place = useRef<HTMLDivElement>(null);
  const rendered = useSignal(false);
  useEffect(() => {
    let wanted = true;
    import("./markdown-render").then(
      ({ renderMarkdown }) => {
        if (!wanted) return;
        place.current?.replaceChildren(renderMarkdown(text));
        rendered.value = true;
      },
      () => (rendered.value = false),
    );
    return () => {
      wanted = false;
    };
  }, [text, rendered]);
  return (
    <>
      <div ref={place} class="markdown" />
      {!rendered.value && <pre class="markdown-plain">{text}</pre>}
    </>
  );
}
