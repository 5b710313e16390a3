/** What `getOrMake` needs of a map; a WeakMap has it too. */
interface MapLike<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** The value under `key`, made and remembered the first time it is asked for. */
export function getOrMake<K, V>(map: MapLike<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

const numbers = new WeakMap<object, number>();
let objects = 0;

/** A number for an object, the same whenever it is asked for: tells objects apart in texts that are keys. */
export const objectNumber = (value: object): number => getOrMake(numbers, value, () => objects++);
