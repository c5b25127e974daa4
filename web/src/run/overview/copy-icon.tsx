/** Two sheets: to copy something. Fonts may lack the sign. */

export function CopyIcon() {
  return (
    <svg class="copy-icon" viewBox="0 0 16 16" width="13" height="13" aria-hidden="true">
      <rect x="5.5" y="5.5" width="8" height="9" rx="1.5" />
      <path d="M10.5 3V2.5a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v8a1 1 0 0 0 1 1H4" />
    </svg>
  );
}
