import { expect, test } from "vitest";
import { commitUrl, repositoryOf } from "./forge";

const SHA = "0123456789abcdef0123456789abcdef01234567";

test.each([
  ["https://github.com/owner/name.git", `https://github.com/owner/name/commit/${SHA}`],
  ["https://github.com/owner/name", `https://github.com/owner/name/commit/${SHA}`],
  ["git@github.com:owner/name.git", `https://github.com/owner/name/commit/${SHA}`],
  ["ssh://git@github.com:22/owner/name.git", `https://github.com/owner/name/commit/${SHA}`],
  ["git+ssh://git@github.com/owner/name.git", `https://github.com/owner/name/commit/${SHA}`],
  ["https://gitlab.com/group/sub/name.git", `https://gitlab.com/group/sub/name/-/commit/${SHA}`],
  ["git@gitlab.example.org:group/name.git", `https://gitlab.example.org/group/name/-/commit/${SHA}`],
  ["https://bitbucket.org/owner/name", `https://bitbucket.org/owner/name/commits/${SHA}`],
  ["http://forge.local:3000/owner/name.git", `http://forge.local:3000/owner/name/commit/${SHA}`],
  ["https://user:token@codeberg.org/owner/name.git", `https://codeberg.org/owner/name/commit/${SHA}`],
])("%s leads to its commit", (address, page) => {
  expect(commitUrl(address, SHA)).toBe(page);
});

test.each([
  "",
  "javascript:alert(1)",
  "javascript://github.com/%0aalert(1)/x",
  "JaVaScRiPt:alert(1)//@github.com:x/y",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:msgbox(1)",
  "file:///etc/passwd",
  "/home/me/repository",
  "../repository",
  "C:\\work\\repository",
  "C:/work/repository",
  "https://",
  "https://github.com",
  "https://github.com/owner/<script>",
  "https://github.com/owner/na me",
  'https://github.com/owner/"onmouseover="alert(1)',
  "https://github.com/owner/%00",
  "https://github.com/owner/%E0%A4%A",
  "git@host\n.com:owner/name",
  "git@github.com:../../x y",
  "blob:https://github.com/owner/name",
])("%j leads nowhere", (address) => {
  expect(commitUrl(address, SHA)).toBeNull();
});

test("what is no commit is not linked", () => {
  expect(commitUrl("https://github.com/a/b", "../../settings")).toBeNull();
  expect(commitUrl("https://github.com/a/b", "")).toBeNull();
});

test("a repository is named without scheme, user and ending", () => {
  expect(repositoryOf("git@GitHub.com:owner/name.git")?.label).toBe("github.com/owner/name");
});
