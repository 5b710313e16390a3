/**
 * `forerun/lint`: a plugin for ESLint 9 and later, with one rule.
 *
 *     // eslint.config.js
 *     import forerun from "forerun/lint";
 *     export default [forerun.configs.recommended];
 *
 * With the parser of typescript-eslint and its type information the rule knows every tensor. Without, it knows those
 * that comparisons give, in files that import from forerun.
 */
import type { RuleModule } from "./eslint.ts";
import { noTensorCondition } from "./no-tensor-condition.ts";

/** A plugin, in the shape ESLint expects. */
export interface LintPlugin {
  readonly meta: { readonly name: string };
  readonly rules: { readonly "no-tensor-condition": RuleModule };
  readonly configs: { readonly recommended: LintConfig };
}
/** One entry of a list of configurations. */
export interface LintConfig {
  readonly name: string;
  plugins: Record<string, LintPlugin>;
  rules: Record<string, "error">;
}

const config: LintConfig = {
  name: "forerun/recommended",
  plugins: {},
  rules: { "forerun/no-tensor-condition": "error" },
};

/** The plugin: the rule `no-tensor-condition`, and `configs.recommended`, which turns it on. */
const plugin: LintPlugin = {
  meta: { name: "forerun" },
  rules: { "no-tensor-condition": noTensorCondition },
  configs: { recommended: config },
};
config.plugins.forerun = plugin;

export default plugin;
