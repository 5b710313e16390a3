/** Two operands that broadcast, and named sizes that do not go together. */
import {
  add,
  addN,
  broadcastTo,
  concat,
  div,
  expandDims,
  maximum,
  mul,
  NDArray,
  reshape,
  sub,
  where,
} from "../../../src/index.ts";
import type { Corpus } from "../entry.ts";

const rows = (...shape: [number, number]) => NDArray.of(new Float32Array(shape[0] * shape[1]), { shape });

export const broadcasting: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "add: last axes differ",
      text: `add: cannot broadcast 10 with 12
  left   x: float32[batch, »10«]  made at broadcasting.ts[x]
  right  b: float32[»12«]         made at broadcasting.ts[b]
at broadcasting.ts[add]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 10]); // [x]
        const b = g.variable("b", [12]); // [b]
        return add(x, b); // [add]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 10]);
        const b = g.variable("b", [10]);
        return [add(x, b), { x: rows(2, 10) }];
      },
    },
    {
      name: "sub: a column where a row was meant",
      text: `sub: cannot broadcast 2 with 3
  left   constant: int32[»2«, 2]    made at broadcasting.ts[x]
  right  constant_1: int32[»3«, 1]  made at broadcasting.ts[m]
at broadcasting.ts[sub]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.constant([1, 2, 3, 4], { shape: [2, 2] }); // [x]
        const m = g.constant([1, 2, 3], { shape: [3, 1] }); // [m]
        return x.sub(m); // [sub]
      },
      fixed(g) {
        const x = g.constant([1, 2, 3, 4], { shape: [2, 2] });
        const m = g.constant([1, 2], { shape: [2, 1] });
        return [x.sub(m)];
      },
    },
    {
      name: "mul: a list of another length",
      text: `mul: cannot broadcast 3 with 2
  left   x: float32[batch, »3«]  made at broadcasting.ts[x]
  right  constant: float32[»2«]  made at broadcasting.ts[mul]
at broadcasting.ts[mul]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        return mul(x, [1, 2]); // [mul]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        return [mul(x, [1, 2, 3]), { x: rows(2, 3) }];
      },
    },
    {
      name: "div: batch against batch + 1",
      text: `div: cannot broadcast batch with batch + 1
  left   x: float32[»batch«, 3]           made at broadcasting.ts[x]
  right  concat: float32[»batch + 1«, 3]  made at broadcasting.ts[longer]
  batch + 1 comes from concat "concat"
at broadcasting.ts[div]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const first = g.constant(1, { shape: [1, 3], dtype: "float32" }); // [first]
        const longer = concat([x, first]); // [longer]
        return div(x, longer); // [div]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const first = g.constant(1, { shape: [1, 3], dtype: "float32" });
        const longer = concat([x, first]);
        return [div(concat([x, first]), longer), { x: rows(2, 3) }];
      },
    },
    {
      name: "add: where 2*batch + 1 comes from",
      text: `add: cannot broadcast 2*batch + 1 with 2*batch
  left   relu: float32[»2*batch + 1«, 3]  made at broadcasting.ts[add]
  right  relu_1: float32[»2*batch«, 3]    made at broadcasting.ts[add]
  2*batch + 1 comes from concat "joined" at broadcasting.ts[joined]
  2*batch comes from concat "doubled" at broadcasting.ts[doubled]
  batch is axis 0 of "x", made at broadcasting.ts[x]
at broadcasting.ts[add]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const one = g.constant(1, { shape: [1, 3], dtype: "float32" });
        const longer = concat([x, x, one], 0, { name: "joined" }); // [joined]
        const doubled = concat([x, x], 0, { name: "doubled" }); // [doubled]
        return add(longer.relu(), doubled.relu()); // [add]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const longer = concat([x, x]);
        const doubled = concat([x, x]);
        return [add(longer.relu(), doubled.relu()), { x: rows(2, 3) }];
      },
    },
    {
      name: "add: two names that are fed different sizes",
      text: `add "total": cannot broadcast batch with rows
  left   x: float32[»batch«, 3]  made at broadcasting.ts[x]
  right  y: float32[»rows«, 3]   made at broadcasting.ts[y]
  batch is 2: axis 0 of "x", fed [2, 3] at broadcasting.ts[run]
  rows is 4: axis 0 of "y", fed [4, 3] at broadcasting.ts[run]
at broadcasting.ts[total]
fix: feed equal sizes, or name both "batch", so that feeds are checked against each other`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const y = g.placeholder("y", ["rows", 3]); // [y]
        const total = add(x, y, { name: "total" }); // [total]
        return session.run(total, { x: rows(2, 3), y: rows(4, 3) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const y = g.placeholder("y", ["batch", 3]);
        return [add(x, y), { x: rows(2, 3), y: rows(2, 3) }];
      },
    },
    {
      name: "mul: a named size does not broadcast, even when 1 is fed",
      text: `mul "y": cannot broadcast batch with rows
  left   x: float32[»batch«, 3]     made at broadcasting.ts[x]
  right  scale: float32[»rows«, 3]  made at broadcasting.ts[scale]
  batch is 2: axis 0 of "x", fed [2, 3] at broadcasting.ts[run]
  rows is 1: axis 0 of "scale", fed [1, 3] at broadcasting.ts[run]
at broadcasting.ts[y]
fix: feed equal sizes, or name both "batch", so that feeds are checked against each other; only a literal 1 broadcasts, not a named size that is 1`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const scale = g.placeholder("scale", ["rows", 3]); // [scale]
        const y = mul(x, scale, { name: "y" }); // [y]
        return session.run(y, { x: rows(2, 3), scale: rows(1, 3) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const scale = g.placeholder("scale", [1, 3]);
        return [mul(x, scale), { x: rows(2, 3), scale: rows(1, 3) }];
      },
    },
    {
      name: "add: a name against a number",
      text: `add "shifted": cannot broadcast features with 3
  left   x: float32[batch, »features«]  made at broadcasting.ts[x]
  right  b: float32[»3«]                made at broadcasting.ts[b]
  features is 4: axis 1 of "x", fed [2, 4] at broadcasting.ts[run]
at broadcasting.ts[shifted]
fix: feed sizes for which features = 3`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", "features"]); // [x]
        const b = g.constant([1, 2, 3], { dtype: "float32", name: "b" }); // [b]
        const shifted = add(x, b, { name: "shifted" }); // [shifted]
        return session.run(shifted, { x: rows(2, 4) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", "features"]);
        const b = g.constant([1, 2, 3], { dtype: "float32" });
        return [add(x, b), { x: rows(2, 3) }];
      },
    },
    {
      name: "sub: sizes nobody named",
      text: `sub "error": cannot broadcast ? with ?
  left   p: float32[»?«]  made at broadcasting.ts[p]
  right  t: float32[»?«]  made at broadcasting.ts[t]
  ? is 2: axis 0 of "p", fed [2] at broadcasting.ts[run]
  ? is 3: axis 0 of "t", fed [3] at broadcasting.ts[run]
at broadcasting.ts[error]
fix: feed sizes that agree, or give both one name, "batch" instead of null`,
      broken(g, session) {
        const p = g.placeholder("p", [null]); // [p]
        const t = g.placeholder("t", [null]); // [t]
        const error = sub(p, t, { name: "error" }); // [error]
        return session.run(error, { p: [1, 2], t: [1, 2, 3] }); // [run]
      },
      fixed(g) {
        const p = g.placeholder("p", [null]);
        const t = g.placeholder("t", [null]);
        return [sub(p, t), { p: [1, 2, 3], t: [1, 2, 3] }];
      },
    },
    {
      name: "add: a size made from a fed one",
      text: `add "total": cannot broadcast 2*batch with rows
  left   both: float32[»2*batch«, 3]  made at broadcasting.ts[both]
  right  y: float32[»rows«, 3]        made at broadcasting.ts[y]
  2*batch comes from concat "both"
  2*batch is 4
  batch is 2: axis 0 of "x", fed [2, 3] at broadcasting.ts[run]
  rows is 5: axis 0 of "y", fed [5, 3] at broadcasting.ts[run]
at broadcasting.ts[total]
fix: feed sizes for which 2*batch = rows`,
      broken(g, session) {
        const x = g.placeholder("x", ["batch", 3]); // [x]
        const y = g.placeholder("y", ["rows", 3]); // [y]
        const both = concat([x, x], 0, { name: "both" }); // [both]
        const total = add(both, y, { name: "total" }); // [total]
        return session.run(total, { x: rows(2, 3), y: rows(5, 3) }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 3]);
        const y = g.placeholder("y", ["rows", 3]);
        const both = concat([x, x]);
        return [add(both, y), { x: rows(2, 3), y: rows(4, 3) }];
      },
    },
    {
      name: "add: an operand of unknown rank, found when it is fed",
      text: `add: cannot broadcast 3 with 4
  left   x: float32[1, »3«]  made at broadcasting.ts[x]
  right  b: float32[»4«]     made at broadcasting.ts[b]
  "x" was fed [1, 3] at broadcasting.ts[run]
at broadcasting.ts[y]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g, session) {
        const x = g.placeholder("x", null); // [x]
        const b = g.variable("b", [4]); // [b]
        const y = add(x, b, { name: "y" }); // [y]
        session.run(g.initializer);
        return session.run(y, { x: [[1, 2, 3]] }); // [run]
      },
      fixed(g) {
        const x = g.placeholder("x", null);
        const b = g.variable("b", [4]);
        return [add(x, b), { x: [[1, 2, 3, 4]] }];
      },
    },
    {
      name: "maximum: shapes are aligned at their last axis",
      text: `maximum: cannot broadcast 3 with 4
  left   x: float32[4, »3«]   made at broadcasting.ts[x]
  right  limit: float32[»4«]  made at broadcasting.ts[limit]
at broadcasting.ts[maximum]
fix: shapes are aligned at their last axis; for one value per row use expandDims(x, -1), [4, 1]`,
      broken(g) {
        const x = g.placeholder("x", [4, 3]); // [x]
        const limit = g.placeholder("limit", [4]); // [limit]
        return maximum(x, limit); // [maximum]
      },
      fixed(g) {
        const x = g.placeholder("x", [4, 3]);
        const limit = g.placeholder("limit", [4, 1]);
        return [maximum(x, limit), { x: rows(4, 3), limit: rows(4, 1) }];
      },
    },
    {
      name: "where: the choices differ",
      text: `where: cannot broadcast 3 with 4
  condition  greater: bool[2, 3]     made at broadcasting.ts[where]
  yes        x: float32[2, »3«]      made at broadcasting.ts[x]
  no         other: float32[2, »4«]  made at broadcasting.ts[other]
at broadcasting.ts[where]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.placeholder("x", [2, 3]); // [x]
        const other = g.placeholder("other", [2, 4]); // [other]
        return where(x.greater(0), x, other); // [where]
      },
      fixed(g) {
        const x = g.placeholder("x", [2, 3]);
        const other = g.placeholder("other", [2, 3]);
        return [where(x.greater(0), x, other), { x: rows(2, 3), other: rows(2, 3) }];
      },
    },
    {
      name: "where: the condition differs",
      text: `where: cannot broadcast 5 with 3
  condition  mask: bool[»5«]      made at broadcasting.ts[mask]
  yes        x: float32[2, »3«]   made at broadcasting.ts[x]
  no         constant: float32[]  made at broadcasting.ts[where]
at broadcasting.ts[where]
fix: sizes must be equal, or one of them 1; shapes are aligned at their last axis`,
      broken(g) {
        const mask = g.placeholder("mask", [5], { dtype: "bool" }); // [mask]
        const x = g.placeholder("x", [2, 3]); // [x]
        return where(mask, x, 0); // [where]
      },
      fixed(g) {
        const mask = g.placeholder("mask", [3], { dtype: "bool" });
        const x = g.placeholder("x", [2, 3]);
        return [where(mask, x, 0), { mask: [true, false, true], x: rows(2, 3) }];
      },
    },
    {
      name: "addN: one of many differs",
      text: `addN: axis 0 differs: 3 against 2
  input 0  part0: float32[»3«]  made at broadcasting.ts[parts]
  input 1  part1: float32[3]    made at broadcasting.ts[parts]
  input 2  part2: float32[3]    made at broadcasting.ts[parts]
  input 3  part3: float32[3]    made at broadcasting.ts[parts]
  input 6  part6: float32[»2«]  made at broadcasting.ts[parts]
  … and 3 more
at broadcasting.ts[addN]
fix: all shapes must be equal; add broadcasts`,
      broken(g) {
        const parts = [3, 3, 3, 3, 3, 3, 2, 3].map((n, i) => g.placeholder(`part${i}`, [n])); // [parts]
        return addN(parts); // [addN]
      },
      fixed(g) {
        const parts = [3, 3, 3].map((n) => g.constant([1, 2, 3], { shape: [n] }));
        return [addN(parts)];
      },
    },
    {
      name: "broadcastTo: a size that is not 1",
      text: `broadcastTo: cannot broadcast 3 to 4
  x  x: float32[»3«]  made at broadcasting.ts[x]
at broadcasting.ts[broadcastTo]
fix: sizes must be equal, or the operand's 1; shapes are aligned at their last axis`,
      broken(g) {
        const x = g.variable("x", [3]); // [x]
        return broadcastTo(x, [3, 4]); // [broadcastTo]
      },
      fixed(g) {
        const x = g.variable("x", [3]);
        return [broadcastTo(expandDims(x, 1), [3, 4])];
      },
    },
    {
      name: "broadcastTo: to a lower rank",
      text: `broadcastTo: rank 2 does not broadcast to the lower rank 1
  x  x: float32[1, 3]  made at broadcasting.ts[x]
at broadcasting.ts[broadcastTo]
fix: broadcasting adds axes in front; squeeze or reduce those that are too many`,
      noAxis: "the rank is at fault",
      broken(g) {
        const x = g.variable("x", [1, 3]); // [x]
        return broadcastTo(x, [3]); // [broadcastTo]
      },
      fixed(g) {
        const x = g.variable("x", [1, 3]);
        return [reshape(x, [3])];
      },
    },
  ],
};
