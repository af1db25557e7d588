// Makes a class in TypeScript of each schema, by Modelina as it comes: `node generate.mjs asyncapi.yaml FOLDER`.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TypeScriptGenerator } from "@asyncapi/modelina";

const [document, folder] = process.argv.slice(2);
const generator = new TypeScriptGenerator({ modelType: "class" });
const models = await generator.generateCompleteModels(await readFile(document, "utf8"), { exportType: "named" });
await Promise.all(models.map(({ modelName, result }) => writeFile(join(folder, `${modelName}.ts`), result)));
console.log(models.map(({ modelName }) => modelName).join("\n"));
