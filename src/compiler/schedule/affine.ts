import { add, type Expr, exactInteger, int, mul, type VarExpr } from "../../kernel/expr.ts";

/** `Σ coefficient·variable + constant`: how nearly every index looks. No coefficient is 0. */
export interface Affine {
  readonly terms: ReadonlyMap<VarExpr, number>;
  readonly constant: number;
}

export const affineConstant = (constant: number): Affine => ({ terms: new Map(), constant });
export const affineVariable = (variable: VarExpr, coefficient = 1): Affine => ({
  terms: new Map([[variable, coefficient]]),
  constant: 0,
});

/** An int32 expression as an affine form; null if it is none, or if its arithmetic could wrap. */
export function affineOf(expr: Expr): Affine | null {
  const form = { terms: new Map<VarExpr, number>(), constant: 0 };
  return addAffine(form, expr, 1) ? form : null;
}

/** Adds `factor · expr` to a form; false if `expr` has none. */
function addAffine(
  form: { readonly terms: Map<VarExpr, number>; constant: number },
  expr: Expr,
  factor: number,
): boolean {
  if (expr.type !== "int32") return false;
  if (expr.kind === "const") {
    form.constant += factor * expr.value;
    return true;
  }
  if (expr.kind === "var") {
    const sum = (form.terms.get(expr) ?? 0) + factor;
    if (sum === 0) form.terms.delete(expr);
    else form.terms.set(expr, sum);
    return true;
  }
  if (expr.kind !== "binary" || (expr.op !== "add" && expr.op !== "sub" && expr.op !== "mul")) return false;
  const { op, x, y } = expr;
  if (!exactInteger(op, x, y)) return false;
  if (op !== "mul") return addAffine(form, x, factor) && addAffine(form, y, op === "add" ? factor : -factor);
  // Constants stand to the right (`binary` sees to it); a difference may still come out as one.
  if (y.kind === "const") return addAffine(form, x, factor * y.value);
  const left = affineOf(x);
  const right = affineOf(y);
  if (!left || !right) return false;
  if (right.terms.size === 0) return addAffine(form, x, factor * right.constant);
  return left.terms.size === 0 && addAffine(form, y, factor * left.constant);
}

/** `x + factor·y`. */
export function plus(x: Affine, y: Affine, factor = 1): Affine {
  const terms = new Map(x.terms);
  y.terms.forEach((coefficient, variable) => {
    const sum = (terms.get(variable) ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(variable);
    else terms.set(variable, sum);
  });
  return { terms, constant: x.constant + factor * y.constant };
}

export function times(x: Affine, factor: number): Affine {
  if (factor === 0) return affineConstant(0);
  const terms = new Map([...x.terms].map(([variable, coefficient]) => [variable, coefficient * factor]));
  return { terms, constant: x.constant * factor };
}

export const coefficientOf = (form: Affine, variable: VarExpr): number => form.terms.get(variable) ?? 0;

/** Puts forms in the place of variables. */
export function substituteAffine(form: Affine, place: ReadonlyMap<VarExpr, Affine>): Affine {
  let result = affineConstant(form.constant);
  for (const [variable, coefficient] of form.terms) {
    result = plus(result, place.get(variable) ?? affineVariable(variable), coefficient);
  }
  return result;
}

export function affineExpr(form: Affine): Expr {
  let sum: Expr = int(0);
  for (const [variable, coefficient] of form.terms) sum = add(sum, mul(variable, int(coefficient)));
  return add(sum, int(form.constant));
}

/** Smallest and largest value, the constant included. */
export function rangeOfAffine(form: Affine): { readonly min: number; readonly max: number } {
  let [min, max] = [form.constant, form.constant];
  for (const [variable, coefficient] of form.terms) {
    min += coefficient * (coefficient > 0 ? variable.min : variable.max);
    max += coefficient * (coefficient > 0 ? variable.max : variable.min);
  }
  return { min, max };
}
