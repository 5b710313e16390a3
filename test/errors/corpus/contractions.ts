/** Matrix products and what is built from them. */
import { affine, dot, einsum, matmul, NDArray, outer, tensordot, transpose } from "../../../src/index.ts";
import type { Corpus } from "../entry.ts";

const zeros = (...shape: number[]) => NDArray.of(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });

export const contractions: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "matmul: inner sizes",
      text: `matmul: inner sizes differ, 784 (left) against 100 (right)
  left   x: float32[batch, »784«]  made at contractions.ts[x]
  right  w: float32[»100«, 10]     made at contractions.ts[w]
at contractions.ts[matmul]
fix: the columns of the left operand must be as many as the rows of the right one`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 784]); // [x]
        const w = g.variable("w", [100, 10]); // [w]
        return matmul(x, w); // [matmul]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 784]);
        const w = g.variable("w", [784, 10]);
        return [matmul(x, w), { x: zeros(2, 784) }];
      },
    },
    {
      name: "matmul: the weights lie on their side",
      text: `matmul: inner sizes differ, 3 (left) against 2 (right)
  left   x: float32[batch, »3«]  made at contractions.ts[x]
  right  w: float32[»2«, 3]      made at contractions.ts[w]
at contractions.ts[matmul]
fix: transposeB: true would fit`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const w = g.variable("w", [2, 3]); // [w]
        return x.matmul(w); // [matmul]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const w = g.variable("w", [2, 3]);
        return [matmul(x, w, { transposeB: true }), { x: zeros(2, 3) }];
      },
    },
    {
      name: "matmul: a vector on the left",
      text: `matmul: the left operand needs rank 2 or more, not 1
  left   x: float32[3]     made at contractions.ts[x]
  right  w: float32[3, 2]  made at contractions.ts[w]
at contractions.ts[matmul]
fix: expandDims(x, 0) makes a row of a vector; affine(x, w, b) and dot(a, b) take vectors as they are`,
      noAxis: "the rank is at fault",
      broken(g) {
        const x = g.placeholder("x", [3]); // [x]
        const w = g.variable("w", [3, 2]); // [w]
        return matmul(x, w); // [matmul]
      },
      fixed(g) {
        const x = g.placeholder("x", [3]);
        const w = g.variable("w", [3, 2]);
        return [matmul(x.reshape([1, 3]), w), { x: [1, 2, 3] }];
      },
    },
    {
      name: "matmul: a vector on the right",
      text: `matmul: the right operand needs rank 2 or more, not 1
  left   x: float32[batch, 3]  made at contractions.ts[x]
  right  w: float32[3]         made at contractions.ts[w]
at contractions.ts[matmul]
fix: expandDims(x, 0) makes a row of a vector; affine(x, w, b) and dot(a, b) take vectors as they are`,
      noAxis: "the rank is at fault",
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const w = g.variable("w", [3]); // [w]
        return matmul(x, w); // [matmul]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const w = g.variable("w", [3]);
        return [matmul(x, w.reshape([3, 1])), { x: zeros(2, 3) }];
      },
    },
    {
      name: "matmul: batches differ",
      text: `matmul: cannot broadcast 2 with 5
  left   a: float32[»2«, 3, 4]  made at contractions.ts[a]
  right  b: float32[»5«, 4, 6]  made at contractions.ts[b]
at contractions.ts[matmul]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const a = g.placeholder("a", [2, 3, 4]); // [a]
        const b = g.placeholder("b", [5, 4, 6]); // [b]
        return matmul(a, b); // [matmul]
      },
      fixed(g) {
        const a = g.placeholder("a", [2, 3, 4]);
        const b = g.placeholder("b", [2, 4, 6]);
        return [matmul(a, b), { a: zeros(2, 3, 4), b: zeros(2, 4, 6) }];
      },
    },
    {
      name: "matmul: a flattened image, and weights of another image",
      text: `matmul: inner sizes differ, 784 (left) against 1024 (right)
  left   flatten: float32[batch, »784«]  made at contractions.ts[matmul]
  right  w: float32[»1024«, 10]          made at contractions.ts[w]
at contractions.ts[matmul]
fix: the columns of the left operand must be as many as the rows of the right one`,
      broken(g) {
        const images = g.placeholder("images", ["batch", 28, 28, 1]); // [images]
        const w = g.variable("w", [1024, 10]); // [w]
        return images.flatten().matmul(w); // [matmul]
      },
      fixed(g) {
        const images = g.placeholder("images", ["batch", 28, 28, 1]);
        const w = g.variable("w", [784, 10]);
        return [images.flatten().matmul(w), { images: zeros(2, 28, 28, 1) }];
      },
    },
    {
      name: "matmul: a named inner size, bound when it is fed",
      text: `matmul "hidden": inner sizes differ, features (left) against 3 (right)
  left   x: float32[batch, »features«]  made at contractions.ts[x]
  right  w: float32[»3«, 2]             made at contractions.ts[w]
  features is 5: axis 1 of "x", fed [2, 5] at contractions.ts[run]
at contractions.ts[hidden]
fix: feed sizes for which features = 3`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", "features"]); // [x]
        const w = g.variable("w", [3, 2]); // [w]
        const hidden = matmul(x, w, { name: "hidden" }); // [hidden]
        session.run(g.initializer);
        return session.run(hidden, { x: zeros(2, 5) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", "features"]);
        const w = g.variable("w", [3, 2]);
        return [matmul(x, w), { x: zeros(2, 3) }];
      },
    },
    {
      name: "matmul: the inner size is a product of names",
      text: `matmul "y": inner sizes differ, features*steps (left) against 12 (right)
  left   flat: float32[batch, »features*steps«]  made at contractions.ts[flat]
  right  w: float32[»12«, 2]                     made at contractions.ts[w]
  features*steps comes from flatten "flat"
  features*steps is 15
  features is 5: axis 2 of "x", fed [2, 3, 5] at contractions.ts[run]
  steps is 3: axis 1 of "x", fed [2, 3, 5] at contractions.ts[run]
at contractions.ts[y]
fix: feed sizes for which features*steps = 12`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", "steps", "features"]); // [x]
        const w = g.variable("w", [12, 2]); // [w]
        const flat = x.flatten({ name: "flat" }); // [flat]
        const y = matmul(flat, w, { name: "y" }); // [y]
        session.run(g.initializer);
        return session.run(y, { x: zeros(2, 3, 5) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", "steps", "features"]);
        const w = g.variable("w", [12, 2]);
        return [matmul(x.flatten(), w), { x: zeros(2, 3, 4) }];
      },
    },
    {
      name: "affine: the bias belongs to another layer",
      text: `add: cannot broadcast 8 with 4
  left   matmul: float32[batch, »8«]  made at contractions.ts[affine]
  right  b: float32[»4«]              made at contractions.ts[b]
at contractions.ts[affine]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 4]); // [x]
        const w = g.variable("w", [4, 8]); // [w]
        const b = g.variable("b", [4]); // [b]
        return affine(x, w, b); // [affine]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 4]);
        const w = g.variable("w", [4, 8]);
        const b = g.variable("b", [8]);
        return [affine(x, w, b), { x: zeros(2, 4) }];
      },
    },
    {
      name: "affine: the second layer takes what the first was given",
      text: `matmul: inner sizes differ, 8 (left) against 4 (right)
  left   active: float32[batch, »8«]  made at contractions.ts[second]
  right  w2: float32[»4«, 2]          made at contractions.ts[w2]
at contractions.ts[second]
fix: the columns of the left operand must be as many as the rows of the right one`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 4]); // [x]
        const w1 = g.variable("w1", [4, 8]); // [w1]
        const w2 = g.variable("w2", [4, 2]); // [w2]
        const hidden = affine(x, w1, [0, 0, 0, 0, 0, 0, 0, 0], { name: "hidden" }); // [hidden]
        return affine(hidden.relu({ name: "active" }), w2, [0, 0]); // [second]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 4]);
        const w1 = g.variable("w1", [4, 8]);
        const w2 = g.variable("w2", [8, 2]);
        const hidden = affine(x, w1, [0, 0, 0, 0, 0, 0, 0, 0]);
        return [affine(hidden.relu(), w2, [0, 0]), { x: zeros(2, 4) }];
      },
    },
    {
      name: "dot: matrices",
      text: `dot: takes two vectors, not a: [2, 3]
  "a" was made at contractions.ts[a]
at contractions.ts[dot]
fix: use matmul for matrices`,
      noAxis: "the rank is at fault",
      broken(g) {
        const a = g.variable("a", [2, 3]); // [a]
        const b = g.variable("b", [3, 2]); // [b]
        return dot(a, b); // [dot]
      },
      fixed(g) {
        const a = g.variable("a", [2, 3]);
        const b = g.variable("b", [3, 2]);
        return [matmul(a, b)];
      },
    },
    {
      name: "dot: lengths differ",
      text: `matmul: inner sizes differ, 3 (left) against 4 (right)
  left   expandDims: float32[1, »3«]    from "a", made at contractions.ts[a]
  right  expandDims_1: float32[»4«, 1]  from "b", made at contractions.ts[b]
at contractions.ts[dot]
fix: the columns of the left operand must be as many as the rows of the right one`,
      broken(g) {
        const a = g.variable("a", [3]); // [a]
        const b = g.variable("b", [4]); // [b]
        return dot(a, b); // [dot]
      },
      fixed(g) {
        const a = g.variable("a", [3]);
        const b = g.variable("b", [3]);
        return [dot(a, b)];
      },
    },
    {
      name: "outer: a matrix",
      text: `outer: takes two vectors, not a: [2, 3]
  "a" was made at contractions.ts[a]
at contractions.ts[outer]
fix: use matmul for matrices`,
      noAxis: "the rank is at fault",
      broken(g) {
        const a = g.variable("a", [2, 3]); // [a]
        return outer(a, [1, 2]); // [outer]
      },
      fixed(g) {
        const a = g.variable("a", [2, 3]);
        return [matmul(transpose(a), [[1], [2]])];
      },
    },
    {
      name: "einsum: one letter, two sizes",
      text: `einsum: "j" is 3 and 4
  input 0  a: float32[2, »3«]  made at contractions.ts[a]
  input 1  b: float32[»4«, 5]  made at contractions.ts[b]
at contractions.ts[einsum]
fix: axes with one letter have one size`,
      broken(g) {
        const a = g.placeholder("a", [2, 3]); // [a]
        const b = g.placeholder("b", [4, 5]); // [b]
        return einsum("ij,jk->ik", a, b); // [einsum]
      },
      fixed(g) {
        const a = g.placeholder("a", [2, 3]);
        const b = g.placeholder("b", [3, 5]);
        return [einsum("ij,jk->ik", a, b), { a: zeros(2, 3), b: zeros(3, 5) }];
      },
    },
    {
      name: "einsum: more letters than axes",
      text: `einsum: "bij" names 3 axes of operand 0, which has rank 2
  input 0  a: float32[2, 3]  made at contractions.ts[a]
at contractions.ts[einsum]
fix: write letters for axes, "," between operands, "->" before the result, "..." for the other axes`,
      noAxis: "the equation is at fault",
      broken(g) {
        const a = g.placeholder("a", [2, 3]); // [a]
        return einsum("bij->bji", a); // [einsum]
      },
      fixed(g) {
        const a = g.placeholder("a", [2, 3]);
        return [einsum("ij->ji", a), { a: zeros(2, 3) }];
      },
    },
    {
      name: "einsum: a result letter from nowhere",
      text: `einsum: "k" of the result is in no operand
  input 0  a: float32[2, 3]  made at contractions.ts[a]
at contractions.ts[einsum]
fix: write letters for axes, "," between operands, "->" before the result, "..." for the other axes`,
      noAxis: "the equation is at fault",
      broken(g) {
        const a = g.placeholder("a", [2, 3]); // [a]
        return einsum("ij->ik", a); // [einsum]
      },
      fixed(g) {
        const a = g.placeholder("a", [2, 3]);
        return [einsum("ij->i", a), { a: zeros(2, 3) }];
      },
    },
    {
      name: "tensordot: the axes have different sizes",
      text: `einsum: "b" is 3 and 2
  input 0  a: float32[2, »3«]  made at contractions.ts[a]
  input 1  b: float32[»2«, 4]  made at contractions.ts[b]
at contractions.ts[tensordot]
fix: axes with one letter have one size`,
      broken(g) {
        const a = g.placeholder("a", [2, 3]); // [a]
        const b = g.placeholder("b", [2, 4]); // [b]
        return tensordot(a, b, 1); // [tensordot]
      },
      fixed(g) {
        const a = g.placeholder("a", [2, 3]);
        const b = g.placeholder("b", [2, 4]);
        return [tensordot(a, b, [0, 0]), { a: zeros(2, 3), b: zeros(2, 4) }];
      },
    },
  ],
};
