/** How rows are cut into register tiles. */
export interface RowBlock {
  /** For each row axis: where the tiles begin, how far apart they are, and how many. */
  readonly axes: readonly { readonly start: number; readonly step: number; readonly count: number }[];
  /** Rows of one tile: an offset for each axis. */
  readonly rows: readonly (readonly number[])[];
}

/** Rows of a register tile. */
export const TILE_ROWS = 4;

interface Shape {
  /** Rows along each axis; the tile is their product. */
  readonly tile: readonly number[];
  readonly covered: number;
}

/**
 * Cuts rows along several axes into tiles of four: four along one axis, or two by two, whichever leaves the least.
 * What is left is cut in the same way, with the axis it is left on now short: of 5 x 5 rows come 5 tiles along the
 * second axis, one along the first, and a lone row.
 */
export function coverRows(extents: readonly number[]): readonly RowBlock[] {
  const blocks: RowBlock[] = [];
  cover(
    extents.map((extent) => ({ start: 0, extent })),
    blocks,
  );
  return blocks;
}

interface Range {
  readonly start: number;
  readonly extent: number;
}

function cover(ranges: readonly Range[], blocks: RowBlock[]): void {
  if (ranges.some((range) => range.extent === 0)) return;
  const tile = bestTile(ranges.map((range) => range.extent));
  const counts = ranges.map(({ extent }, axis) => Math.floor(extent / tile[axis]!));
  blocks.push({
    axes: ranges.map(({ start }, axis) => ({ start, step: tile[axis]!, count: counts[axis]! })),
    rows: offsets(tile),
  });
  // What is left on each axis, of what the axes before it have covered.
  ranges.forEach(({ start, extent }, axis) => {
    const done = counts[axis]! * tile[axis]!;
    if (done === extent) return;
    const slab = ranges.map((range, other): Range => {
      if (other === axis) return { start: start + done, extent: extent - done };
      return other < axis ? { start: range.start, extent: counts[other]! * tile[other]! } : range;
    });
    cover(slab, blocks);
  });
}

function bestTile(extents: readonly number[]): readonly number[] {
  const candidates: Shape[] = [];
  const total = extents.reduce((product, extent) => product * extent, 1);
  const consider = (tile: readonly number[]): void => {
    if (tile.some((size, axis) => size > extents[axis]!)) return;
    const covered = tile.reduce((product, size, axis) => product * (extents[axis]! - (extents[axis]! % size)), 1);
    candidates.push({ tile, covered: covered / total });
  };
  const along = (sizes: ReadonlyMap<number, number>): readonly number[] =>
    extents.map((_, axis) => sizes.get(axis) ?? 1);
  for (let axis = extents.length - 1; axis >= 0; axis--) consider(along(new Map([[axis, TILE_ROWS]])));
  for (let axis = extents.length - 1; axis > 0; axis--) {
    for (let other = axis - 1; other >= 0; other--) {
      consider(
        along(
          new Map([
            [axis, 2],
            [other, 2],
          ]),
        ),
      );
    }
  }
  if (candidates.length === 0) {
    for (let rows = TILE_ROWS - 1; rows > 1 && candidates.length === 0; rows--) {
      for (let axis = extents.length - 1; axis >= 0; axis--) consider(along(new Map([[axis, rows]])));
    }
  }
  let best: Shape = { tile: extents.map(() => 1), covered: 0 };
  for (const candidate of candidates) if (candidate.covered > best.covered) best = candidate;
  return best.tile;
}

/** All offsets inside a box, row-major. */
function offsets(tile: readonly number[]): readonly (readonly number[])[] {
  return tile.reduce<number[][]>(
    (all, size) => all.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i])),
    [[]],
  );
}

/** A stretch of the vector axis that is cut into panels of `lanes`. */
export interface LanePart {
  readonly start: number;
  readonly lanes: number;
  readonly panels: number;
  /** Lanes in use: fewer than `lanes` only in a part of one panel. */
  readonly active: number;
}

/**
 * Panels as wide as `widest`, then narrower ones, down to `least` (one vector); what is left at the end is masked.
 * Ten columns become a panel of eight and one of four with two lanes in use.
 */
export function coverLanes(extent: number, widest: number, least: number): readonly LanePart[] {
  const parts: LanePart[] = [];
  let start = 0;
  for (let lanes = widest; start < extent; lanes /= 2) {
    const panels = Math.floor((extent - start) / lanes);
    if (panels > 0) parts.push({ start, lanes, panels, active: lanes });
    start += panels * lanes;
    const rest = extent - start;
    if (rest === 0 || (lanes > least && (lanes > 2 * least || rest <= least))) continue;
    parts.push({ start, lanes, panels: 1, active: rest });
    return parts;
  }
  return parts;
}
