import { expect, test } from "vitest";
import { renderMarkdown } from "./markdown-render";

function html(text: string): string {
  const place = document.createElement("div");
  place.append(renderMarkdown(text));
  return place.innerHTML;
}

test("usual Markdown becomes elements", () => {
  // The simulated browser makes the sanitiser lose its first element; a real one does not (tests/browser/test_hostile.py).
  const made = html("First.\n\n# Title\n\nSome *text* with `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done");
  for (const part of ["<h1>Title</h1>", "<em>text</em>", "<code>code</code>", "<td>1</td>", "☑"]) {
    expect(made).toContain(part);
  }
});

test("links open elsewhere and tell nobody from where", () => {
  const link = renderMarkdown("[x](https://example.org/a?b=c)").querySelector("a");
  expect(link?.getAttribute("href")).toBe("https://example.org/a?b=c");
  expect(link?.rel).toContain("noopener");
  expect(link?.target).toBe("_blank");
});

test.each([
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](vbscript:msgbox(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](#/experiments)",
  "[x](//elsewhere.example/a)",
  "<javascript:alert(1)>",
])("%j links nowhere", (text) => {
  for (const link of renderMarkdown(text).querySelectorAll("a")) expect(link.hasAttribute("href")).toBe(false);
});

test.each([
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "text <b onclick=alert(1)>bold</b>",
  "<style>body { display: none }</style>",
  "<iframe src=javascript:alert(1)></iframe>",
  '<a href="javascript:alert(1)">x</a>',
  "<svg><script>alert(1)</script></svg>",
  "<form action=https://elsewhere.example><button>x</button></form>",
  "<math><mtext></mtext><mglyph><style></math><img src onerror=alert(1)>",
])("%j is shown as it was typed", (text) => {
  const fragment = renderMarkdown(text);
  expect(fragment.querySelector("script, style, iframe, form, svg, math, img, b, button")).toBeNull();
  expect(fragment.textContent).toContain(text.slice(0, 12));
});

test.each(["![x](https://elsewhere.example/p.png)", "![x](//elsewhere.example/p.png)", "![x](data:image/svg+xml,<svg>)"])(
  "%j loads nothing",
  (text) => {
    const fragment = renderMarkdown(text);
    expect(fragment.querySelector("img")).toBeNull();
    expect(fragment.textContent).toContain("image: x");
  },
);

test("pictures of this server are shown", () => {
  expect(renderMarkdown("![x](/artifacts/abc/plots/a.png)").querySelector("img")?.getAttribute("src")).toBe(
    "/artifacts/abc/plots/a.png",
  );
});
