/** What the readers say of files that are not right: the whole text, less the line of the call. */
import { describe, expect, test } from "vitest";
import { parseGraph, parseSafetensors, serializeGraph } from "../../src/index.ts";
import { messageOf, trainingGraph } from "./support.ts";

const HEAD = '"format":"forerun-graph","version":1,"name":"g","seed":0';
const file = (ops: string, variables = "[]") => `{${HEAD},"ops":[${ops}],"variables":${variables}}`;
const op = (name: string, kind: string, inputs: readonly string[] = [], attrs = "{}") =>
  `{"name":"${name}","op":"${kind}","inputs":${JSON.stringify(inputs)},"attrs":${attrs}}`;
const X = op("x", "placeholder", [], '{"dtype":"float32","shape":["batch",3]}');
const W = op("w", "variable", [], '{"dtype":"float32","shape":[3],"trainable":true}');
const parsing = (json: unknown, options = {}) => messageOf(() => parseGraph(json, options));
const lines = (...text: string[]) => text.join("\n");

describe("JSON", () => {
  test.each<[string, string]>([
    ["", "the end of the text where a value should begin"],
    ["{", "the end of the text where a key in quotes should begin"],
    ["[1,]", 'the character "]" where a value should begin'],
    ["[1 2]", 'the character "2" where "," or "]" should be'],
    ['{"a" 1}', 'the character "1" where ":" should be'],
    ["[1] x", 'the character "x" after the end of the value'],
    ["NaN", "JSON has no NaN"],
    ["[-Infinity]", "JSON has no -Infinity"],
    ["01", "a number that is not written as in JSON"],
    ["1e999", "a number too large for float64"],
    ['"abc', "a string that does not end"],
    ['"a\nb"', "a control character in a string"],
    ['"\\x"', 'an escape JSON does not have, "\\\\x"'],
    ['"\\ud800"', "a string with half of a surrogate pair"],
    ['{"a":1,"a":2}', 'the key "a" stands twice in one object'],
    ['{"__proto__":1}', 'the key "__proto__" is not allowed'],
    ['{"a":{"constructor":1}}', 'the key "constructor" is not allowed'],
    ["[".repeat(100), "lists and objects are nested deeper than 64"],
  ])("%j: %s", (json, problem) => {
    expect(parsing(json).split("\n")[0]).toBe(`parseGraph: the JSON is not right: ${problem}`);
  });

  test("the place is a line and a column", () => {
    expect(parsing('{\n  "format": oops\n}', { file: "model.json" })).toBe(
      lines(
        'parseGraph: the JSON is not right: the character "o" where a value should begin',
        "  in line 2, column 13 of model.json",
        "fix: write the file with JSON.stringify, or mend it by hand",
      ),
    );
  });
});

describe("graphs", () => {
  test("row 10: a cycle is shown with its operations and their places", () => {
    const cycle = [X, op("a", "add", ["x", "c"]), op("b", "relu", ["a"]), op("c", "neg", ["b"])].join(",\n");
    expect(parsing(file(cycle))).toBe(
      lines(
        "parseGraph: the operations form a cycle: a → b → c → a",
        "  in ops[1].inputs[1] (line 2, column 38)",
        '  add "a" in ops[1] (line 2, column 1)',
        '  relu "b" in ops[2] (line 3, column 1)',
        '  neg "c" in ops[3] (line 4, column 1)',
        "fix: an operation can only use what is made before it: take one of these inputs away",
      ),
    );
    expect(parsing(file(op("a", "neg", ["a"])))).toMatch(/^parseGraph: the operations form a cycle: a → a\n/);
    const ring = Array.from({ length: 40 }, (_, i) => op(`n${i}`, "neg", [`n${(i + 39) % 40}`])).join();
    const text = parsing(file(ring));
    expect(text).toMatch(/cycle: n0 → n1 → n2 → n3 → n4 → n5 → n6 → … → n0\n/);
    expect(text.split("\n").length).toBeLessThanOrEqual(12);
  });

  test("operations in the wrong order are no cycle", () => {
    expect(parsing(file(`${op("y", "relu", ["x"])},${X}`))).toBe(
      lines(
        'parseGraph: "x" is used before it is made',
        "  in ops[0].inputs[0] (line 1, column 100)",
        "  it is made in ops[1] (line 1, column 117)",
        "fix: list operations in the order they are made, inputs first",
      ),
    );
  });

  test("an op, an input, an attribute that does not exist: near names", () => {
    expect(parsing(file(`${X},${op("y", "reluu", ["x"])}`))).toMatch(
      /there is no op "reluu"\n.*ops\[1\]\.op.*\nfix: near names: relu/,
    );
    expect(parsing(file(`${X},${op("y", "relu", ["X"])}`))).toMatch(
      /there is no operation "X"\n.*\nfix: near names: x/,
    );
    expect(parsing(file(`${X},${op("y", "relu", ["x:1"])}`))).toMatch(
      /there is no tensor "x:1"\n.*\n {2}placeholder "x" has "x:0"/,
    );
    expect(parsing(file(`${X},${op("y", "softmax", ["x"], '{"axes":1}')}`))).toMatch(
      /softmax has no attribute "axes"\n.*attrs\.axes.*\nfix: near names: axis/,
    );
  });

  test("shapes are inferred, and their errors say where in the file", () => {
    expect(
      parsing(file(`${X},${W},${op("y", "matmul", ["x", "w"], '{"transposeA":false,"transposeB":false}')}`)),
    ).toMatch(/^parseGraph: matmul: .*\n {2}in ops\[2\] \(line 1, column \d+\)\n/);
  });

  const broken: readonly [what: string, json: string, message: RegExp][] = [
    ["another format", '{"format":"onnx"}', /this is no graph of forerun\n {2}in format /],
    ["no object", "[]", /a graph should stand here, not a list/],
    [
      "a version to come",
      '{"format":"forerun-graph","version":2}',
      /version 2, this library reads up to 1\n.*\nfix: install a newer forerun/,
    ],
    [
      "a version of text",
      '{"format":"forerun-graph","version":"1"}',
      /a version number should stand here, not the text "1"/,
    ],
    [
      "a key too many",
      `{${HEAD},"ops":[],"variables":[],"optz":1}`,
      /the key "optz" is not known\n.*\nfix: near names: ops/,
    ],
    ["a key too few", `{${HEAD},"ops":[]}`, /"variables" is missing/],
    [
      "a name twice",
      file(`${X},${X}`),
      /the name "x" stands twice\n.*ops\[1\]\.name.*\n {2}the other one is in ops\[0\]\.name/,
    ],
    ["names that differ in case", file(`${X},${op("X", "relu", ["x"])}`), /"X" and "x" differ in case only/],
    ["a bad name", file(op("a b", "placeholder", [], '{"dtype":"float32","shape":[]}')), /"a b" can not be the name/],
    [
      "a name that is no text",
      `{${HEAD},"ops":[{"name":1,"op":"relu","inputs":[],"attrs":{}}],"variables":[]}`,
      /the name of an operation should stand here, not 1/,
    ],
    ["a long name", file(op("a".repeat(600), "relu")), /a text of 600 characters\n.*\nfix: raise maxNameLength/],
    ["too few inputs", file(`${X},${op("y", "add", ["x"])}`), /add takes 2 inputs, not 1/],
    ["no inputs", file(op("y", "concat", [], '{"axis":0}')), /concat takes at least one input, not 0/],
    [
      "a bad dtype",
      file(op("x", "placeholder", [], '{"dtype":"float16","shape":[]}')),
      /a dtype should stand here, not the text "float16"\n.*attrs\.dtype/,
    ],
    [
      "a wrong attribute",
      file(`${X},${op("y", "softmax", ["x"], '{"axis":"1"}')}`),
      /a whole number should stand here, not the text "1"/,
    ],
    ["a missing attribute", file(`${X},${op("y", "softmax", ["x"])}`), /the attribute "axis" of softmax is missing/],
    [
      "a negative size",
      file(op("x", "placeholder", [], '{"dtype":"float32","shape":[-3]}')),
      /the result has an impossible size, -3/,
    ],
    [
      "a rank without end",
      file(op("x", "placeholder", [], `{"dtype":"float32","shape":[${"1,".repeat(40)}1]}`)),
      /a list of 41 entries\n.*\nfix: raise maxRank/,
    ],
    [
      "a size with code",
      file(op("x", "placeholder", [], '{"dtype":"float32","shape":["process.exit()"]}')),
      /this is no size: "\." can not stand in a size/,
    ],
    [
      "a function",
      file(`${X},${op("y", "customGradient", ["x"])}`),
      /customGradient holds a function, and a file holds no code/,
    ],
    [
      "an assign to no variable",
      file(`${X},${op("y", "assign", ["x", "x"])}`),
      /assign writes to a variable, and "x:0" is none/,
    ],
    [
      "controls where none are",
      file(`${X},{"name":"y","op":"relu","inputs":["x"],"controls":["x"],"attrs":{}}`),
      /relu runs no other operations; only group does/,
    ],
    [
      "a constant with too little data",
      file(op("c", "constant", [], '{"value":{"dtype":"float32","base64":"AAAAAA=="},"shape":[2],"dtype":"float32"}')),
      /1 elements do not fill the shape of the constant, which has 2/,
    ],
    [
      "a constant of another dtype",
      file(op("c", "constant", [], '{"value":{"dtype":"bool","base64":"AQ=="},"shape":[1],"dtype":"float32"}')),
      /the data of the constant is not float32/,
    ],
    [
      "a bool of 2",
      file(op("c", "constant", [], '{"value":{"dtype":"bool","base64":"Ag=="},"shape":[1],"dtype":"bool"}')),
      /an element of bool is neither 0 nor 1/,
    ],
    [
      "half an element",
      file(op("c", "constant", [], '{"value":{"dtype":"float32","base64":"AAAA"},"shape":[1],"dtype":"float32"}')),
      /3 bytes are no whole number of float32 elements/,
    ],
    [
      "bad Base64",
      file(op("c", "constant", [], '{"value":{"dtype":"bool","base64":"A==="},"shape":[1],"dtype":"bool"}')),
      /this is not Base64/,
    ],
    ["a variable that is none", file(X, '[{"variable":"x","initializer":"x"}]'), /"x" is not a variable/],
    ["an initializer that is none", file(W, '[{"variable":"w","initializer":"w"}]'), /"w" does not assign to "w"/],
  ];
  test.each(broken)("%s", (_what, json, message) => {
    const text = parsing(json);
    expect(text).toMatch(/^parseGraph: /);
    expect(text).toMatch(message);
    expect(text).toMatch(/\nfix: .+$/);
    expect(text.split("\n").length).toBeLessThanOrEqual(12);
  });

  test("what is no JSON at all", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(parsing(undefined)).toBe(
      "parseGraph: there is no graph in undefined\nfix: give the text or the object of a graph",
    );
    expect(parsing(circle)).toMatch(/the object can not be written as JSON\n {2}TypeError/);
    expect(parsing(10n)).toMatch(/the object can not be written as JSON/);
    expect(parsing(new Uint8Array([0xff, 0xfe]))).toMatch(/the bytes are not UTF-8/);
  });

  test("every limit", () => {
    const def = serializeGraph(trainingGraph().graph);
    const text = JSON.stringify(def);
    expect(parsing(text, { maxBytes: 100 })).toMatch(/characters\nfix: raise maxBytes \(100\)/);
    expect(parsing(def, { maxBytes: 100 })).toMatch(/characters\nfix: raise maxBytes/);
    expect(parsing(text, { maxDepth: 2 })).toMatch(/nested deeper than 2\n.*\nfix: raise maxDepth/);
    expect(parsing(text, { maxValues: 50 })).toMatch(/more than 50 values\n.*\nfix: raise maxValues/);
    expect(parsing(text, { maxCount: 3 })).toMatch(/a list of \d+ entries\n.*\nfix: raise maxCount \(3\)/);
    expect(parsing(text, { maxArrayBytes: 2 })).toMatch(/an array of \d+ bytes\n.*\nfix: raise maxArrayBytes \(2\)/);
    expect(parsing(text, { maxNameLength: 4 })).toMatch(/a text of \d+ characters\n.*\nfix: raise maxNameLength \(4\)/);
  });

  test("sizes that double with every operation are stopped", () => {
    const ops = [op("x0", "placeholder", [], '{"dtype":"float32","shape":["a","b"]}')];
    for (let i = 0; i < 40; i++) {
      ops.push(op(`f${i}`, "reshape", [`x${i}`], '{"shape":[-1]}'), op(`x${i + 1}`, "outer", [`f${i}`, `f${i}`]));
    }
    const started = performance.now();
    expect(parsing(file(ops.join()))).toMatch(/^parseGraph: /);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("safetensors", () => {
  const bytesOf = (header: string, data: readonly number[] = [], length = new TextEncoder().encode(header).length) => {
    const json = new TextEncoder().encode(header);
    const bytes = new Uint8Array(8 + json.length + data.length);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
    bytes.set(json, 8);
    bytes.set(data, 8 + json.length);
    return bytes;
  };
  const entry = (name: string, dtype: string, shape: string, from: number, to: number) =>
    `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":[${from},${to}]}`;
  const eight = [1, 0, 1, 0, 1, 0, 1, 0];
  const broken: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
    ["nothing", new Uint8Array(3), /3 bytes are no safetensors file/],
    ["a header longer than the file", bytesOf("{}", [], 99), /the header would have 99 bytes, 2 follow/],
    ["a header longer than memory", new Uint8Array(16).fill(255), /the header would have 18446744073709551615 bytes/],
    ["a header of other text", bytesOf("[]"), /the header does not begin with \{/],
    ["a header that is no UTF-8", bytesOf("{}", [0xff], 3), /the header is not UTF-8/],
    [
      "a key twice",
      bytesOf(`{${entry("a", "BOOL", "[4]", 0, 4)},${entry("a", "BOOL", "[4]", 4, 8)}}`, eight),
      /the key "a" stands twice/,
    ],
    ["__proto__", bytesOf(`{${entry("__proto__", "BOOL", "[8]", 0, 8)}}`, eight), /the key "__proto__" is not allowed/],
    [
      "a dtype nobody knows",
      bytesOf(`{${entry("a", "F99", "[2]", 0, 8)}}`, eight),
      /there is no dtype "F99"\n {2}in a\.dtype/,
    ],
    [
      "an overlap",
      bytesOf(`{${entry("a", "BOOL", "[5]", 0, 5)},${entry("b", "BOOL", "[4]", 4, 8)}}`, eight),
      /the data overlaps that of "a"\n {2}in b /,
    ],
    [
      "a hole",
      bytesOf(`{${entry("a", "BOOL", "[3]", 0, 3)},${entry("b", "BOOL", "[4]", 4, 8)}}`, eight),
      /1 bytes in front of the data belong to nothing/,
    ],
    ["a tail", bytesOf(`{${entry("a", "BOOL", "[4]", 0, 4)}}`, eight), /4 bytes at the end belong to nothing/],
    [
      "data that was cut off",
      bytesOf(`{${entry("a", "F32", "[4]", 0, 16)}}`, eight),
      /the data ends at byte 16, there are 8/,
    ],
    [
      "offsets that do not fit the shape",
      bytesOf(`{${entry("a", "F32", "[3]", 0, 8)}}`, eight),
      /F32\[3\] takes 12 bytes, the offsets leave 8/,
    ],
    [
      "offsets backwards",
      bytesOf(`{${entry("a", "F32", "[2]", 8, 0)}}`, eight),
      /F32\[2\] takes 8 bytes, the offsets leave -8/,
    ],
    [
      "a shape without end",
      bytesOf(`{${entry("a", "F32", "[9007199254740991,9007199254740991]", 0, 8)}}`, eight),
      /the offsets leave 8/,
    ],
    [
      "a negative size",
      bytesOf(`{${entry("a", "F32", "[-2]", 0, 8)}}`, eight),
      /a whole number from 0 on should stand here, not -2/,
    ],
    [
      "a bool of 3",
      bytesOf(`{${entry("a", "BOOL", "[8]", 0, 8)}}`, [3, 0, 0, 0, 0, 0, 0, 0]),
      /an element of BOOL is neither 0 nor 1/,
    ],
    [
      "metadata that are numbers",
      bytesOf('{"__metadata__":{"a":1}}'),
      /a text should stand here, not 1\n {2}in __metadata__\.a/,
    ],
  ];
  test.each(broken)("%s", (_what, bytes, message) => {
    const text = messageOf(() => parseSafetensors(bytes));
    expect(text).toMatch(/^parseSafetensors: /);
    expect(text).toMatch(message);
    expect(text).toMatch(/\nfix: .+$/);
  });
  test("no bytes at all", () => {
    expect(messageOf(() => parseSafetensors("{}" as never))).toMatch(/this is no Uint8Array/);
  });
});
