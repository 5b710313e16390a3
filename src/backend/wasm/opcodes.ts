/**
 * The instructions of WebAssembly 2.0 (with SIMD, without reference types and tables) that kernels are made of, and those
 * of the threads proposal by which threads meet: text name, bytes, and what stands behind them. The numbers are those of
 * the specification, appendix "Index of Instructions"
 * (https://webassembly.github.io/spec/core/appendix/index-instructions.html).
 */

/**
 * What follows the bytes of an instruction.
 *
 * - `block`: type of the result, or none; `label`: depth of the block to leave; `local`, `global`, `function`: an index;
 * - `i32`, `i64`, `f32`, `f64`: a constant; `v128`: a constant as four 32-bit words, low word first;
 * - `memory`: byte offset added to the address; `memory-lane`: that and a lane;
 * - `lane`: a lane; `shuffle`: 16 byte numbers, 0-15 of the first operand, 16-31 of the second.
 */
export type ImmediateKind =
  | "none"
  | "local"
  | "memory"
  | "i32"
  | "label"
  | "block"
  | "global"
  | "function"
  | "i64"
  | "f32"
  | "f64"
  | "v128"
  | "memory-lane"
  | "lane"
  | "shuffle";

export interface Instruction {
  readonly bytes: readonly number[];
  readonly kind: ImmediateKind;
  /** Number of immediates `Code.op` takes. */
  readonly count: number;
  /** Memory access: bytes moved, which is what the text format takes the alignment for. */
  readonly natural: number;
  /** Memory access: logarithm of the alignment promised. Only a hint: other addresses work too. */
  readonly alignment: number;
}

const COUNT: { readonly [K in ImmediateKind]: number } = {
  none: 0,
  local: 1,
  memory: 1,
  i32: 1,
  label: 1,
  block: 1,
  global: 1,
  function: 1,
  i64: 1,
  f32: 1,
  f64: 1,
  v128: 4,
  "memory-lane": 2,
  lane: 1,
  shuffle: 16,
};

function encoded(bytes: readonly number[], kind: ImmediateKind = "none", natural = 1, aligned = natural): Instruction {
  return { bytes, kind, count: COUNT[kind], natural, alignment: 31 - Math.clz32(aligned) };
}
const bare = (code: number, kind: ImmediateKind = "none"): Instruction => encoded([code], kind);
const memory = (code: number, natural: number): Instruction => encoded([code], "memory", natural);
/** Vector instructions have a prefix, then their number in LEB128. */
const vectorBytes = (code: number): number[] => (code < 0x80 ? [0xfd, code] : [0xfd, code, 0x01]);
const simd = (code: number, kind: ImmediateKind = "none"): Instruction => encoded(vectorBytes(code), kind);
const vectorMemory = (code: number, natural: number, aligned = natural): Instruction =>
  encoded(vectorBytes(code), "memory", natural, aligned);
/** Instructions on shared memory, of the threads proposal; their addresses must be aligned. */
const atomic = (code: number, natural: number): Instruction => encoded([0xfe, code], "memory", natural);
const laneMemory = (code: number, natural: number): Instruction => encoded(vectorBytes(code), "memory-lane", natural);

export const OPCODES = {
  // control
  unreachable: bare(0x00),
  nop: bare(0x01),
  block: bare(0x02, "block"),
  loop: bare(0x03, "block"),
  if: bare(0x04, "block"),
  else: bare(0x05),
  end: bare(0x0b),
  br: bare(0x0c, "label"),
  br_if: bare(0x0d, "label"),
  return: bare(0x0f),
  call: bare(0x10, "function"),
  drop: bare(0x1a),
  select: bare(0x1b),

  // variables
  "local.get": bare(0x20, "local"),
  "local.set": bare(0x21, "local"),
  "local.tee": bare(0x22, "local"),
  "global.get": bare(0x23, "global"),
  "global.set": bare(0x24, "global"),

  // memory
  "i32.load": memory(0x28, 4),
  "i64.load": memory(0x29, 8),
  "f32.load": memory(0x2a, 4),
  "f64.load": memory(0x2b, 8),
  "i32.load8_s": memory(0x2c, 1),
  "i32.load8_u": memory(0x2d, 1),
  "i32.store": memory(0x36, 4),
  "i64.store": memory(0x37, 8),
  "f32.store": memory(0x38, 4),
  "f64.store": memory(0x39, 8),
  "i32.store8": memory(0x3a, 1),
  "memory.copy": encoded([0xfc, 0x0a, 0x00, 0x00]),
  "memory.fill": encoded([0xfc, 0x0b, 0x00]),

  // memory that threads share
  "memory.atomic.notify": atomic(0x00, 4),
  "memory.atomic.wait32": atomic(0x01, 4),
  "i32.atomic.load": atomic(0x10, 4),
  "i32.atomic.rmw.add": atomic(0x1e, 4),
  "i32.atomic.rmw.sub": atomic(0x25, 4),
  "i32.atomic.rmw.cmpxchg": atomic(0x48, 4),

  // constants
  "i32.const": bare(0x41, "i32"),
  "i64.const": bare(0x42, "i64"),
  "f32.const": bare(0x43, "f32"),
  "f64.const": bare(0x44, "f64"),

  // i32
  "i32.eqz": bare(0x45),
  "i32.eq": bare(0x46),
  "i32.ne": bare(0x47),
  "i32.lt_s": bare(0x48),
  "i32.lt_u": bare(0x49),
  "i32.gt_s": bare(0x4a),
  "i32.gt_u": bare(0x4b),
  "i32.le_s": bare(0x4c),
  "i32.le_u": bare(0x4d),
  "i32.ge_s": bare(0x4e),
  "i32.ge_u": bare(0x4f),
  "i32.clz": bare(0x67),
  "i32.ctz": bare(0x68),
  "i32.add": bare(0x6a),
  "i32.sub": bare(0x6b),
  "i32.mul": bare(0x6c),
  "i32.div_s": bare(0x6d),
  "i32.div_u": bare(0x6e),
  "i32.rem_s": bare(0x6f),
  "i32.rem_u": bare(0x70),
  "i32.and": bare(0x71),
  "i32.or": bare(0x72),
  "i32.xor": bare(0x73),
  "i32.shl": bare(0x74),
  "i32.shr_s": bare(0x75),
  "i32.shr_u": bare(0x76),
  "i32.rotl": bare(0x77),
  "i32.rotr": bare(0x78),

  // i64
  "i64.eqz": bare(0x50),
  "i64.eq": bare(0x51),
  "i64.ne": bare(0x52),
  "i64.lt_s": bare(0x53),
  "i64.gt_s": bare(0x55),
  "i64.le_s": bare(0x57),
  "i64.ge_s": bare(0x59),
  "i64.add": bare(0x7c),
  "i64.sub": bare(0x7d),
  "i64.mul": bare(0x7e),
  "i64.and": bare(0x83),
  "i64.or": bare(0x84),
  "i64.xor": bare(0x85),
  "i64.shl": bare(0x86),
  "i64.shr_s": bare(0x87),
  "i64.shr_u": bare(0x88),

  // f32
  "f32.eq": bare(0x5b),
  "f32.ne": bare(0x5c),
  "f32.lt": bare(0x5d),
  "f32.gt": bare(0x5e),
  "f32.le": bare(0x5f),
  "f32.ge": bare(0x60),
  "f32.abs": bare(0x8b),
  "f32.neg": bare(0x8c),
  "f32.ceil": bare(0x8d),
  "f32.floor": bare(0x8e),
  "f32.trunc": bare(0x8f),
  "f32.nearest": bare(0x90),
  "f32.sqrt": bare(0x91),
  "f32.add": bare(0x92),
  "f32.sub": bare(0x93),
  "f32.mul": bare(0x94),
  "f32.div": bare(0x95),
  "f32.min": bare(0x96),
  "f32.max": bare(0x97),
  "f32.copysign": bare(0x98),

  // f64
  "f64.eq": bare(0x61),
  "f64.ne": bare(0x62),
  "f64.lt": bare(0x63),
  "f64.gt": bare(0x64),
  "f64.le": bare(0x65),
  "f64.ge": bare(0x66),
  "f64.abs": bare(0x99),
  "f64.neg": bare(0x9a),
  "f64.ceil": bare(0x9b),
  "f64.floor": bare(0x9c),
  "f64.trunc": bare(0x9d),
  "f64.nearest": bare(0x9e),
  "f64.sqrt": bare(0x9f),
  "f64.add": bare(0xa0),
  "f64.sub": bare(0xa1),
  "f64.mul": bare(0xa2),
  "f64.div": bare(0xa3),
  "f64.min": bare(0xa4),
  "f64.max": bare(0xa5),
  "f64.copysign": bare(0xa6),

  // conversions
  "i32.wrap_i64": bare(0xa7),
  "i64.extend_i32_s": bare(0xac),
  "i64.extend_i32_u": bare(0xad),
  "f32.convert_i32_s": bare(0xb2),
  "f32.convert_i32_u": bare(0xb3),
  "f32.demote_f64": bare(0xb6),
  "f64.convert_i32_s": bare(0xb7),
  "f64.convert_i32_u": bare(0xb8),
  "f64.promote_f32": bare(0xbb),
  "i32.reinterpret_f32": bare(0xbc),
  "i64.reinterpret_f64": bare(0xbd),
  "f32.reinterpret_i32": bare(0xbe),
  "f64.reinterpret_i64": bare(0xbf),
  "i32.trunc_sat_f32_s": encoded([0xfc, 0x00]),
  "i32.trunc_sat_f32_u": encoded([0xfc, 0x01]),
  "i32.trunc_sat_f64_s": encoded([0xfc, 0x02]),
  "i32.trunc_sat_f64_u": encoded([0xfc, 0x03]),

  // vectors: memory
  "v128.load": vectorMemory(0x00, 16, 4),
  "v128.load8x8_s": vectorMemory(0x01, 8, 1),
  "v128.load8x8_u": vectorMemory(0x02, 8, 1),
  "v128.load16x4_s": vectorMemory(0x03, 8, 2),
  "v128.load16x4_u": vectorMemory(0x04, 8, 2),
  "v128.load32x2_s": vectorMemory(0x05, 8, 4),
  "v128.load32x2_u": vectorMemory(0x06, 8, 4),
  "v128.load8_splat": vectorMemory(0x07, 1),
  "v128.load16_splat": vectorMemory(0x08, 2),
  "v128.load32_splat": vectorMemory(0x09, 4),
  "v128.load64_splat": vectorMemory(0x0a, 8),
  "v128.store": vectorMemory(0x0b, 16, 4),
  "v128.load32_zero": vectorMemory(0x5c, 4),
  "v128.load64_zero": vectorMemory(0x5d, 8),
  "v128.load8_lane": laneMemory(0x54, 1),
  "v128.load16_lane": laneMemory(0x55, 2),
  "v128.load32_lane": laneMemory(0x56, 4),
  "v128.load64_lane": laneMemory(0x57, 8),
  "v128.store8_lane": laneMemory(0x58, 1),
  "v128.store16_lane": laneMemory(0x59, 2),
  "v128.store32_lane": laneMemory(0x5a, 4),
  "v128.store64_lane": laneMemory(0x5b, 8),

  // vectors: lanes
  "v128.const": simd(0x0c, "v128"),
  "i8x16.shuffle": simd(0x0d, "shuffle"),
  "i8x16.swizzle": simd(0x0e),
  "i8x16.splat": simd(0x0f),
  "i16x8.splat": simd(0x10),
  "i32x4.splat": simd(0x11),
  "i64x2.splat": simd(0x12),
  "f32x4.splat": simd(0x13),
  "f64x2.splat": simd(0x14),
  "i8x16.extract_lane_s": simd(0x15, "lane"),
  "i8x16.extract_lane_u": simd(0x16, "lane"),
  "i8x16.replace_lane": simd(0x17, "lane"),
  "i16x8.extract_lane_s": simd(0x18, "lane"),
  "i16x8.extract_lane_u": simd(0x19, "lane"),
  "i16x8.replace_lane": simd(0x1a, "lane"),
  "i32x4.extract_lane": simd(0x1b, "lane"),
  "i32x4.replace_lane": simd(0x1c, "lane"),
  "i64x2.extract_lane": simd(0x1d, "lane"),
  "i64x2.replace_lane": simd(0x1e, "lane"),
  "f32x4.extract_lane": simd(0x1f, "lane"),
  "f32x4.replace_lane": simd(0x20, "lane"),
  "f64x2.extract_lane": simd(0x21, "lane"),
  "f64x2.replace_lane": simd(0x22, "lane"),

  // vectors: bits
  "v128.not": simd(0x4d),
  "v128.and": simd(0x4e),
  "v128.andnot": simd(0x4f),
  "v128.or": simd(0x50),
  "v128.xor": simd(0x51),
  "v128.bitselect": simd(0x52),
  "v128.any_true": simd(0x53),

  // i8x16
  "i8x16.eq": simd(0x23),
  "i8x16.ne": simd(0x24),
  "i8x16.all_true": simd(0x63),
  "i8x16.bitmask": simd(0x64),
  "i8x16.narrow_i16x8_s": simd(0x65),
  "i8x16.narrow_i16x8_u": simd(0x66),
  "i8x16.shl": simd(0x6b),
  "i8x16.shr_s": simd(0x6c),
  "i8x16.shr_u": simd(0x6d),
  "i8x16.add": simd(0x6e),
  "i8x16.add_sat_s": simd(0x6f),
  "i8x16.add_sat_u": simd(0x70),
  "i8x16.sub": simd(0x71),
  "i8x16.sub_sat_s": simd(0x72),
  "i8x16.sub_sat_u": simd(0x73),
  "i8x16.min_s": simd(0x76),
  "i8x16.min_u": simd(0x77),
  "i8x16.max_s": simd(0x78),
  "i8x16.max_u": simd(0x79),

  // i16x8
  "i16x8.eq": simd(0x2d),
  "i16x8.ne": simd(0x2e),
  "i16x8.all_true": simd(0x83),
  "i16x8.bitmask": simd(0x84),
  "i16x8.narrow_i32x4_s": simd(0x85),
  "i16x8.narrow_i32x4_u": simd(0x86),
  "i16x8.extend_low_i8x16_s": simd(0x87),
  "i16x8.extend_high_i8x16_s": simd(0x88),
  "i16x8.extend_low_i8x16_u": simd(0x89),
  "i16x8.extend_high_i8x16_u": simd(0x8a),
  "i16x8.shl": simd(0x8b),
  "i16x8.shr_s": simd(0x8c),
  "i16x8.shr_u": simd(0x8d),
  "i16x8.add": simd(0x8e),
  "i16x8.sub": simd(0x91),
  "i16x8.mul": simd(0x95),
  "i16x8.min_s": simd(0x96),
  "i16x8.min_u": simd(0x97),
  "i16x8.max_s": simd(0x98),
  "i16x8.max_u": simd(0x99),

  // i32x4
  "i32x4.eq": simd(0x37),
  "i32x4.ne": simd(0x38),
  "i32x4.lt_s": simd(0x39),
  "i32x4.lt_u": simd(0x3a),
  "i32x4.gt_s": simd(0x3b),
  "i32x4.gt_u": simd(0x3c),
  "i32x4.le_s": simd(0x3d),
  "i32x4.le_u": simd(0x3e),
  "i32x4.ge_s": simd(0x3f),
  "i32x4.ge_u": simd(0x40),
  "i32x4.abs": simd(0xa0),
  "i32x4.neg": simd(0xa1),
  "i32x4.all_true": simd(0xa3),
  "i32x4.bitmask": simd(0xa4),
  "i32x4.extend_low_i16x8_s": simd(0xa7),
  "i32x4.extend_high_i16x8_s": simd(0xa8),
  "i32x4.extend_low_i16x8_u": simd(0xa9),
  "i32x4.extend_high_i16x8_u": simd(0xaa),
  "i32x4.shl": simd(0xab),
  "i32x4.shr_s": simd(0xac),
  "i32x4.shr_u": simd(0xad),
  "i32x4.add": simd(0xae),
  "i32x4.sub": simd(0xb1),
  "i32x4.mul": simd(0xb5),
  "i32x4.min_s": simd(0xb6),
  "i32x4.min_u": simd(0xb7),
  "i32x4.max_s": simd(0xb8),
  "i32x4.max_u": simd(0xb9),
  "i32x4.dot_i16x8_s": simd(0xba),
  "i32x4.trunc_sat_f32x4_s": simd(0xf8),
  "i32x4.trunc_sat_f32x4_u": simd(0xf9),
  "i32x4.trunc_sat_f64x2_s_zero": simd(0xfc),
  "i32x4.trunc_sat_f64x2_u_zero": simd(0xfd),

  // i64x2
  "i64x2.abs": simd(0xc0),
  "i64x2.neg": simd(0xc1),
  "i64x2.all_true": simd(0xc3),
  "i64x2.bitmask": simd(0xc4),
  "i64x2.extend_low_i32x4_s": simd(0xc7),
  "i64x2.extend_high_i32x4_s": simd(0xc8),
  "i64x2.extend_low_i32x4_u": simd(0xc9),
  "i64x2.extend_high_i32x4_u": simd(0xca),
  "i64x2.shl": simd(0xcb),
  "i64x2.shr_s": simd(0xcc),
  "i64x2.shr_u": simd(0xcd),
  "i64x2.add": simd(0xce),
  "i64x2.sub": simd(0xd1),
  "i64x2.mul": simd(0xd5),
  "i64x2.eq": simd(0xd6),
  "i64x2.ne": simd(0xd7),
  "i64x2.lt_s": simd(0xd8),
  "i64x2.gt_s": simd(0xd9),
  "i64x2.le_s": simd(0xda),
  "i64x2.ge_s": simd(0xdb),

  // f32x4
  "f32x4.eq": simd(0x41),
  "f32x4.ne": simd(0x42),
  "f32x4.lt": simd(0x43),
  "f32x4.gt": simd(0x44),
  "f32x4.le": simd(0x45),
  "f32x4.ge": simd(0x46),
  "f32x4.ceil": simd(0x67),
  "f32x4.floor": simd(0x68),
  "f32x4.trunc": simd(0x69),
  "f32x4.nearest": simd(0x6a),
  "f32x4.abs": simd(0xe0),
  "f32x4.neg": simd(0xe1),
  "f32x4.sqrt": simd(0xe3),
  "f32x4.add": simd(0xe4),
  "f32x4.sub": simd(0xe5),
  "f32x4.mul": simd(0xe6),
  "f32x4.div": simd(0xe7),
  "f32x4.min": simd(0xe8),
  "f32x4.max": simd(0xe9),
  "f32x4.pmin": simd(0xea),
  "f32x4.pmax": simd(0xeb),
  "f32x4.convert_i32x4_s": simd(0xfa),
  "f32x4.convert_i32x4_u": simd(0xfb),
  "f32x4.demote_f64x2_zero": simd(0x5e),

  // f64x2
  "f64x2.eq": simd(0x47),
  "f64x2.ne": simd(0x48),
  "f64x2.lt": simd(0x49),
  "f64x2.gt": simd(0x4a),
  "f64x2.le": simd(0x4b),
  "f64x2.ge": simd(0x4c),
  "f64x2.ceil": simd(0x74),
  "f64x2.floor": simd(0x75),
  "f64x2.trunc": simd(0x7a),
  "f64x2.nearest": simd(0x94),
  "f64x2.abs": simd(0xec),
  "f64x2.neg": simd(0xed),
  "f64x2.sqrt": simd(0xef),
  "f64x2.add": simd(0xf0),
  "f64x2.sub": simd(0xf1),
  "f64x2.mul": simd(0xf2),
  "f64x2.div": simd(0xf3),
  "f64x2.min": simd(0xf4),
  "f64x2.max": simd(0xf5),
  "f64x2.pmin": simd(0xf6),
  "f64x2.pmax": simd(0xf7),
  "f64x2.convert_low_i32x4_s": simd(0xfe),
  "f64x2.convert_low_i32x4_u": simd(0xff),
  "f64x2.promote_low_f32x4": simd(0x5f),
} satisfies { readonly [name: string]: Instruction };

export type Opcode = keyof typeof OPCODES;
