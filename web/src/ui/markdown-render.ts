/** Markdown to elements. Loaded where there is Markdown to show. */

import DOMPurify, { type Config } from "dompurify";
import { Marked, type Tokens } from "marked";

const marked = new Marked({
  gfm: true,
  async: false,
  renderer: {
    // Markup that a person typed is shown as what was typed.
    html: (token: Tokens.HTML | Tokens.Tag) => (token.block ? `<p>${escaped(token.text)}</p>` : escaped(token.text)),
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? "☑ " : "☐ "),
  },
});

const ALLOWED: Config & { RETURN_DOM_FRAGMENT: true } = {
  ALLOWED_TAGS: [
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "a", "code", "pre", "em", "strong", "del",
    "blockquote", "table", "thead", "tbody", "tr", "th", "td", "img",
  ],
  ALLOWED_ATTR: ["href", "title", "src", "alt", "start", "align"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

const LINK = /^(?:https?:\/\/|mailto:)/i;
const DATA_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=\s]+$/i;

/** Returns the elements that a Markdown text stands for: no markup of its own, no address that runs something. */
export function renderMarkdown(text: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parse(text, { async: false }), ALLOWED);
  fragment.querySelectorAll("a").forEach(secureLink);
  fragment.querySelectorAll("img").forEach(secureImage);
  return fragment;
}

function secureLink(link: HTMLAnchorElement): void {
  const address = link.getAttribute("href")?.trim() ?? "";
  if (!LINK.test(address)) {
    link.removeAttribute("href");
    return;
  }
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}

/** Only this server's artifacts and pictures within the text: any other would tell its server who reads. */
function secureImage(image: HTMLImageElement): void {
  const address = image.getAttribute("src") ?? "";
  if (isArtifact(address) || DATA_IMAGE.test(address)) return;
  const place = document.createElement("span");
  place.className = "muted";
  place.textContent = `[image: ${image.alt || address}]`;
  image.replaceWith(place);
}

function isArtifact(address: string): boolean {
  try {
    const url = new URL(address, location.origin);
    return url.origin === location.origin && url.pathname.startsWith("/artifacts/");
  } catch {
    return false;
  }
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
