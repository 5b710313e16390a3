/** Elements and attributes that a drawing needs. Everything else is dropped: scripts, links, styles, event handlers. */
const ELEMENTS = new Set(["svg", "g", "title", "polygon", "polyline", "path", "ellipse", "text"]);
const ATTRIBUTES = new Set(
  (
    "class cx cy d fill fill-opacity font-family font-size font-style font-weight height id points rx ry stroke " +
    "stroke-dasharray stroke-opacity stroke-width text-anchor transform viewBox width x y"
  ).split(" "),
);
/** Values with anything but these are dropped; `url(…)` holds brackets, but so does `translate(…)`. */
const VALUE = /^[\w\s.,#%()+\-;>]*$/;

/** Of nearly the same widths, so that text fits its box whichever of them there is. */
const FONTS = "Arial, Helvetica, Liberation Sans, sans-serif";

const TAG = /<!--[\s\S]*?-->|<[!?][^>]*>|<(\/?)([\w:-]+)((?:[^>"']|"[^"]*"|'[^']*')*)>/g;
const ATTRIBUTE = /([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/**
 * What Graphviz returns, reduced to plain drawing. Tooltips, which Graphviz writes as links without a target, become
 * titles; in place of Graphviz's own titles, which hold nothing but ids. First lines of nodes are set in bold, the
 * others small.
 */
export function sanitizeSvg(svg: string): string {
  const out: string[] = [];
  /** For each open element, what closes it. */
  const open: { readonly name: string; readonly close: string; readonly isNode: boolean; texts: number }[] = [];
  /** Depth of elements whose contents are being dropped. */
  let skipped = 0;
  let end = 0;
  const text = (upTo: number): void => {
    const part = svg.slice(end, upTo);
    if (skipped === 0 && open.at(-1)?.name === "text") out.push(part.replace(/[<>]/g, ""));
    else if (skipped === 0 && part.includes("\n")) out.push("\n");
  };
  for (const match of svg.matchAll(TAG)) {
    text(match.index);
    end = match.index + match[0].length;
    const [, slash, name, rest = ""] = match;
    if (name === undefined) continue;
    const alone = rest.trimEnd().endsWith("/");
    if (skipped > 0) {
      if (!alone) skipped += slash ? -1 : 1;
      continue;
    }
    if (slash) {
      out.push(open.pop()?.close ?? "");
      continue;
    }
    const given = new Map([...rest.matchAll(ATTRIBUTE)].map((found) => [found[1]!, found[2] ?? found[3] ?? ""]));
    if (name === "a") {
      const tooltip = given.get("xlink:title");
      if (!alone) {
        out.push(tooltip ? `<g><title>${tooltip.replace(/[<>]/g, "")}</title>` : "<g>");
        open.push({ name, close: "</g>", isNode: open.at(-1)?.isNode ?? false, texts: 0 });
      }
      continue;
    }
    if (name === "title" || !ELEMENTS.has(name)) {
      if (!alone) skipped = 1;
      continue;
    }
    const parent = open.findLast((element) => element.name !== "a");
    const isNode = name === "g" && (given.get("class") === "node" || (parent?.isNode ?? false));
    if (given.has("font-family")) given.set("font-family", FONTS);
    if (name === "text" && open.at(-1)?.isNode) dressText(given, open.at(-1)!.texts++);
    out.push(`<${name}${attributesText(name, given)}${alone ? "/" : ""}>`);
    if (!alone) open.push({ name, close: `</${name}>`, isNode, texts: 0 });
  }
  while (open.length > 0) out.push(open.pop()!.close);
  return `${out.join("").replace(/\n+/g, "\n").trim()}\n`;
}

function attributesText(name: string, given: ReadonlyMap<string, string>): string {
  const kept = [...given].filter(
    ([attribute, value]) => ATTRIBUTES.has(attribute) && VALUE.test(value) && !/url\s*\(/i.test(value),
  );
  const text = kept.map(([attribute, value]) => ` ${attribute}="${value.replace(/>/g, "&gt;")}"`).join("");
  return name === "svg" ? ` xmlns="http://www.w3.org/2000/svg"${text}` : text;
}

/** The first line of a node is what it is, the others are details. */
function dressText(given: Map<string, string>, line: number): void {
  if (line === 0) given.set("font-weight", "bold");
  else {
    given.set("font-size", "11");
    given.set("fill", "#555555");
  }
}
