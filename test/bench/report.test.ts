import { describe, expect, test } from "vitest";
import { COMPARISONS, minimumOf, ROWS, type Row, selectRows, WORKLOADS } from "./goals.ts";
import { columns } from "./profiling.ts";
import { cells, compare, compareWithLimit, disagreement, number, statistics, textTable, verdict } from "./report.ts";
import { fullTable, replaceBlock, shortTable } from "./write-docs.ts";

const rowOf = (workload: string, peer: string, variant = ""): Row =>
  ROWS.find((row) => row.workload === workload && row.peer === peer && row.variant === variant)!;

describe("the rows", () => {
  test("are told apart by workload, variant, threads and peer", () => {
    const keys = ROWS.map(({ workload, variant, threads, peer }) => [workload, variant, threads, peer].join("|"));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("aim at no less than they must reach; against a limit that is 1", () => {
    for (const { must, aim, peer } of ROWS) {
      expect(aim).toBeGreaterThanOrEqual(must);
      if (peer === "limit") expect(must).toBe(1);
    }
  });

  test("cover the goals", () => {
    expect(WORKLOADS).toHaveLength(20);
  });

  test("are chosen by name and threads", () => {
    expect(selectRows(["matmul"], 2).map(({ variant, peer }) => `${variant} ${peer}`)).toEqual([
      "256 forerun 1T",
      "512 forerun 1T",
      "1024 forerun 1T",
    ]);
    expect(selectRows([])).toEqual(ROWS);
    expect(() => selectRows(["matmull"])).toThrow("no workload is called matmull");
  });
});

describe("the rows of threads", () => {
  test("are two for each comparison, with two threads on the other side", () => {
    const rows = selectRows(["threads"], 2);
    expect(rows).toHaveLength(2 * COMPARISONS.length);
    expect(rows.slice(0, 2).map(({ variant }) => variant)).toEqual(["4 ÷ 2 threads, minimum", "4 ÷ 2 threads, median"]);
    expect(selectRows(["threads"], 1)).toEqual([]);
  });

  test("are kept if ours takes at most so many times as long", () => {
    const row = rowOf("threads", "limit", minimumOf("8 ÷ 2 threads"));
    expect(verdict(compareWithLimit(row, [1.29]).ratio, row)).toBe("met");
    expect(verdict(compareWithLimit(row, [1.31]).ratio, row)).toBe("missed");
  });
});

describe("columns of a profile", () => {
  test("words stand to the left, numbers to the right", () => {
    expect(
      columns(
        [
          ["phase", "work", "µs"],
          ["0", "serial", "12.5"],
        ],
        [1],
      ),
    ).toBe("phase  work      µs\n    0  serial  12.5");
  });
});

describe("statistics", () => {
  test("are the minimum and the median, in any order of the times", () => {
    expect(statistics([5, 1, 3])).toEqual({ min_ms: 1, median_ms: 3 });
    expect(statistics([4, 2, 8, 6])).toEqual({ min_ms: 2, median_ms: 5 });
    expect(() => statistics([])).toThrow("nothing was measured");
  });
});

describe("ratios", () => {
  const both = (ours: number, theirs: number, row: Row) =>
    compare(row, { min_ms: ours, median_ms: 2 * ours }, { min_ms: theirs, median_ms: theirs }, "4.22.0");

  test("are minimum of the peer over minimum of ours", () => {
    expect(both(2, 5, rowOf("mlp-train-b32", "tfjs-wasm"))).toEqual({
      workload: "mlp-train-b32",
      variant: "",
      threads: 1,
      ours: { min_ms: 2, median_ms: 4 },
      peer: "tfjs-wasm",
      peer_version: "4.22.0",
      peers: { min_ms: 5, median_ms: 5 },
      ratio: 2.5,
      goal: 12,
    });
  });

  test("against a limit are above 1 when it is kept, and the goal is 1", () => {
    const start = rowOf("start", "limit");
    expect(compareWithLimit(start, [180, 160])).toMatchObject({ ratio: 1.25, goal: 1, peers: { min_ms: 200 } });
    expect(compareWithLimit(start, [400]).ratio).toBe(0.5);
  });

  test("have a verdict", () => {
    const goals = { must: 3.3, aim: 4 };
    expect([3.29, 3.3, 3.99, 4, Number.NaN].map((ratio) => verdict(ratio, goals))).toEqual([
      "missed",
      "met",
      "met",
      "aim",
      "missed",
    ]);
    expect(verdict(2, { must: 1, aim: 1 })).toBe("met");
  });

  test("an aim against a limit is the limit over the aim; of a share the other way round", () => {
    expect(rowOf("start", "limit").aim).toBeCloseTo(200 / 150);
    expect(rowOf("matmul", "limit", "512").aim).toBeCloseTo(0.85 / 0.78);
  });
});

describe("disagreement", () => {
  test("is the largest difference as a share of the largest number", () => {
    expect(disagreement([1, -4, 0], [1, -4, 0.02])).toBeCloseTo(0.005);
    expect(disagreement([], [])).toBe(0);
  });

  test("is infinite where there is nothing to compare, or no number", () => {
    expect(disagreement([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
    expect(disagreement([Number.NaN], [1])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("tables", () => {
  const row = rowOf("chain-1m", "tfjs-wasm");
  const measured = compare(row, { min_ms: 0.4312, median_ms: 0.5 }, { min_ms: 1.39, median_ms: 1.55 }, "4.22.0");

  test("numbers have three digits", () => {
    expect([0, 0.01234, 0.5, 12.345, 1234.5].map(number)).toEqual(["0", "0.0123", "0.500", "12.3", "1235"]);
  });

  test("a line tells both times, the ratio, the goals and the verdict", () => {
    expect(cells({ row, measured })).toEqual([
      "chain-1m",
      "1",
      "0.431 ms",
      "tfjs-wasm 4.22.0",
      "1.39 ms",
      "3.22",
      "3.00",
      "3.30",
      "met",
    ]);
  });

  test("a row that was not measured tells why", () => {
    expect(cells({ row, skipped: "skipped: npm run bench:install" }).at(-1)).toBe("skipped: npm run bench:install");
  });

  test("columns are aligned", () => {
    const [head, line] = textTable([{ row, measured }]).split("\n");
    expect(line!.indexOf("tfjs-wasm")).toBe(head!.indexOf("against"));
  });

  test("documents get a block between their markers, and keep the rest", () => {
    const text = "before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n";
    expect(replaceBlock(text, "new", "x.md")).toBe("before\n<!-- bench -->\n\nnew\n\n<!-- /bench -->\nafter\n");
    expect(() => replaceBlock("nothing", "new", "x.md")).toThrow("x.md lacks the lines <!-- bench -->");
  });

  test("the full table has goals, the short one a column for each peer", () => {
    expect(fullTable([measured])).toContain("| `chain-1m` | 1 | 0.431 ms | tfjs-wasm 4.22.0 | 1.39 ms | 3.22 | 3.00 |");
    expect(shortTable([measured]).split("\n")).toEqual([
      "| one thread | forerun | tfjs-wasm 4.22.0 |",
      "| --- | ---: | ---: |",
      "| `chain-1m` | 0.431 ms | 1.39 ms (3.22 ×) |",
    ]);
  });
});
