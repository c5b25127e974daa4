import { expect, test } from "vitest";
import { Tail } from "./tail";

class File {
  text = "";
  readonly read = (from: number, to: number) => {
    const all = new TextEncoder().encode(this.text);
    return Promise.resolve({ bytes: all.slice(from, to), size: all.length });
  };
}

test("lines come as the file grows, also when it is cut within a line or a character", async () => {
  const file = new File();
  file.text = "one\ntw";
  const tail = new Tail(file.read);
  await tail.poll();
  expect(tail.lines.value).toEqual(["one", "tw"]);
  file.text += "o\n\u001b[31mgrün\u001b[0m";
  await tail.poll();
  expect(tail.lines.value).toEqual(["one", "two", "grün"]);
  file.text += "\nfour\n";
  await tail.poll();
  await tail.poll();
  expect(tail.lines.value).toEqual(["one", "two", "grün", "four", ""]);
});

test("another file in its place is read anew", async () => {
  const file = new File();
  file.text = "a long first file\nof two lines\n";
  const tail = new Tail(file.read);
  await tail.poll();
  file.text = "short\n";
  await tail.poll();
  expect(tail.lines.value).toEqual(["short", ""]);
  file.text = "other and much longer than before\n";
  await tail.poll();
  expect(tail.lines.value).toEqual(["other and much longer than before", ""]);
});

test("of a long file the end is shown first, and what is before it on demand", async () => {
  const file = new File();
  file.text = Array.from({ length: 200_000 }, (_, at) => `line ${at}`).join("\n");
  const tail = new Tail(file.read);
  await tail.poll();
  expect(tail.lines.value.at(-1)).toBe("line 199999");
  expect(tail.start.value).toBeGreaterThan(0);
  const first = Number(tail.lines.value[0]?.slice(5));
  await tail.earlier();
  expect(tail.lines.value.findIndex((line) => line === `line ${first}`)).toBeGreaterThan(0);
  while (tail.start.value > 0) await tail.earlier();
  expect(tail.lines.value).toEqual(file.text.split("\n"));
});
