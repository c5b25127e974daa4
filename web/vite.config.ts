import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const OUTPUT = fileURLToPath(new URL("../server/runstream_server/web", import.meta.url));

/** Puts a compressed copy beside every file, so that the server only has to choose one. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const [name, file] of Object.entries(bundle)) {
          if (!/\.(js|css|html|svg)$/.test(name)) continue;
          const source = file.type === "chunk" ? file.code : file.source;
          this.emitFile({ type: "asset", fileName: `${name}.gz`, source: gzipSync(source, { level: 9 }) });
          this.emitFile({ type: "asset", fileName: `${name}.br`, source: brotliCompressSync(source) });
        }
      },
    },
  };
}

export default defineConfig({
  base: "./",
  build: {
    outDir: OUTPUT,
    emptyOutDir: true,
    target: "es2022",
    // The policy allows nothing inline, not even small images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [compressed()],
  server: {
    proxy: {
      "/runstream.v1.": "http://127.0.0.1:5000",
      "/artifacts": "http://127.0.0.1:5000",
    },
  },
});
