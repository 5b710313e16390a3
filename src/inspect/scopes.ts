import type { PictureFrame } from "./picture.ts";
import { leafOf, scopeOf } from "./text.ts";

/** An operation, and how small its scope may be and still get a frame. */
export interface Placed {
  readonly name: string;
  /** Scopes people wrote are always drawn; those a gradient rule opened, only if they hold more than one thing. */
  readonly keep: boolean;
}

interface Scope {
  readonly path: string;
  readonly members: string[];
  readonly children: Scope[];
  keep: boolean;
}

/**
 * Frames from the slashes in names. Three things would make frames without telling anything, and get none:
 * a scope named after an operation (`dense/w`, which holds the initial value of variable `dense/w`), a scope that
 * only holds another one (their names are joined), and one that holds a single derived operation.
 */
export function framesOf(placed: readonly Placed[]): {
  readonly frames: readonly PictureFrame[];
  /** Name of operation → frame id; absent at the outermost level. */
  readonly frameOf: ReadonlyMap<string, string>;
} {
  const names = new Set(placed.map(({ name }) => name));
  const root: Scope = { path: "", members: [], children: [], keep: true };
  const scopes = new Map<string, Scope>([["", root]]);
  const scopeAt = (path: string): Scope => {
    const known = scopes.get(path);
    if (known) return known;
    const outer = scopeAt(scopeOf(path));
    if (names.has(path)) {
      scopes.set(path, outer);
      return outer;
    }
    const scope: Scope = { path, members: [], children: [], keep: false };
    outer.children.push(scope);
    scopes.set(path, scope);
    return scope;
  };
  for (const { name, keep } of placed) {
    const scope = scopeAt(scopeOf(name));
    scope.members.push(name);
    if (keep) for (let path = scopeOf(name); path !== ""; path = scopeOf(path)) scopeAt(path).keep = true;
  }

  const frames: PictureFrame[] = [];
  const frameOf = new Map<string, string>();
  const draw = (scope: Scope, parent: string | null, title: string): void => {
    const [only] = scope.children;
    if (scope !== root && scope.members.length === 0 && scope.children.length === 1) {
      draw(only!, parent, `${title}/${leafOf(only!.path)}`);
      return;
    }
    let id = parent;
    if (scope !== root && (scope.keep || scope.members.length + scope.children.length > 1)) {
      id = `c${frames.length}`;
      frames.push({ id, kind: "scope", title, path: scope.path, tooltip: `scope ${scope.path}`, parent });
    }
    if (id !== null) for (const member of scope.members) frameOf.set(member, id);
    for (const child of scope.children) draw(child, id, leafOf(child.path));
  };
  draw(root, null, "");
  return { frames, frameOf };
}
