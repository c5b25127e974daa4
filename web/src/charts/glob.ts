/** Search of names by pattern. */

/** A test for names: `*` stands for any characters and `?` for any one; a text without them for names that contain it. */
export function globTest(pattern: string): (name: string) => boolean {
  const text = pattern.trim();
  if (text === "") return () => true;
  const whole = /[*?]/.test(text) ? text : `*${text}*`;
  const expression = whole.replace(/[\\^$.|+()[\]{}]/g, "\\$&").replace(/\*+/g, "[^]*").replace(/\?/g, "[^]");
  const found = new RegExp(`^${expression}$`, "iu");
  return (name) => found.test(name);
}
