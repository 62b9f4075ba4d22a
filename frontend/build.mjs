// Bundles the admin's scripts and styles, and copies the API page's, into git-ignored folders.
//
//   node frontend/build.mjs            minified, names carry a content hash, manifest.json
//   node frontend/build.mjs --watch    rebuilds on change
//
// Everything a page needs comes out of here: no CDN, no `data:` address (the admin's content
// security policy allows none), no inline script.

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);
const require = createRequire(import.meta.url);
const adminOut = path.join(root, "dxp/admin/static/build");
const webOut = path.join(root, "dxp/web/static/build");
const watch = process.argv.includes("--watch");

/** Swaps `url(data:…)` in third-party CSS for files, so that the policy needs no `data:`. */
const dataUrisToFiles = {
  name: "data-uris-to-files",
  setup(build) {
    const contents = new Map();
    build.onLoad({ filter: /node_modules.*\.css$/ }, async ({ path: file }) => {
      const css = await readFile(file, "utf8");
      const replaced = css.replace(
        /url\((?:"(data:[^"\\]*(?:\\.[^"\\]*)*)"|'(data:[^']*)'|(data:[^)"']*))\)/g,
        (_, double, single, bare) => {
          const { bytes, extension } = decodeDataUri((double ?? single ?? bare).replace(/\\"/g, '"'));
          const key = `${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}.${extension}`;
          contents.set(key, bytes);
          return `url("inlined:${key}")`;
        },
      );
      return { contents: replaced, loader: "css", resolveDir: path.dirname(file) };
    });
    build.onResolve({ filter: /^inlined:/ }, ({ path: name }) => ({
      path: name.slice("inlined:".length),
      namespace: "inlined",
    }));
    build.onLoad({ filter: /.*/, namespace: "inlined" }, ({ path: key }) => ({
      contents: contents.get(key),
      loader: "file",
    }));
  },
};

function decodeDataUri(uri) {
  const [, head, body] = uri.match(/^data:([^,]*),(.*)$/s);
  const type = head.split(";")[0];
  const extension = { "image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg" }[type];
  if (!extension) {
    throw new Error(`A style sheet embeds ${type}. Name a file extension for it in build.mjs.`);
  }
  const bytes = head.includes(";base64")
    ? Buffer.from(body, "base64")
    : Buffer.from(decodeURIComponent(body));
  return { bytes, extension };
}

const builtNames = {};

/** Writes `{source name: hashed file}`; the server reads it to build addresses. */
const manifest = {
  name: "manifest",
  setup(build) {
    build.onEnd(async (result) => {
      if (result.errors.length) return;
      for (const [file, output] of Object.entries(result.metafile.outputs)) {
        if (output.entryPoint?.startsWith("frontend/")) {
          builtNames[path.basename(output.entryPoint)] = path.basename(file);
        }
      }
      const sorted = Object.fromEntries(Object.entries(builtNames).sort());
      const target = path.join(adminOut, "manifest.json");
      await writeFile(`${target}.new`, `${JSON.stringify(sorted, null, 2)}\n`);
      await rename(`${target}.new`, target);
    });
  },
};

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: !watch,
  sourcemap: watch ? "linked" : false,
  target: ["es2022", "chrome111", "firefox114", "safari16.4"],
  legalComments: "linked",
  logLevel: "info",
  loader: { ".woff2": "file", ".woff": "empty", ".svg": "file", ".png": "file" },
  plugins: [dataUrisToFiles],
};

const admin = {
  ...shared,
  entryPoints: ["admin.js", "editor.js"]
    .map((name) => `frontend/src/${name}`)
    .concat(["admin.css", "admin.rtl.css"].map((name) => `frontend/styles/${name}`))
    .concat("frontend/assets/favicon.svg"),
  outdir: adminOut,
  format: "esm",
  splitting: true,
  metafile: true,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ...shared.loader, ".svg": "copy" },
  plugins: [dataUrisToFiles, manifest],
};

// Runs in <head>, before the first paint, so it is a classic script and as small as can be.
const theme = {
  ...shared,
  entryPoints: ["frontend/src/theme.js"],
  outdir: adminOut,
  format: "iife",
  metafile: true,
  entryNames: "[name]-[hash]",
  plugins: [manifest],
};

const apiPage = {
  ...shared,
  entryPoints: ["frontend/src/api-page.js", "frontend/styles/api-page.css"],
  outdir: webOut,
  format: "iife",
  entryNames: "[name]",
  assetNames: "[name]-[hash]",
};

await rm(adminOut, { recursive: true, force: true });
await rm(webOut, { recursive: true, force: true });
await mkdir(adminOut, { recursive: true });
await mkdir(webOut, { recursive: true });
await copyFile(
  require.resolve("swagger-ui-dist/swagger-ui-bundle.js"),
  path.join(webOut, "swagger-ui-bundle.js"),
);

/** Packs scripts and styles once, so that no server has to do it for every reader. */
async function packAll(folder) {
  for (const name of await readdir(folder)) {
    if (!/\.(js|css)$/.test(name)) continue;
    const file = path.join(folder, name);
    await writeFile(`${file}.gz`, gzipSync(await readFile(file), { level: 9 }));
  }
}

for (const options of [theme, apiPage, admin]) {
  if (watch) {
    await (await esbuild.context(options)).watch();
  } else {
    await esbuild.build(options);
  }
}

if (!watch) await packAll(adminOut);
