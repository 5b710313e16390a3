import { constant, type Expr } from "../expr.ts";
import {
  abs,
  add,
  and,
  atMost,
  type Builder,
  div,
  eq,
  le,
  lt,
  type MathRecipe,
  mul,
  neg,
  type PerType,
  select,
  sqrt,
  sub,
} from "./define.ts";
import { leading, viaFloat64 } from "./double.ts";
import { expPieces } from "./exponential.ts";
import { logPositive } from "./logarithm.ts";
import { horner } from "./polynomial.ts";
import { flipSign, scaleByPower, signBit } from "./powers-of-two.ts";

// ── erf ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface ErrorFunction {
  /** Fit of erf(x)/x - 1 in x² for |x| ≤ 0.92. */
  readonly small: readonly number[];
  /** Fit of log(erfc x) in x, from 0.92 to `top`, where erf is 1. */
  readonly large: readonly number[];
  readonly top: number;
}
const SMALL_ERF = 0.92;
const ERROR_FUNCTION: PerType<ErrorFunction> = {
  float32: {
    small: [
      0.12837916612625122, -0.3761262893676758, 0.11283625662326813, -0.026855727657675743, 0.005192381329834461,
      -0.0008049280731938779, 7.993450708454475e-5,
    ],
    large: [
      -0.0002071452618110925, -1.1276267766952515, -0.6372669339179993, -0.1038551926612854, 0.022189123556017876,
      -0.0030335048213601112, 0.00019492505816742778,
    ],
    top: 3.95,
  },
  float64: {
    small: [
      0.1283791670955126, -0.37612638903184087, 0.1128379167097002, -0.02686617064771511, 0.005223977648301588,
      -0.0008548328189129422, 0.00012055369189299197, -1.4926339705571331e-5, 1.6469665053586683e-6,
      -1.640031069083682e-7, 1.4656003160588128e-8, -9.769743061216222e-10,
    ],
    large: [
      -9.735587823999043e-10, -1.1283791928732365, -0.6366193955813754, -0.10277483277828765, 0.019136440391054624,
      0.00018932248704179008, -0.0016595649680384353, 0.0005380204452140346, 3.2643815253490535e-5,
      -0.00011712123254350047, 6.780739281201159e-5, -2.5461342343341242e-5, 7.151985164680618e-6,
      -1.5609226568933006e-6, 2.6588792473852257e-7, -3.4842839891049995e-8, 3.400329038896806e-9,
      -2.329582188771122e-10, 9.998140120519787e-12, -2.0219842808264182e-13,
    ],
    top: 6,
  },
};

export const erf: MathRecipe = {
  name: "erf",
  params: ["x"],
  doc: "erf x = x + x·P(x²) up to 0.92, beyond 1 - exp(Q(|x|)) with Q ≈ log(erfc); own minimax fits.",
  ulp: { float32: 1.24, float64: 1.17 },
  build: (k, x) => {
    const { small, large, top } = k.pick(ERROR_FUNCTION);
    const z = k.let("z", mul(x, x));
    const near = add(x, mul(x, horner(z, small)));
    const size = k.let("size", atMost(k, abs(x), top));
    const { q, i } = expPieces(k, k.let("logErfc", horner(size, large)));
    const far = sub(1, scaleByPower(k, add(q, 1), i));
    return select(lt(size, SMALL_ERF), near, flipSign(k, far, signBit(x)));
  },
};

/** Fit of (1 + 2x)·e^(x²)·erfc(x) in (x - 3)/(x + 3) for x ≥ ½. */
const ERFC = [
  1.2530080582697296, -0.13562110612458084, -0.04756229435343384, 0.12964515870271817, -0.11927366341637591,
  0.06830802734557402, -0.023770514892453878, 0.002529391787416037, 0.0018886900308933137, -0.0007798319787670749,
  -0.00010515741491655, 0.00012509749095168397, 4.9387975342434404e-6, -2.00929833045886e-5, -7.012462973163499e-7,
  3.4525197016153044e-6, 3.030740710309338e-7, -5.840747551910044e-7, -8.425519573999243e-8, 7.124245030572795e-8,
  8.635681414307835e-9,
];

export const erfc: MathRecipe = viaFloat64({
  name: "erfc",
  params: ["x"],
  doc:
    "erfc x = 1 - erf x up to ½, beyond e^(-x²)·G/(1 + 2x) with x² in two parts and G a polynomial in (x - 3)/(x + 3); " +
    "2 - erfc |x| below -½. Own fit.",
  ulp: { float32: 0.51, float64: 3.4 },
  build: (k, x) => {
    const z = k.let("z", mul(x, x));
    const curve = k.let("curve", mul(x, horner(z, ERROR_FUNCTION.float64.small)));
    const near = select(lt(x, 0.25), sub(1, add(x, curve)), sub(0.5, add(curve, sub(x, 0.5))));
    const magnitude = k.let("magnitude", abs(x));
    const size = k.let("size", atMost(k, magnitude, 28));
    const s = k.let("s", div(sub(size, 3), add(size, 3)));
    const high = k.let("sizeHigh", leading(size));
    const { q, i } = expPieces(k, k.let("square", neg(mul(high, high))));
    const low = k.let("low", mul(sub(high, size), add(high, size)));
    const p = k.let("p", add(q, 1));
    const scaled = add(p, mul(p, mul(low, horner(low, [1, 1 / 2, 1 / 6, 1 / 24, 1 / 120]))));
    const tail = k.let("tail", scaleByPower(k, div(mul(scaled, horner(s, ERFC)), add(mul(size, 2), 1)), i));
    return select(lt(magnitude, 0.5), near, select(lt(x, 0), sub(2, tail), tail));
  },
});

// ── normalQuantile ───────────────────────────────────────────────────────────────────────────────────────────────

interface Rational {
  readonly over: readonly number[];
  readonly under: readonly number[];
}
/**
 * With q = |p - ½| and r = √(-log p), both are what is left after a leading term, in which most of the value lies:
 * |Φ⁻¹(p)| = √(2π)·q + q³·centre for q ≤ 0.425, and √2·r - tail beyond.
 */
interface Quantile {
  /** In 0.425² - q². */
  readonly centre: Rational;
  /** In r - shift, while r ≤ end. */
  readonly tails: readonly (Rational & { readonly shift: number; readonly end: number })[];
}
/** Own minimax fits (Lawson's method), relatively exact to 2^-25.5 (float32) and 2^-53.9 (float64). */
const QUANTILE: PerType<Quantile> = {
  float32: {
    centre: {
      over: [4.874765872955322, 69.7207260131836, 197.5894775390625, 25.90645408630371],
      under: [1, 20.32666778564453, 111.49232482910156, 145.882080078125],
    },
    tails: [
      {
        shift: 1.625,
        end: Infinity,
        over: [0.8320422172546387, 0.5759804248809814, 0.09079769998788834, 0.0024434872902929783],
        under: [1, 1.0377658605575562, 0.32470396161079407, 0.030725974589586258, 0.0005177580751478672],
      },
    ],
  },
  float64: {
    centre: {
      over: [
        4.87476594139995, 180.9646864813361, 2489.37563049546, 15711.94186579428, 45758.042914359954, 54318.91103199329,
        18443.789011361037, 170.48274945036704,
      ],
      under: [
        1, 43.1470614901531, 719.0970468980917, 5849.244650030475, 24214.785718175408, 48550.25859528889,
        40547.899432852515, 9645.981727622848,
      ],
    },
    tails: [
      {
        shift: 1.625,
        end: 5,
        over: [
          0.8320422651549071, 1.3969496011174016, 0.9006815736909949, 0.2812337075712447, 0.04358080165714263,
          0.00297352878420338, 6.285990924911315e-5, 6.678718206660977e-8,
        ],
        under: [
          1, 2.0244578192062854, 1.6389869094723115, 0.6788275418985191, 0.1520185498703501, 0.01768380592748934,
          0.0009145028727136755, 1.4016129149332041e-5,
        ],
      },
      {
        shift: 5,
        end: Infinity,
        over: [
          0.41316316836437206, 0.19659585821493722, 0.03378588125416051, 0.0025932005587962453, 8.96047536692166e-5,
          1.24054947135946e-6, 4.919531019174919e-9, 7.917418448655299e-13,
        ],
        under: [
          1, 0.6112393189735797, 0.14351150607731514, 0.016303593795673733, 0.0009316613859184638, 2.540530552637984e-5,
          2.831277572473797e-7, 8.717142966797127e-10,
        ],
      },
    ],
  },
};
const CENTRE = 0.425;

function quantile(k: Builder, p: Expr): Expr {
  const { centre, tails } = k.pick(QUANTILE);
  const q = k.let("q", sub(p, 0.5));
  const above = k.let("above", sub(1, p));
  const tail = k.let("tail", select(lt(q, 0), p, above));
  const depth = k.let("depth", sqrt(sub(0, logPositive(k, tail, true, null))));
  const size = k.let("size", abs(q));
  const square = k.let("square", mul(q, q));
  const w = k.let("w", sub(CENTRE * CENTRE, square));
  // All regions are computed, and one division serves the one that holds.
  let over: Expr = constant(0, k.type);
  let under = over;
  tails.toReversed().forEach((region, i) => {
    const u = k.let("u", sub(depth, region.shift));
    const here = i === 0 ? constant(1, "bool") : k.let("here", le(depth, region.end));
    over = select(here, neg(horner(u, region.over)), over);
    under = select(here, horner(u, region.under), under);
  });
  const central = k.let("central", le(size, CENTRE));
  over = select(central, mul(mul(size, square), horner(w, centre.over)), over);
  under = select(central, horner(w, centre.under), under);
  const lead = select(central, mul(size, ROOT_TAU), mul(depth, Math.SQRT2));
  return flipSign(k, add(lead, div(over, under)), signBit(q));
}
/** √(2π): the slope of Φ⁻¹ at ½. */
const ROOT_TAU = 2.5066282746310002;

export const normalQuantile: MathRecipe = {
  name: "normalQuantile",
  params: ["p"],
  doc:
    "Φ⁻¹(p): rational approximations in 0.425² - (p - ½)² in the middle and in √(-log p) in the tails, in the manner of " +
    "Wichura's AS 241, each with its leading term taken out; own fits.",
  ulp: { float32: 3.5, float64: 3.3 },
  build: (k, p) => {
    const value = k.let("value", quantile(k, p));
    const ends = select(eq(p, 0), -Infinity, select(eq(p, 1), Infinity, constant(Number.NaN, k.type)));
    // Written so that NaN fails the test.
    return select(and(lt(0, p), lt(p, 1)), value, ends);
  },
};
