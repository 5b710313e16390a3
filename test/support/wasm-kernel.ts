import { ModuleBuilder } from "../../src/backend/wasm/assembler.ts";
import { emitKernel } from "../../src/backend/wasm/emit.ts";
import { byteSize, type TypedArray, viewOf } from "../../src/core/dtype.ts";
import type { Kernel } from "../../src/kernel/statement.ts";

/** A kernel, whose reductions are expanded, as a module of its own with the export `kernel`. */
export function kernelModule(kernel: Kernel, pages: number): ModuleBuilder {
  const builder = new ModuleBuilder({ memory: { initial: pages } });
  builder.importFunction("remainder", ["f64", "f64"], ["f64"]);
  builder.add({ ...emitKernel(kernel, 0), name: "kernel", exported: true });
  return builder;
}

/** Runs a kernel through WebAssembly on copies of the arrays (scratch may be left out) and gives those back. */
export function runWasm(kernel: Kernel, arrays: readonly TypedArray[]): readonly TypedArray[] {
  let end = 65536;
  const places = kernel.buffers.map((buffer) => {
    const at = end;
    end += Math.ceil((buffer.size * byteSize(buffer.dtype) + 256) / 64) * 64;
    return at;
  });
  const pages = Math.ceil(end / 65536) + 1;
  const memory = new WebAssembly.Memory({ initial: pages });
  const module = new WebAssembly.Module(kernelModule(kernel, pages).bytes() as BufferSource);
  const env = { memory, remainder: (x: number, y: number) => x % y };
  const { exports } = new WebAssembly.Instance(module, { env });
  const views = kernel.buffers.map(({ dtype, size }, i) => viewOf(dtype, memory.buffer, places[i]!, size));
  views.forEach((view, i) => {
    if (arrays[i]) view.set(arrays[i]);
  });
  (exports.kernel as (...addresses: number[]) => void)(...places);
  return views.map((view) => view.slice());
}
