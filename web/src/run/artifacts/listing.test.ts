import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ArtifactSchema } from "../../api/gen/runstream/v1/artifact_pb";
import { listedRows, Listing, type Page } from "./listing";

function artifact(path: string, directory = false) {
  return create(ArtifactSchema, { path, directory });
}

const PAGES: Readonly<Record<string, Page>> = {
  " ": { artifacts: [artifact("a", true), artifact("b.txt")], nextPageToken: "" },
  "a ": { artifacts: [artifact("a/1"), artifact("a/2")], nextPageToken: "more" },
  "a more": { artifacts: [artifact("a/3")], nextPageToken: "" },
};

function fakeListing(): { listing: Listing; asked: string[] } {
  const asked: string[] = [];
  const listing = new Listing((path, token) => {
    asked.push(`${path} ${token}`);
    const page = PAGES[`${path} ${token}`];
    return page === undefined ? Promise.reject(new Error("there is no such folder")) : Promise.resolve(page);
  });
  return { listing, asked };
}

function shown(listing: Listing): string[] {
  const rows = listedRows(listing.folders.value, listing.expanded.value);
  return rows.map((row) => `${" ".repeat(row.depth)}${row.artifact === null ? row.text : row.path}`);
}

test("folders are read when they are opened, page by page", async () => {
  const { listing, asked } = fakeListing();
  await listing.open("");
  expect(shown(listing)).toEqual(["a", "b.txt"]);
  await listing.toggle("a", true);
  expect(shown(listing)).toEqual(["a", " a/1", " a/2", " 2 shown, loading more …", "b.txt"]);
  await listing.more("a");
  await listing.more("a");
  expect(shown(listing)).toEqual(["a", " a/1", " a/2", " a/3", "b.txt"]);
  expect(asked).toEqual([" ", "a ", "a more"]);
});

test("a closed folder keeps what was read of it", async () => {
  const { listing, asked } = fakeListing();
  await listing.reveal("a/2");
  await listing.toggle("a", false);
  expect(shown(listing)).toEqual(["a", "b.txt"]);
  await listing.toggle("a", true);
  expect(asked).toEqual([" ", "a "]);
});

test("reading again brings back as much as was shown", async () => {
  const { listing } = fakeListing();
  await listing.reveal("a/2");
  await listing.more("a");
  await listing.refresh();
  expect(shown(listing)).toEqual(["a", " a/1", " a/2", " a/3", "b.txt"]);
});

test("a failure is told in its place", async () => {
  const { listing } = fakeListing();
  await listing.reveal("c/x");
  await listing.open("");
  expect(listing.folders.value.get("c")?.failure).toBe("there is no such folder");
});
