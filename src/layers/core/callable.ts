/**
 * Base of classes whose instances are functions: `dense(x)` is `dense.apply(x)`. A layer is a function, and reads like
 * one; it still is an object with fields and methods, and can be subclassed like any other.
 *
 * A constructor may return another object than `this`, and what derived constructors and field initialisers then see as
 * `this` is that object. Here it is an arrow function that has been given the prototype of the class. Nothing is
 * evaluated from text, so it works under every content-security policy.
 */
export abstract class Callable {
  constructor() {
    const instance = (...args: never[]): unknown => (instance as object as Callable).apply(...args);
    // Functions have these two of their own, which would hide a `name` of the class.
    delete (instance as { name?: unknown }).name;
    delete (instance as { length?: unknown }).length;
    // biome-ignore lint/correctness/noConstructorReturn: that is the point, see above
    return Object.setPrototypeOf(instance, new.target.prototype) as this;
  }

  abstract apply(...args: never[]): unknown;
}
