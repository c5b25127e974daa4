import { expect, test } from "vitest";
import { column } from "./columns";
import { fieldOf, formatOrder, parseOrder, quoteKey, toggleOrder } from "./order";

test("an order comes back from the address, commas in keys too", () => {
  const order = [
    { field: "metrics.val/loss", descending: true },
    { field: "params.`a,b`", descending: false },
    { field: "tags.`q``,r DESC`", descending: true },
  ];
  expect(parseOrder(formatOrder(order))).toEqual(order);
});

test("directions are read in any case", () => {
  expect(parseOrder(" start_time desc , params.lr ASC,")).toEqual([
    { field: "start_time", descending: true },
    { field: "params.lr", descending: false },
  ]);
});

test.each([["lr", "lr"], ["val/loss", "val/loss"], ["a.b-c", "a.b-c"], ["a b", "`a b`"], ["a`b", "`a``b`"], [".a", "`.a`"], ["größe", "`größe`"]])(
  "the key %s is written %s",
  (key, written) => {
    expect(quoteKey(key)).toBe(written);
  },
);

test("columns that the server cannot order by have no field", () => {
  expect(fieldOf(column("metric", "loss", "min"))).toBeNull();
  expect(fieldOf(column("attribute", "duration"))).toBeNull();
  expect(fieldOf(column("metric", "loss"))).toBe("metrics.loss");
  expect(fieldOf(column("attribute", "user"))).toBe("user_id");
});

test("clicks on a header go up, down, and away", () => {
  const up = toggleOrder([], "a", false);
  const down = toggleOrder(up, "a", false);
  expect(up).toEqual([{ field: "a", descending: false }]);
  expect(down).toEqual([{ field: "a", descending: true }]);
  expect(toggleOrder(down, "a", false)).toEqual([]);
  expect(toggleOrder(down, "b", false)).toEqual([{ field: "b", descending: false }]);
});

test("clicks with shift keep the other columns, in their places", () => {
  const order = [{ field: "a", descending: false }, { field: "b", descending: false }];
  expect(toggleOrder(order, "a", true)).toEqual([{ field: "a", descending: true }, order[1]]);
  expect(toggleOrder(order, "c", true)).toEqual([...order, { field: "c", descending: false }]);
});
