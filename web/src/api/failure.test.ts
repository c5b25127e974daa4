import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { failureOf } from "./failure";

function errorWith(value: Uint8Array): ConnectError {
  const error = new ConnectError("Invalid clause", Code.InvalidArgument);
  error.details = [{ type: "google.rpc.ErrorInfo", value }];
  return error;
}

test("reason and metadata are read from the error's details", () => {
  const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string("position");
  entry.tag(2, WireType.LengthDelimited).string("7");
  const info = new BinaryWriter().tag(1, WireType.LengthDelimited).string("INVALID_FILTER");
  info.tag(2, WireType.LengthDelimited).string("runstream");
  info.tag(3, WireType.LengthDelimited).bytes(entry.finish());
  const found = failureOf(errorWith(info.finish()));
  expect(found.reason).toBe("INVALID_FILTER");
  expect(found.metadata).toEqual(new Map([["position", "7"]]));
});

test("an error without details has no reason", () => {
  expect(failureOf(new Error("no")).reason).toBe("");
});
