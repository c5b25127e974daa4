/** Puts the page together. */

import { render } from "preact";
import { Page } from "./app/pages";
import { route } from "./routing/router";
import { Shell } from "./app/shell";

function App() {
  return (
    <Shell>
      <Page route={route.value} />
    </Shell>
  );
}

const place = document.getElementById("app");
if (place === null) throw new Error("index.html has no element #app");
render(<App />, place);
