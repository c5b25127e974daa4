import { expect, test } from "vitest";
import { formatBytes } from "./bytes";

test("sizes have few digits and the unit that fits", () => {
  expect([0, 1, 1023, 1024, 1536, 10 * 1024, 1024 ** 2 - 1, 1024 ** 2, 123_456_789].map(formatBytes)).toEqual([
    "0 B",
    "1 B",
    "1023 B",
    "1.00 KiB",
    "1.50 KiB",
    "10.0 KiB",
    "1.00 MiB",
    "1.00 MiB",
    "118 MiB",
  ]);
});
