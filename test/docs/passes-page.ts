import { PIPELINE } from "../../src/compiler/pipeline.ts";
import { ALGEBRA } from "../../src/compiler/rules/algebra.ts";
import { FUSION_RULES } from "../../src/compiler/rules/fusion.ts";
import { STABILITY } from "../../src/compiler/rules/stability.ts";

const code = (text: string): string => `\`${text}\``;

/** `docs/passes.md`, from the passes and rules themselves. */
export function passesPage(): string {
  const passes = PIPELINE.passes.map(({ name, doc, required }) => {
    const [summary, ...rest] = doc.split("\n\n");
    const golden = `test/golden/${name}`;
    return [
      `## ${name}`,
      "",
      summary!,
      "",
      "```",
      ...rest.flatMap((text) => text.split("\n")),
      "```",
      "",
      `${required ? "Always runs." : `Can be switched off: ${code(`{ disable: ["${name}"] }`)}.`} Before and after on real programs: [${golden}](../${golden}).`,
    ].join("\n");
  });
  const rules = [...ALGEBRA, ...STABILITY].map(
    ({ name, doc, exactness }) => `| ${name} | ${exactness} | ${doc.replaceAll("|", "\\|")} |`,
  );
  const fusion = FUSION_RULES.map(({ name, doc }, i) => `| ${i + 1} | ${name} | ${doc} |`);
  return [
    "# The passes",
    "",
    "A plan is made by these passes, in this order. Each is a function from one immutable representation to the next, so",
    "the program before every pass is still there when the last one has run: `session.plan(fetches, feeds).trace` holds,",
    "for each pass, the text before and after, what happened and why, and the time it took.",
    "",
    "This page is written from the sources by `npm run docs`; a test fails when it is out of date.",
    "",
    ...passes.flatMap((text) => [text, ""]),
    "# Rewrite rules",
    "",
    "*Exact* rules give the same bits for every input, NaN and -0 included, and always run. *Numeric* rules change rounding",
    "for the better; they run under `{ stabilise: true }`, and otherwise the session warns and names the stable op.",
    "",
    "| rule | kind | equation |",
    "| --- | --- | --- |",
    ...rules,
    "",
    "# Fusion rules",
    "",
    "Asked for every computed value, in this order; the first that answers decides, and its reason is kept with each edge.",
    "",
    "| | rule | idea |",
    "| --- | --- | --- |",
    ...fusion,
    "",
  ].join("\n");
}
