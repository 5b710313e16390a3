/** Names and titles are data: whatever they hold, it is shown, and does nothing else. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { graphviz } from "../../samples/support/graphviz.ts";
import { Graph, gradients, relu, sum } from "../../src/index.ts";
import { pictureOf, sanitizeSvg, toDot, toMermaid, toSvg } from "../../src/inspect/index.ts";

const decode = (text: string): string =>
  text
    .replace(/&#(x?)([0-9a-f]+);/gi, (_, hex: string, code: string) =>
      String.fromCodePoint(parseInt(code, hex ? 16 : 10)),
    )
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");

const texts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((m) => decode(m[1]!));
const count = (svg: string, kind: string): number => svg.split(`class="${kind}"`).length - 1;

/** All characters a name may have, with what means something to Graphviz set together. */
const namePart = fc.constantFrom(
  "a",
  "Z",
  "9",
  "_",
  ".",
  "-",
  ">",
  "\\",
  "\\N",
  "\\G",
  "\\l",
  "->",
  "node",
  "graph",
  "end",
);
const name = fc.array(namePart, { maxLength: 5 }).map((parts) => `n${parts.join("")}`);
const piece = fc.oneof(
  fc.constantFrom(
    '"',
    "\\",
    '\\"',
    "<b>",
    "</text>",
    "<!--",
    "-->",
    "&amp;",
    "&#34;",
    "&",
    "]",
    "];",
    "}",
    "{",
    "|",
    "\n",
  ),
  fc.constantFrom('URL="javascript:alert(1)"', "<script>alert(1)</script>", "http://x.example", "`", "#quot;", "\\N"),
  fc.string({ unit: "binary", maxLength: 4 }),
);
const title = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(""));

test("DOT shows every name as it is, and draws no node too many or too few", async () => {
  const property = fc.asyncProperty(title, name, name, name, async (graphName, scope, first, second) => {
    const graph = new Graph({ name: graphName });
    const x = graph.placeholder(first, [2]);
    const y = graph.scope(scope, () => relu(x, { name: second }));
    gradients(sum(y), [x]);
    const { nodes, frames, edges } = pictureOf(graph);
    const svg = await toSvg(graph, { layout: graphviz });
    // The legend adds a frame and a node for each of two roles.
    expect(count(svg, "node")).toBe(nodes.length + 2);
    expect(count(svg, "cluster")).toBe(frames.length + 1);
    expect(count(svg, "edge")).toBe(edges.length);
    expect(texts(svg)).toEqual(expect.arrayContaining([first, second.replace(/^.*\//, ""), scope]));
    const tooltips = [...svg.matchAll(/<title>([^<]*)<\/title>/g)].map((match) => decode(match[1]!));
    expect(tooltips).toEqual(expect.arrayContaining(nodes.map((node) => node.tooltip.replaceAll("\\", "∖"))));
    expect(svg).not.toMatch(/<script|<a\b|<!--|\son\w+=|href|xlink|url\(/i);
  });
  await fc.assert(property, { numRuns: 60 });
});

test("Mermaid: outside of quotes stands nothing but ids and keywords", () => {
  fc.assert(
    fc.property(title, name, (graphName, given) => {
      const graph = new Graph({ name: graphName });
      relu(graph.scope("s", () => graph.placeholder(given, [2])));
      const [, , , ...body] = toMermaid(graph).split("\n");
      const bare = body.map((line) => line.replace(/"[^"]*"/g, '""'));
      for (const line of bare) {
        expect(line).toMatch(
          /^ *(flowchart TB|subgraph c\d+\[""\]|end|n\d+(\[\/""\\\]|\(""\)):::\w+|n\d+ -->\|""\| n\d+|classDef \w+ [\w:#,]+)$/,
        );
      }
    }),
  );
});

test("the text of a picture never holds an attribute for links", () => {
  const graph = new Graph({ name: 'x" URL="http://example.com' });
  relu(graph.placeholder("x", [2]));
  const outside = toDot(graph, { title: '"]; a [href="x"]; /*' }).replace(/"[^"]*"/g, '""');
  expect(outside).not.toMatch(/url|href|target|example|\/\*/i);
});

test("sanitizing keeps the drawing and drops everything else", () => {
  const hostile = [
    '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x "y">]>',
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" onload="alert(1)" width="9pt">',
    "<script>alert(2)<g/></script><style>@import 'http://x'</style><foreignObject><p>hi</p></foreignObject>",
    '<g class="node"><title>n0</title><a xlink:href="javascript:alert(3)" xlink:title="tip &amp; top">',
    '<path d="M0,0" fill="url(http://x)" stroke="red" onclick="alert(4)"/><text x="1">one</text><text>two</text></a></g>',
    '<image href="http://x"/><use xlink:href="#n0"/></svg>',
  ].join("\n");
  const clean = sanitizeSvg(hostile);
  expect(clean).not.toMatch(/script|style|alert|import|href|xlink|url|foreign|image|use|ENTITY|on\w+=|http:\/\/x/);
  expect(clean).toContain("<title>tip &amp; top</title>");
  expect(clean).toContain('<path d="M0,0" stroke="red"/>');
  expect(clean).toContain('font-weight="bold">one</text>');
  expect(clean.split("<g").length).toBe(clean.split("</g>").length);
});
