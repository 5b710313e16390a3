/** Programs large enough to show what the shape types cost. */

const HEAD = `import * as fr from "forerun";
const g = new fr.Graph();
`;

/** A model of `layers` layers, each with weights of its own size, every fifth with a normalisation, in methods and functions. */
export function deepModel(layers: number): string {
  const lines = [HEAD, 'const x0 = g.placeholder("x", ["batch", 784]);'];
  let width = 784;
  for (let i = 1; i <= layers; i++) {
    const next = 100 + ((i * 37) % 200);
    lines.push(
      `const w${i} = g.variable("w${i}", [${width}, ${next}]);`,
      `const b${i} = g.variable("b${i}", [${next}]);`,
      i % 2 === 0
        ? `const a${i} = fr.relu(fr.affine(x${i - 1}, w${i}, b${i}));`
        : `const a${i} = x${i - 1}.matmul(w${i}).add(b${i}).tanh();`,
      i % 5 === 0 ? `const x${i} = fr.layerNorm(a${i}, b${i}, b${i});` : `const x${i} = a${i};`,
    );
    width = next;
  }
  lines.push(
    `const labels = g.placeholder("labels", ["batch", ${width}]);`,
    `const loss = fr.softmaxCrossEntropy(labels, x${layers});`,
    `export const grads = fr.gradients(loss, [${Array.from({ length: layers }, (_, i) => `w${i + 1}, b${i + 1}`).join(", ")}]);`,
    `export const out: fr.Tensor<readonly ["batch", ${width}]> = x${layers};`,
  );
  return lines.join("\n");
}

/** A convolutional model whose every size is worked out by the type checker. */
export function convolutionalModel(layers: number): string {
  const lines = [HEAD, 'const x0 = g.placeholder("x", ["batch", 224, 224, 3]);'];
  let channels = 3;
  for (let i = 1; i <= layers; i++) {
    const next = 16 + 4 * i;
    const pool = i % 12 === 0;
    lines.push(
      `const f${i} = g.variable("f${i}", [3, 3, ${channels}, ${next}]);`,
      `const c${i} = fr.relu(fr.conv2d(x${i - 1}, f${i}, { padding: ${i % 3 === 0 ? '"valid"' : '"same"'} }));`,
      `const x${i} = ${pool ? `fr.maxPool2d(c${i})` : `c${i}`};`,
    );
    channels = next;
  }
  lines.push(`export const out = fr.mean(x${layers}, { axis: [1, 2] });`, "export const flat = fr.flatten(out);");
  return lines.join("\n");
}

/** `ops` ops, one after another: broadcasting, products, movements and reductions of rank 3. */
export function chainOf(ops: number): string {
  const lines = [
    HEAD,
    'const w = g.variable("w", [32, 32]);',
    'const b = g.variable("b", [8, 16, 32]);',
    'const x0 = g.placeholder("x", [8, 16, 32]);',
  ];
  const kinds = [
    (x: string) => `fr.add(fr.matmul(${x}, w), b)`,
    (x: string) => `${x}.mul(b).sub(1)`,
    (x: string) => `fr.transpose(${x}, [1, 0, 2]).transpose([1, 0, 2])`,
    (x: string) => `fr.sub(${x}, fr.mean(${x}, { axis: -1, keepDims: true }))`,
    (x: string) => `fr.reshape(fr.reshape(${x}, [8, -1]), [8, 16, 32])`,
  ];
  let made = 0;
  let i = 0;
  while (made < ops) {
    lines.push(`const x${i + 1} = ${kinds[i % kinds.length]!(`x${i}`)};`);
    made += 2;
    i += 1;
  }
  lines.push(`export const out: fr.Tensor<readonly [8, 16, 32]> = x${i};`);
  return lines.join("\n");
}
