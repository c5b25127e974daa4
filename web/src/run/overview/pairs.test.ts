import { expect, test } from "vitest";
import { matching } from "./pairs";

const PAIRS = [
  ["optimizer/lr", "0.1"],
  ["optimizer/name", "sgd"],
  ["model", "ResNet 50"],
] as const;

test("every word must be in the key or the value", () => {
  expect(matching(PAIRS, "OPTIM sgd")).toEqual([["optimizer/name", "sgd"]]);
  expect(matching(PAIRS, "resnet")).toEqual([["model", "ResNet 50"]]);
  expect(matching(PAIRS, "resnet lr")).toEqual([]);
});

test("nothing searched is everything, by key", () => {
  expect(matching(PAIRS, " ").map(([key]) => key)).toEqual(["model", "optimizer/lr", "optimizer/name"]);
});
