import { expect, test } from "vitest";
import { column, formatColumns, parseColumn, parseColumns, splitList, joinList, usualColumns } from "./columns";

test("columns come back from the address as they were chosen", () => {
  const columns = [
    column("attribute", "duration"), column("param", "a,b\\c"), column("tag", "mlflow.source.name"),
    column("metric", "val/loss", "min"), column("metric", "val/loss"), column("metric", "max:odd"),
  ];
  expect(parseColumns(formatColumns(columns))).toEqual(columns);
});

test("plain columns are readable in the address", () => {
  expect(formatColumns([column("metric", "val/loss", "max"), column("param", "lr")])).toBe("max:metrics.val/loss,params.lr");
});

test.each(["", "params.", "nothing", "min:params.lr", "max:status", "metrics"])("%s is no column", (id) => {
  expect(parseColumn(id)).toBeNull();
});

test("a column that comes twice is there once", () => {
  expect(parseColumns("params.a,params.a,,params.b").map(({ key }) => key)).toEqual(["a", "b"]);
});

test("lists keep commas and backslashes of their texts", () => {
  const texts = ["a,b", "\\", ",", "a\\,b"];
  expect(splitList(joinList(texts))).toEqual(texts);
  expect(splitList("")).toEqual([]);
});

test("the machine's own metrics are not shown unasked", () => {
  const shown = usualColumns(["lr"], ["loss", "system/cpu"], false);
  expect(shown.map(({ id }) => id)).toEqual(["status", "start_time", "duration", "user", "metrics.loss", "params.lr"]);
});
