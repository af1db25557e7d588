// Parses documents with the official parser: `node validate.mjs file...`. Exit code 1 if one is not valid.

import { readFile } from "node:fs/promises";
import { Parser } from "@asyncapi/parser";

const SEVERITIES = ["error", "warning"]; // The others are hints about style.

const parser = new Parser();

for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(await readFile(file, "utf8"));
  const shown = diagnostics.filter(({ severity }) => severity < SEVERITIES.length);
  for (const { severity, code, message, path, range } of shown) {
    console.log(`${SEVERITIES[severity]} ${code}, line ${range.start.line + 1}, ${path.join("/")}: ${message}`);
  }
  const errors = shown.filter(({ severity }) => severity === 0).length;
  console.log(`${errors} errors, ${shown.length - errors} warnings`);
  if (!document || errors) process.exitCode = 1;
}
