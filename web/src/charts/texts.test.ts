import { describe, expect, test } from "vitest";
import { csvField, csvLines, csvNumber, csvTime } from "./csv";
import { globTest } from "./glob";
import { escapeXml, SvgPen } from "./svg";
import { durationTick, numberTicks } from "./ticks";
import { DEFAULT_VIEW, queryChanges, readView } from "./view";
import { sectionsOf } from "./catalog";

describe("CSV", () => {
  test("keeps every digit, and steps beyond what a number holds", () => {
    const text = csvLines({
      runId: "a1", runName: 'say "hi", twice', key: "loss", rank: 3,
      step: [9_007_199_254_740_993n, -5n], timeUs: [1_700_000_000_000_001n, 0n], value: [0.1 + 0.2, -0],
    });
    expect(text).toBe(
      'a1,"say ""hi"", twice",loss,3,9007199254740993,2023-11-14T22:13:20.000001Z,0.30000000000000004\r\n' +
        'a1,"say ""hi"", twice",loss,3,-5,1970-01-01T00:00:00.000000Z,-0.0\r\n',
    );
  });

  test("names what is no number", () => {
    expect([NaN, Infinity, -Infinity, 5e-324].map(csvNumber)).toEqual(["NaN", "Infinity", "-Infinity", "5e-324"]);
  });

  test("gives spreadsheets no formulas", () => {
    expect(csvField("=HYPERLINK(1)")).toBe("'=HYPERLINK(1)");
  });

  test("writes times that are none as numbers", () => {
    expect(csvTime(9_223_372_036_854_775_807n)).toBe("9223372036854775807");
    expect(csvTime(-1n)).toBe("1969-12-31T23:59:59.999999Z");
  });
});

describe("a glob", () => {
  test.each([
    ["val/*", "val/loss", true],
    ["val/*", "train/val/loss", false],
    ["loss", "train/Loss_x", true],
    ["a?c", "abc", true],
    ["a.c", "abc", false],
    ["[x]*", "[x]y", true],
    ["", "anything", true],
  ])("%s on %s", (pattern, name, found) => {
    expect(globTest(pattern)(name)).toBe(found);
  });
});

describe("ticks", () => {
  test("have the digits that tell them apart", () => {
    expect(numberTicks([0, 2.5, 5], 2.5)).toEqual(["0.0", "2.5", "5.0"]);
    expect(numberTicks([0.0000847, 0.000085], 0.0000003)).toEqual(["8.47e-5", "8.50e-5"]);
    expect(numberTicks([8.475e-4, 8.5e-4, 8.525e-4], 2.5e-6)).toEqual(["8.475e-4", "8.500e-4", "8.525e-4"]);
    expect(numberTicks([0, 1_500_000], 500_000)).toEqual(["0", "1.5M"]);
  });

  test("of durations are readable", () => {
    expect(durationTick(0, 60)).toBe("0");
    expect(durationTick(90, 30)).toBe("1 min 30 s");
    expect(durationTick(5_400, 1_800)).toBe("1 h 30 min");
    expect(durationTick(200_000, 3_600)).toBe("2 d 7 h");
    expect(durationTick(0.25, 0.05)).toBe("0.25 s");
  });
});

describe("an SVG", () => {
  test("takes names for text", () => {
    expect(escapeXml('</svg><script x="1">\u0001')).toBe("&#60;/svg&#62;&#60;script x=&#34;1&#34;&#62;");
  });

  test("holds what was drawn", () => {
    const pen = new SvgPen();
    pen.strokeStyle = "#123456";
    pen.beginPath();
    pen.moveTo(1, 2);
    pen.lineTo(3.14159, 4);
    pen.stroke();
    expect(pen.parts).toEqual(['<path d="M1 2L3.14 4" fill="none" stroke="#123456" stroke-width="1" stroke-linejoin="round"/>']);
  });
});

describe("the address", () => {
  test("gives back every view", () => {
    const view = {
      ...DEFAULT_VIEW, x: { metric: "a,b/c" }, logarithmic: true, line: "last", smooth: 2, ignoreOutliers: true, ranks: "band",
      find: "val/*", pinned: ["a,b", "c\\d"], closed: ["x"], range: [-1.5, 20], full: "loss", hidden: ["0a1b"],
    } as const;
    const written = Object.entries(queryChanges(view)).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
    expect(readView(new Map(written))).toEqual(view);
  });

  test("does not hold what is as by default", () => {
    expect(Object.values(queryChanges(DEFAULT_VIEW)).every((value) => value === null)).toBe(true);
  });

  test("that makes no sense is as by default", () => {
    const broken = new Map([["x", "sideways"], ["smooth", "-3"], ["range", "5..2"], ["ranks", "?"]]);
    expect(readView(broken)).toEqual(DEFAULT_VIEW);
  });
});

describe("sections", () => {
  test("go by the first slash, numbers by their size", () => {
    expect(sectionsOf(["l10/a", "l2/b", "l2/a", "loss"], "model")).toEqual([
      { name: "", keys: ["loss"] },
      { name: "l2", keys: ["l2/a", "l2/b"] },
      { name: "l10", keys: ["l10/a"] },
    ]);
    expect(sectionsOf(["system/gpu/0", "system/cpu"], "system").map(({ name }) => name)).toEqual(["", "gpu"]);
  });
});
