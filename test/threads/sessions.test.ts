import { describe, expect, test } from "vitest";
import { add, Graph, matmul, mean, relu, Session, softmax } from "../../src/index.ts";
import { SGD } from "../../src/train/index.ts";
import { ALL_LOOPS, reluOf, threaded } from "./support.ts";

const ones = (n: number): Float32Array => new Float32Array(n).fill(1);

describe("sessions with threads", () => {
  test("say how many there are; other backends have one", () => {
    const { graph } = reluOf(8);
    using three = new Session(graph, { threads: 3 });
    expect(three.threads).toBe(3);
    expect(new Session(graph).threads).toBe(1);
    expect(new Session(graph, { threads: 3, backend: "javascript" }).threads).toBe(1);
  });

  test("the number must make sense", () => {
    const { graph } = reluOf(8);
    for (const threads of [0, 1.5, -1, Number.NaN, 1000]) {
      expect(() => new Session(graph, { threads })).toThrow(
        `session: threads is ${threads}\nat test/threads/sessions.test.ts`,
      );
    }
  });

  test("what a run shares out can be looked at", () => {
    const { graph, x, y } = reluOf(1_000_000);
    using session = new Session(graph, { threads: 2 });
    const plan = session.plan(y, [[x, ones(1_000_000)]]);
    expect(plan.phases.map(({ works }) => works.map(({ kind }) => kind))).toEqual([["shared"]]);
    expect(plan.source).toContain("(func $take");
    expect(plan.source).toContain("memory.atomic.wait32");
    // A small one is not worth a meeting.
    const small = reluOf(100);
    using other = new Session(small.graph, { threads: 2 });
    expect(other.plan(small.y, [[small.x, ones(100)]]).source).not.toContain("atomic");
  });

  test("runs need not wait for threads: the first is done before they have come", () => {
    const { graph, x, y } = reluOf(100_000);
    using session = new Session(graph, { threads: 8 });
    expect(session.run(y, [[x, ones(100_000)]]).data[99_999]).toBe(1);
  });

  test("memory that grows, plans that go, and an arena that moves", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["n", 64]);
    const w = graph.variable("w", [64, 64]);
    const y = softmax(relu(matmul(x, w)));
    const build = (threads: number) => {
      const options = threads > 1 ? { compile: ALL_LOOPS } : {};
      const session = new Session(graph, { threads, planLimit: 2, ...options });
      session.setValue(
        w,
        Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i)),
      );
      return session;
    };
    using one = build(1);
    using three = build(3);
    for (const n of [1, 40, 3, 700, 5, 1500, 40, 7, 3000]) {
      const value = Float32Array.from({ length: n * 64 }, (_, i) => Math.cos(i));
      expect(three.run(y, [[x, value]]).data).toEqual(one.run(y, [[x, value]]).data);
    }
  });

  test("two sessions at once on one graph are independent", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [64, 32]);
    const w = graph.variable("w", [32, 16]);
    const loss = mean(relu(add(matmul(x, w), 1)));
    const step = new SGD(0.1).minimize(loss);
    const fed = [[x, ones(2048)]] as const;
    const train = (session: Session, start: number) => {
      session.run(graph.initializer);
      session.setValue(w, new Float32Array(512).fill(start));
    };
    using alone = new Session(graph);
    using a = threaded(graph, 2);
    using b = threaded(graph, 3);
    train(alone, 0.5);
    train(a, 0.5);
    train(b, 0.25);
    for (let i = 0; i < 20; i++) for (const session of [alone, a, b]) session.run([loss, step], fed);
    expect(a.value(w).data).toEqual(alone.value(w).data);
    expect(b.value(w).data).not.toEqual(a.value(w).data);
  });

  test("200 are opened and closed", () => {
    for (let i = 0; i < 200; i++) {
      const { graph, x, y } = reluOf(1000 + i);
      using session = threaded(graph, 3);
      expect(session.run(y, [[x, new Float32Array(1000 + i).fill(-1)]]).data[i]).toBe(0);
    }
  });

  test("closing twice is as closing once; afterwards nothing works", () => {
    const { graph, x, y } = reluOf(8);
    const session = threaded(graph, 2);
    session.close();
    session.close();
    expect(() => session.run(y, [[x, ones(8)]])).toThrow("session: run after close");
  });
});
