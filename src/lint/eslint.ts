/** The part of ESLint's interfaces that the rule uses, written out so that the package needs no other. */

/** A node of the syntax tree, after ESTree. What else it has is read by name. */
export interface Node {
  readonly type: string;
}

/** Where a variable gets its value. */
export interface Definition {
  readonly type: string;
  readonly node: Node;
  readonly parent?: Node | null;
}
export interface Variable {
  readonly name: string;
  readonly defs: readonly Definition[];
}
export interface Scope {
  readonly set: ReadonlyMap<string, Variable>;
  readonly upper: Scope | null;
}

/** What typescript-eslint's parser adds if it knows types. */
export interface ParserServices {
  readonly program?: object | null;
  getTypeAtLocation?(node: Node): Type;
}
/** The part of the compiler's types that the rule uses. */
export interface Type {
  readonly types?: readonly Type[];
  isUnion(): boolean;
  getConstraint?(): Type | undefined;
  getProperty(name: string): unknown;
}

export interface RuleContext {
  readonly sourceCode: {
    readonly ast: Node;
    readonly parserServices?: ParserServices;
    getScope(node: Node): Scope;
  };
  report(problem: { readonly node: Node; readonly messageId: string; readonly data?: Record<string, string> }): void;
}

export interface RuleModule {
  readonly meta: {
    readonly type: "problem";
    readonly docs: { readonly description: string; readonly url?: string };
    readonly messages: Readonly<Record<string, string>>;
    readonly schema: never[];
  };
  /** @param context a `RuleContext`; how ESLint declares it differs from version to version */
  create(context: object): Record<string, (node: Node) => void>;
}

/** What a node has under a name. */
export const partOf = (node: Node, name: string): unknown => (node as Node & Record<string, unknown>)[name];
/** The same, for what is a node itself. */
export const child = (node: Node, name: string): Node => partOf(node, name) as Node;
/** The text of an identifier's name, or null for other nodes. */
export const nameOf = (node: Node | null | undefined): string | null =>
  node?.type === "Identifier" ? (partOf(node, "name") as string) : null;
