// Parses asyncapi.yaml with the official parser: `node validate.mjs [file]`. Exit code 1 if it is not valid.

import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning"]; // The others are hints about style.

const file = process.argv[2] ?? new URL("asyncapi.yaml", import.meta.url);
const { document, diagnostics } = await new Parser().parse(await readFile(file, "utf8"));

const shown = diagnostics.filter(({ severity }) => severity < SEVERITIES.length);
for (const { severity, code, message, path, range } of shown) {
  console.log(`${SEVERITIES[severity]} ${code}, line ${range.start.line + 1}, ${path.join("/")}: ${message}`);
}
const errors = shown.filter(({ severity }) => severity === 0).length;
console.log(`${errors} errors, ${shown.length - errors} warnings`);
process.exitCode = document && errors === 0 ? 0 : 1;
