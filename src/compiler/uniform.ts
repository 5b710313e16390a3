import { constantValue, type Tensor } from "../graph/operation.ts";

/** Elements of a constant that are looked through for being all equal. */
const UNIFORM_LIMIT = 4096;

/** The one value of a constant all of whose elements are the same bits: it is written into the code. */
export function uniformConstant(tensor: Tensor): number | null {
  const data = constantValue(tensor);
  if (!data || data.length === 0 || data.length > UNIFORM_LIMIT) return null;
  const [first] = data;
  return data.every((element) => Object.is(element, first)) ? first! : null;
}
