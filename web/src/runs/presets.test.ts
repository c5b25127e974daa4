import { expect, test } from "vitest";
import { clauseValue, withClause } from "./presets";

test("a comparison is added, changed and taken away again", () => {
  const one = withClause("metrics.loss < 1", "status", "RUNNING");
  expect(one).toBe("metrics.loss < 1 AND status = 'RUNNING'");
  expect(clauseValue(one, "status")).toBe("RUNNING");
  expect(withClause(one, "status", "FAILED")).toBe("metrics.loss < 1 AND status = 'FAILED'");
  expect(withClause(one, "status", null)).toBe("metrics.loss < 1");
  expect(withClause("status = 'X' AND metrics.loss < 1", "status", null)).toBe("metrics.loss < 1");
  expect(withClause("status = 'X'", "status", null)).toBe("");
});

test("alternatives are enclosed before anything is added", () => {
  expect(withClause("params.a = '1' OR params.b = '2'", "user_id", "o'hara")).toBe(
    "(params.a = '1' OR params.b = '2') AND user_id = 'o''hara'",
  );
  expect(withClause("(params.a = '1' OR params.b = '2')", "user_id", "a")).toBe(
    "(params.a = '1' OR params.b = '2') AND user_id = 'a'",
  );
});

test("a comparison that only an alternative holds is none of the whole", () => {
  expect(clauseValue("status = 'A' OR params.b = '2'", "status")).toBeNull();
  expect(clauseValue("(status = 'A') AND params.b = '2'", "status")).toBeNull();
});
