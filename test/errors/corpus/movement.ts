/** Ops that move elements, reduce axes or index them. */
import {
  argmax,
  concat,
  expandDims,
  gather,
  logSoftmax,
  mean,
  NDArray,
  oneHot,
  pad,
  reshape,
  slice,
  softmax,
  split,
  squeeze,
  stack,
  sum,
  tile,
  topK,
  transpose,
  unstack,
} from "../../../src/index.ts";
import type { Corpus } from "../entry.ts";

const zeros = (...shape: number[]) => NDArray.of(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });

export const movement: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "concat: another axis differs",
      text: `concat: axis 1 differs: 8 against 16
  input 0  a: float32[batch, »8«]   made at movement.ts[a]
  input 1  b: float32[batch, »16«]  made at movement.ts[b]
at movement.ts[concat]
fix: all sizes but the one along axis 0 must be equal`,
      broken(g) {
        const a = g.placeholder("a", ["batch", 8]); // [a]
        const b = g.placeholder("b", ["batch", 16]); // [b]
        return concat([a, b], 0); // [concat]
      },
      fixed(g) {
        const a = g.placeholder("a", ["batch", 8]);
        const b = g.placeholder("b", ["batch", 16]);
        return [concat([a, b], 1), { a: zeros(2, 8), b: zeros(2, 16) }];
      },
    },
    {
      name: "concat: ranks differ",
      text: `concat: input 1 has rank 1, input 0 has rank 2
  input 0  a: float32[2, 3]  made at movement.ts[a]
  input 1  row: float32[3]   made at movement.ts[row]
at movement.ts[concat]
fix: all inputs need one rank; expandDims adds an axis, stack joins along a new one`,
      noAxis: "the rank is at fault",
      broken(g) {
        const a = g.placeholder("a", [2, 3]); // [a]
        const row = g.placeholder("row", [3]); // [row]
        return concat([a, row]); // [concat]
      },
      fixed(g) {
        const a = g.placeholder("a", [2, 3]);
        const row = g.placeholder("row", [3]);
        return [concat([a, expandDims(row, 0)]), { a: zeros(2, 3), row: [1, 2, 3] }];
      },
    },
    {
      name: "concat: the branch at fault among many",
      text: `concat: axis 1 differs: 14 against 7
  input 0  branch0: float32[batch, »14«, 4]  made at movement.ts[branches]
  input 1  branch1: float32[batch, 14, 4]    made at movement.ts[branches]
  input 2  branch2: float32[batch, 14, 4]    made at movement.ts[branches]
  input 3  branch3: float32[batch, 14, 4]    made at movement.ts[branches]
  input 6  branch6: float32[batch, »7«, 4]   made at movement.ts[branches]
  … and 2 more
at movement.ts[concat]
fix: all sizes but the one along axis 2 must be equal`,
      broken(g) {
        const sizes = [14, 14, 14, 14, 14, 14, 7];
        const branches = sizes.map((n, i) => g.placeholder(`branch${i}`, ["batch", n, 4])); // [branches]
        return concat(branches, 2); // [concat]
      },
      fixed(g) {
        const branches = [14, 14].map((n) => g.constant(0, { shape: [2, n, 4], dtype: "float32" }));
        return [concat(branches, 2)];
      },
    },
    {
      name: "concat: named sizes, found when they are fed",
      text: `concat "both": axis 0 differs: batch against rows
  input 0  a: float32[»batch«, 2]  made at movement.ts[a]
  input 1  b: float32[»rows«, 3]   made at movement.ts[b]
  batch is 4: axis 0 of "a", fed [4, 2] at movement.ts[run]
  rows is 5: axis 0 of "b", fed [5, 3] at movement.ts[run]
at movement.ts[both]
fix: feed equal sizes, or name both "batch", so that feeds are checked against each other`,
      broken(g, session) {
        const a = g.placeholder("a", ["batch", 2]); // [a]
        const b = g.placeholder("b", ["rows", 3]); // [b]
        const both = concat([a, b], 1, { name: "both" }); // [both]
        return session.run(both, { a: zeros(4, 2), b: zeros(5, 3) }); // [run]
      },
      fixed(g) {
        const a = g.placeholder("a", ["batch", 2]);
        const b = g.placeholder("b", ["batch", 3]);
        return [concat([a, b], 1), { a: zeros(4, 2), b: zeros(4, 3) }];
      },
    },
    {
      name: "concat: an axis that does not exist",
      text: `concat: axis 2 does not exist in rank 2
  input 0  a: float32[2, 3]  made at movement.ts[a]
  input 1  a: float32[2, 3]  made at movement.ts[a]
at movement.ts[concat]
fix: axes run from -2 to 1`,
      noAxis: "the axis asked for is at fault",
      broken(g) {
        const a = g.placeholder("a", [2, 3]); // [a]
        return concat([a, a], 2); // [concat]
      },
      fixed(g) {
        const a = g.placeholder("a", [2, 3]);
        return [concat([a, a], 1), { a: zeros(2, 3) }];
      },
    },
    {
      name: "concat: nothing",
      text: `concat: the list is empty
at movement.ts[concat]
fix: give at least one tensor`,
      broken: () => concat([]), // [concat]
      fixed: (g) => [concat([g.constant([1])])],
    },
    {
      name: "stack: shapes differ",
      text: `concat: axis 1 differs: 3 against 4
  input 0  expandDims: float32[1, »3«]    from "a", made at movement.ts[a]
  input 1  expandDims_1: float32[1, »4«]  from "b", made at movement.ts[b]
at movement.ts[stack]
fix: all sizes but the one along axis 0 must be equal`,
      broken(g) {
        const a = g.placeholder("a", [3]); // [a]
        const b = g.placeholder("b", [4]); // [b]
        return stack([a, b]); // [stack]
      },
      fixed(g) {
        const a = g.placeholder("a", [3]);
        const b = g.placeholder("b", [3]);
        return [stack([a, b]), { a: [1, 2, 3], b: [4, 5, 6] }];
      },
    },
    {
      name: "split: not in equal parts",
      text: `split: size 10 of axis 0 does not divide into 3
at movement.ts[split]
fix: give a list of sizes`,
      broken(g) {
        const x = g.placeholder("x", [10, 2]); // [x]
        return split(x, 3); // [split]
      },
      fixed(g) {
        const x = g.placeholder("x", [10, 2]);
        return [[...split(x, [4, 3, 3])], { x: zeros(10, 2) }];
      },
    },
    {
      name: "unstack: a size that is not known",
      text: `unstack: size batch of axis 0 is not a number
at movement.ts[unstack]
fix: gather one slice at a time`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 2]); // [x]
        return unstack(x); // [unstack]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 2]);
        return [gather(x, g.constant(0)), { x: zeros(3, 2) }];
      },
    },
    {
      name: "reshape: other elements",
      text: `reshape: [2, 3] has 6 elements, [4, 2] has 8
  x  x: float32[»2«, »3«]  made at movement.ts[x]
at movement.ts[reshape]
fix: the number of elements must stay the same; one size may be -1 to be worked out`,
      broken(g) {
        const x = g.placeholder("x", [2, 3]); // [x]
        return x.reshape([4, 2]); // [reshape]
      },
      fixed(g) {
        const x = g.placeholder("x", [2, 3]);
        return [x.reshape([3, 2]), { x: zeros(2, 3) }];
      },
    },
    {
      name: "reshape: a batch lost",
      text: `reshape "rows": [batch, 28, 28] has 784*batch elements, [batch, 100] has 100*batch
  x  x: float32[»batch«, »28«, »28«]  made at movement.ts[x]
  784*batch is 1568
  100*batch is 200
  batch is 2: axis 0 of "x", fed [2, 28, 28] at movement.ts[run]
at movement.ts[rows]
fix: the number of elements must stay the same; one size may be -1 to be worked out`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 28, 28]); // [x]
        const rows = reshape(x, ["batch", 100], { name: "rows" }); // [rows]
        return session.run(rows, { x: zeros(2, 28, 28) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 28, 28]);
        return [reshape(x, ["batch", 784]), { x: zeros(2, 28, 28) }];
      },
    },
    {
      name: "reshape: -1 does not come out even",
      text: `reshape: 24 elements of [4, 6] do not divide into [5, -1]
  x  x: float32[»4«, »6«]  made at movement.ts[x]
at movement.ts[reshape]
fix: the sizes given must divide the number of elements`,
      broken(g) {
        const x = g.placeholder("x", [4, 6]); // [x]
        return x.reshape([5, -1]); // [reshape]
      },
      fixed(g) {
        const x = g.placeholder("x", [4, 6]);
        return [x.reshape([8, -1]), { x: zeros(4, 6) }];
      },
    },
    {
      name: "reshape: -1 twice",
      text: `reshape: only one size of [-1, -1] may be -1
  x  x: float32[4, 6]  made at movement.ts[x]
at movement.ts[reshape]
fix: one size can be worked out; give the others`,
      noAxis: "the wish is at fault",
      broken(g) {
        const x = g.placeholder("x", [4, 6]); // [x]
        return x.reshape([-1, -1]); // [reshape]
      },
      fixed(g) {
        const x = g.placeholder("x", [4, 6]);
        return [x.reshape([-1, 3]), { x: zeros(4, 6) }];
      },
    },
    {
      name: "reshape: found when the batch is fed",
      text: `reshape "rows": [batch, 3] has 3*batch elements, [2, 6] has 12
  x  x: float32[»batch«, »3«]  made at movement.ts[x]
  3*batch is 15
  batch is 5: axis 0 of "x", fed [5, 3] at movement.ts[run]
at movement.ts[rows]
fix: feed sizes for which 3*batch = 12`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const rows = reshape(x, [2, 6], { name: "rows" }); // [rows]
        return session.run(rows, { x: zeros(5, 3) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [reshape(x, [2, 6]), { x: zeros(4, 3) }];
      },
    },
    {
      name: "transpose: not a permutation",
      text: `transpose: [0, 2] is not a permutation of the axes of rank 3
  x  x: float32[2, 3, 4]  made at movement.ts[x]
at movement.ts[transpose]
fix: name each axis from 0 to 2 once`,
      noAxis: "the permutation is at fault",
      broken(g) {
        const x = g.placeholder("x", [2, 3, 4]); // [x]
        return transpose(x, [0, 2]); // [transpose]
      },
      fixed(g) {
        const x = g.placeholder("x", [2, 3, 4]);
        return [transpose(x, [0, 2, 1]), { x: zeros(2, 3, 4) }];
      },
    },
    {
      name: "squeeze: an axis that is not 1",
      text: `squeeze: axis 1 has size 3, not 1
  x  x: float32[batch, »3«]  made at movement.ts[x]
at movement.ts[squeeze]
fix: only axes of size 1 can be removed; reduce the others, or reshape`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        return squeeze(x, 1); // [squeeze]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [sum(x, { axis: 1 }), { x: zeros(2, 3) }];
      },
    },
    {
      name: "expandDims: too far",
      text: `expandDims: axis 3 does not exist in rank 2
  x  x: float32[3]  made at movement.ts[x]
at movement.ts[expandDims]
fix: axes run from -2 to 1`,
      noAxis: "the axis asked for is at fault",
      broken(g) {
        const x = g.placeholder("x", [3]); // [x]
        return expandDims(x, 3); // [expandDims]
      },
      fixed(g) {
        const x = g.placeholder("x", [3]);
        return [expandDims(x, 1), { x: [1, 2, 3] }];
      },
    },
    {
      name: "tile: one number for two axes",
      text: `tile: 1 multiples for rank 2
  x  x: float32[2, 3]  made at movement.ts[x]
at movement.ts[tile]
fix: give one for each axis`,
      noAxis: "the multiples are at fault",
      broken(g) {
        const x = g.placeholder("x", [2, 3]); // [x]
        return tile(x, [2]); // [tile]
      },
      fixed(g) {
        const x = g.placeholder("x", [2, 3]);
        return [tile(x, [2, 1]), { x: zeros(2, 3) }];
      },
    },
    {
      name: "sum: an axis that does not exist",
      text: `sum: axis 2 does not exist in rank 2
  x  x: float32[batch, 3]  made at movement.ts[x]
at movement.ts[sum]
fix: axes run from -2 to 1`,
      noAxis: "the axis asked for is at fault",
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        return x.sum({ axis: 2 }); // [sum]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [x.sum({ axis: 1 }), { x: zeros(2, 3) }];
      },
    },
    {
      name: "mean: an axis named twice",
      text: `mean: axis 1 is named twice in [1, -1]
  x  x: float32[batch, »3«]  made at movement.ts[x]
at movement.ts[mean]
fix: name each axis once; negative ones count from the end`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        return mean(x, { axis: [1, -1] }); // [mean]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [mean(x, { axis: [0, 1] }), { x: zeros(2, 3) }];
      },
    },
    {
      name: "argmax: of a scalar",
      text: `argmax: axis 0 does not exist in rank 0
  x  x: float32[]  made at movement.ts[x]
at movement.ts[argmax]
fix: a scalar has no axes; reshape(x, [1]) gives it one`,
      noAxis: "the rank is at fault",
      broken(g) {
        const x = g.placeholder("x", []); // [x]
        return argmax(x, 0); // [argmax]
      },
      fixed(g) {
        const x = g.placeholder("x", [3]);
        return [argmax(x, 0), { x: [1, 3, 2] }];
      },
    },
    {
      name: "argmax: of nothing",
      text: `argmax: axis 0 is empty
  x  x: float32[»0«, 3]  made at movement.ts[x]
at movement.ts[argmax]
fix: give the axis at least one element`,
      broken(g) {
        const x = g.placeholder("x", [0, 3]); // [x]
        return argmax(x, 0); // [argmax]
      },
      fixed(g) {
        const x = g.placeholder("x", [2, 3]);
        return [argmax(x, 0), { x: zeros(2, 3) }];
      },
    },
    {
      name: "softmax: an axis that does not exist",
      text: `softmax: axis 2 does not exist in rank 2
  x  scores: float32[batch, 10]  made at movement.ts[scores]
at movement.ts[softmax]
fix: axes run from -2 to 1`,
      noAxis: "the axis asked for is at fault",
      broken(g) {
        const scores = g.placeholder("scores", ["batch", 10]); // [scores]
        return softmax(scores, { axis: 2 }); // [softmax]
      },
      fixed(g) {
        const scores = g.placeholder("scores", ["batch", 10]);
        return [softmax(scores, { axis: 1 }), { scores: zeros(2, 10) }];
      },
    },
    {
      name: "logSoftmax: of a scalar",
      text: `logSoftmax: axis -1 does not exist in rank 0
  x  score: float32[]  made at movement.ts[score]
at movement.ts[logSoftmax]
fix: a scalar has no axes; reshape(x, [1]) gives it one`,
      noAxis: "the rank is at fault",
      broken(g) {
        const score = g.placeholder("score", []); // [score]
        return logSoftmax(score); // [logSoftmax]
      },
      fixed(g) {
        const scores = g.placeholder("scores", [2]);
        return [logSoftmax(scores), { scores: [1, 2] }];
      },
    },
    {
      name: "slice: outside",
      text: `slice: axis 1: 4 from 8 on is not inside size 10
  x  x: float32[batch, »10«]  made at movement.ts[x]
at movement.ts[slice]
fix: begin and begin + size must lie between 0 and the size of the axis; -1 means to the end`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 10]); // [x]
        return slice(x, [0, 8], [-1, 4]); // [slice]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 10]);
        return [slice(x, [0, 6], [-1, 4]), { x: zeros(2, 10) }];
      },
    },
    {
      name: "slice: found when the batch is fed",
      text: `slice: axis 0: 8 from 0 on is not inside size 4
  x  x: float32[»4«, 3]  made at movement.ts[x]
  "x" was fed [4, 3] at movement.ts[run]
at movement.ts[head]
fix: begin and begin + size must lie between 0 and the size of the axis; -1 means to the end`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const head = slice(x, [0, 0], [8, 3], { name: "head" }); // [head]
        return session.run(head, { x: zeros(4, 3) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [slice(x, [0, 0], [4, 3]), { x: zeros(4, 3) }];
      },
    },
    {
      name: "slice: one begin for two axes",
      text: `slice: 1 begins and 1 sizes for rank 2
  x  x: float32[2, 3]  made at movement.ts[x]
at movement.ts[slice]
fix: give one for each axis`,
      noAxis: "the box is at fault",
      broken(g) {
        const x = g.placeholder("x", [2, 3]); // [x]
        return slice(x, [1], [1]); // [slice]
      },
      fixed(g) {
        const x = g.placeholder("x", [2, 3]);
        return [slice(x, [1, 0], [1, -1]), { x: zeros(2, 3) }];
      },
    },
    {
      name: "pad: a pair is missing",
      text: `pad: 1 paddings for rank 2
  x  x: float32[2, 3]  made at movement.ts[x]
at movement.ts[pad]
fix: give [before, after] for each axis`,
      noAxis: "the paddings are at fault",
      broken(g) {
        const x = g.placeholder("x", [2, 3]); // [x]
        return pad(x, [[1, 1]]); // [pad]
      },
      fixed(g) {
        const x = g.placeholder("x", [2, 3]);
        return [
          pad(x, [
            [1, 1],
            [0, 0],
          ]),
          { x: zeros(2, 3) },
        ];
      },
    },
    {
      name: "pad: by less than nothing",
      text: `pad: axis 0 is padded by -1
  x  x: float32[»5«]  made at movement.ts[x]
at movement.ts[pad]
fix: paddings are 0 or more; use slice to take elements away`,
      broken(g) {
        const x = g.placeholder("x", [5]); // [x]
        return pad(x, [[-1, 0]]); // [pad]
      },
      fixed(g) {
        const x = g.placeholder("x", [5]);
        return [slice(x, [1], [-1]), { x: [1, 2, 3, 4, 5] }];
      },
    },
    {
      name: "gather: an axis that does not exist",
      text: `gather: axis 2 does not exist in rank 2
  x        table: float32[100, 8]  made at movement.ts[table]
  indices  words: int32[batch]     made at movement.ts[words]
at movement.ts[gather]
fix: axes run from -2 to 1`,
      noAxis: "the axis asked for is at fault",
      broken(g) {
        const table = g.variable("table", [100, 8]); // [table]
        const words = g.placeholder("words", ["batch"], { dtype: "int32" }); // [words]
        return gather(table, words, 2); // [gather]
      },
      fixed(g) {
        const table = g.variable("table", [100, 8]);
        const words = g.placeholder("words", ["batch"], { dtype: "int32" });
        return [gather(table, words, 0), { words: [1, 2] }];
      },
    },
    {
      name: "gather: indices that are no whole numbers",
      text: `gather: indices are float32, not int32
  x        table: float32[100, 8]  made at movement.ts[table]
  indices  words: float32[batch]   made at movement.ts[words]
at movement.ts[gather]
fix: convert them: cast(indices, "int32")`,
      broken(g) {
        const table = g.variable("table", [100, 8]); // [table]
        const words = g.placeholder("words", ["batch"]); // [words]
        return gather(table, words); // [gather]
      },
      fixed(g) {
        const table = g.variable("table", [100, 8]);
        const words = g.placeholder("words", ["batch"]);
        return [gather(table, words.cast("int32")), { words: [1, 2] }];
      },
    },
    {
      name: "oneHot: of floating point",
      text: `oneHot: indices are float32, not int32
  indices  labels: float32[batch]  made at movement.ts[labels]
at movement.ts[oneHot]
fix: convert them: cast(indices, "int32")`,
      broken(g) {
        const labels = g.placeholder("labels", ["batch"]); // [labels]
        return oneHot(labels, 10); // [oneHot]
      },
      fixed(g) {
        const labels = g.placeholder("labels", ["batch"], { dtype: "int32" });
        return [oneHot(labels, 10), { labels: [1, 2] }];
      },
    },
    {
      name: "topK: more than there are",
      text: `topKIndices: 5 elements out of 3
  x  scores: float32[batch, »3«]  made at movement.ts[scores]
at movement.ts[topK]
fix: k is at most the size of the last axis`,
      broken(g) {
        const scores = g.placeholder("scores", ["batch", 3]); // [scores]
        return topK(scores, 5); // [topK]
      },
      fixed(g) {
        const scores = g.placeholder("scores", ["batch", 3]);
        return [[...Object.values(topK(scores, 3))], { scores: zeros(2, 3) }];
      },
    },
  ],
};
