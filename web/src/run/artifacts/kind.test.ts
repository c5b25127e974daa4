import { expect, test } from "vitest";
import { hexDump, isLog, kindOf, looksLikeText } from "./kind";

test("a name's ending says the kind, whatever its case", () => {
  expect(["a/b.PNG", "x.svg", "a.tar.gz", "README", "data.csv", "m.parquet", ".json"].map(kindOf)).toEqual([
    "image",
    "image",
    "unknown",
    "unknown",
    "table",
    "parquet",
    "json",
  ]);
});

test("text is told from other bytes, also when it is cut within a character", () => {
  const text = new TextEncoder().encode("größer\n\u001b[31mred");
  expect(looksLikeText(text)).toBe(true);
  expect(looksLikeText(text.subarray(0, 3))).toBe(true);
  expect(looksLikeText(Uint8Array.of(0x89, 0x50, 0x4e, 0x47))).toBe(false);
  expect(looksLikeText(Uint8Array.of(0x61, 0x00))).toBe(false);
});

test("logs are found by folder and by name", () => {
  expect(["logs/a", "x/log/b.txt", "train.log", "stdout", "rank0/stderr.txt", "model.pt"].map(isLog)).toEqual([
    true,
    true,
    true,
    true,
    true,
    false,
  ]);
});

test("bytes are written in rows of 16", () => {
  const dump = hexDump(Uint8Array.from({ length: 17 }, (_, at) => at + 0x41));
  expect(dump.split("\n")).toEqual([
    "00000000  41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP",
    "00000010  51                                               Q",
  ]);
});
