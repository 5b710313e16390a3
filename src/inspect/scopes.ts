import type { PictureFrame } from "./picture.ts";
import type { GradientSource } from "./roles.ts";
import { leafOf, scopeOf } from "./text.ts";

/** An operation that wants a place. */
export interface Placed {
  readonly name: string;
  readonly gradientOf: GradientSource | null;
  /** Scopes people wrote get a frame even for a single thing in them, those of derived operations do not. */
  readonly keep: boolean;
}

export interface Frames {
  readonly frames: readonly PictureFrame[];
  /** Name of operation → frame id; absent at the outermost level. */
  readonly frameOf: ReadonlyMap<string, string>;
}

interface Scope {
  readonly path: string;
  readonly members: string[];
  readonly children: Scope[];
  keep: boolean;
}

/**
 * Frames from the slashes in names. Gradients have frames of their own, as many as the model: "gradients of dense_1"
 * can then stand beside "dense_1", where inside of a frame "adam" it could not.
 */
export function framesOf(placed: readonly Placed[]): Frames {
  const frames: PictureFrame[] = [];
  const frameOf = new Map<string, string>();
  const roots = [...new Set(placed.flatMap(({ gradientOf }) => gradientOf?.root ?? []))];
  for (const root of [null, ...roots]) {
    const members = placed.flatMap(({ name, gradientOf, keep }) => {
      if (root === null) {
        // The seed and sums of gradients stand in the scope of `gradients` itself: outside of all frames.
        if (gradientOf !== null || roots.includes(scopeOf(name))) return [];
        return [{ name, scope: scopeOf(name), keep }];
      }
      return gradientOf?.root === root ? [{ name, scope: gradientOf.scope, keep }] : [];
    });
    drawTree(scopesOf(members), root, frames, frameOf);
  }
  return { frames, frameOf };
}

/** The tree of scopes. One that is named after an operation (`dense/w`, with the initial value of `dense/w`) is none. */
function scopesOf(
  members: readonly { readonly name: string; readonly scope: string; readonly keep: boolean }[],
): Scope {
  const names = new Set(members.map(({ name }) => name));
  const root: Scope = { path: "", members: [], children: [], keep: true };
  const scopes = new Map<string, Scope>([["", root]]);
  const scopeAt = (path: string): Scope => {
    const known = scopes.get(path);
    if (known) return known;
    const outer = scopeAt(scopeOf(path));
    const scope = names.has(path) ? outer : { path, members: [], children: [], keep: false };
    if (scope !== outer) outer.children.push(scope);
    scopes.set(path, scope);
    return scope;
  };
  for (const { name, scope, keep } of members) {
    scopeAt(scope).members.push(name);
    if (keep) for (let path = scope; path !== ""; path = scopeOf(path)) scopeAt(path).keep = true;
  }
  return root;
}

function drawTree(root: Scope, gradients: string | null, frames: PictureFrame[], frameOf: Map<string, string>): void {
  const draw = (scope: Scope, parent: string | null, title: string): void => {
    const [only] = scope.children;
    // A scope that only holds another one gets no frame of its own: their names are joined.
    if (scope !== root && scope.members.length === 0 && scope.children.length === 1) {
      draw(only!, parent, `${title}/${leafOf(only!.path)}`);
      return;
    }
    let id = parent;
    if (scope !== root && (scope.keep || scope.members.length + scope.children.length > 1)) {
      id = `c${frames.length}`;
      const path = gradients ? `${gradients}/${scope.path}` : scope.path;
      frames.push({ id, kind: "scope", title, path, tooltip: `scope ${path}`, parent });
    }
    if (id !== null) for (const member of scope.members) frameOf.set(member, id);
    const prefix = scope === root && gradients !== null ? "gradients of " : "";
    for (const child of scope.children) draw(child, id, prefix + leafOf(child.path));
  };
  draw(root, null, "");
}
