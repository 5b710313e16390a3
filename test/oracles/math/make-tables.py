"""Writes the exact tables that test/kernel/math.test.ts compares the library's own functions against.

    python make-tables.py [--out DIR] [--scale N]     needs mpmath (gmpy2 makes it faster)

math.json lists the tables; math.bin holds, for each, little endian: the arguments (one column each), the correctly
rounded results, all in the table's type, and one signed byte per result: (exact - rounded) in units of the last place
of the exact result, times 254. Every table starts on a multiple of 8 bytes. --scale makes them N times as long, for
measuring; the committed ones have scale 1.
"""

import argparse
import array
import json
import math
import pathlib
import random
import struct

import mpmath as mp

mp.mp.prec = 260
INF, NAN = math.inf, math.nan


class Format:
    def __init__(self, name, code, word, precision, lowest, highest):
        self.name, self.code, self.word = name, code, word
        self.precision, self.lowest, self.highest = precision, lowest, highest
        self.size = struct.calcsize(code)
        self.top = math.ldexp(2 - 2.0 ** (1 - precision), highest)

    def random_bits(self, rng):
        return struct.unpack("<" + self.code, struct.pack("<" + self.word, rng.getrandbits(8 * self.size)))[0]

    def nearest(self, x):
        """The value of this format nearest to a float or mpf."""
        return self.round(mp.mpf(x))[0]

    def round(self, exact):
        """Correctly rounded value, and (exact - it) in ulp of the exact value."""
        if mp.isnan(exact):
            return NAN, 0
        if mp.isinf(exact) or exact == 0:
            return float(exact), 0
        exponent = max(mp.frexp(exact)[1] - 1, self.lowest)
        if exponent > self.highest:
            return math.copysign(INF, float(mp.sign(exact))), 0
        ulp = exponent - self.precision + 1
        scaled = mp.ldexp(exact, -ulp)
        whole = mp.nint(scaled)
        if abs(whole) >= 2**self.precision and exponent == self.highest:
            return math.copysign(INF, float(mp.sign(exact))), 0
        value = math.copysign(float(mp.ldexp(whole, ulp)), float(mp.sign(exact)))
        return value, float(scaled - whole)

    def step(self, x, count):
        """`count` neighbours further up (or down)."""
        bits = struct.unpack("<" + self.word, struct.pack("<" + self.code, x))[0]
        return struct.unpack("<" + self.code, struct.pack("<" + self.word, max(0, bits + count)))[0]


FORMATS = [Format("float32", "f", "I", 24, -126, 127), Format("float64", "d", "Q", 53, -1022, 1023)]


# ── the functions, exactly ───────────────────────────────────────────────────────────────────────────────────────────


def quantile(p):
    if mp.isnan(p) or p < 0 or p > 1:
        return mp.nan
    if p == 0 or p == 1:
        return -mp.inf if p == 0 else mp.inf
    if p > 0.5:
        return -quantile(1 - p)
    if p == 0.5:
        return mp.mpf(0)
    t = mp.sqrt(-2 * mp.log(p))
    z = -(t - (2.515517 + 0.802853 * t) / (1 + 1.432788 * t + 0.189269 * t * t))
    for _ in range(60):
        cdf = mp.erfc(-z / mp.sqrt(2)) / 2
        density = mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
        step = (mp.log(cdf) - mp.log(p)) * cdf / density
        z -= step
        if abs(step) < mp.mpf(2) ** -160 * abs(z):
            return z
    raise ArithmeticError(p)


def wide(f, top):
    """exp and its kin overflow mpmath's patience for huge arguments; the result is known there."""
    return lambda x: f(max(min(x, mp.mpf(top)), mp.mpf(-top))) if not mp.isnan(x) else mp.nan


def log(x):
    return mp.nan if mp.isnan(x) or x < 0 else -mp.inf if x == 0 else mp.log(x)


def power(x, y):
    """Finite, nonzero, non-NaN arguments only; the rest is in the list of special cases."""
    if x < 0 and y != mp.floor(y):
        return mp.nan
    e = y * mp.log(abs(x))
    value = mp.inf if e > 2000 else mp.mpf(2) ** -3000 if e < -2000 else mp.exp(e)
    return -value if x < 0 and y % 2 == 1 else value


TINY = mp.mpf(2) ** -200


FUNCTIONS = {
    "exp": wide(mp.exp, 2000),
    "expm1": lambda x: x if x == 0 else wide(mp.expm1, 2000)(x),
    "log": log,
    "log1p": lambda x: x if x == 0 else x - x * x / 2 if abs(x) < TINY else log(1 + x) if x <= -1 or abs(x) > 1 else mp.log1p(x),
    "tanh": lambda x: x if x == 0 else x - x**3 / 3 if abs(x) < TINY else wide(mp.tanh, 400)(x),
    "sigmoid": wide(lambda x: 1 / (1 + mp.exp(-x)), 1500),
    "softplus": lambda x: x if x > 1500 else wide(lambda t: mp.log1p(mp.exp(t)), 1500)(x),
    "sin": lambda x: x if x == 0 else mp.nan if mp.isinf(x) else mp.sin(x),
    "cos": lambda x: mp.nan if mp.isinf(x) else mp.cos(x),
    "erf": lambda x: x if x == 0 else wide(mp.erf, 30)(x),
    "normalQuantile": quantile,
    "pow": power,
    "tan": lambda x: x if x == 0 else mp.nan if mp.isinf(x) else mp.tan(x),
    "asin": lambda x: x if x == 0 else mp.nan if abs(x) > 1 else mp.asin(x),
    "acos": lambda x: mp.nan if abs(x) > 1 else mp.acos(x),
    "atan": lambda x: x if x == 0 else mp.atan(x),
    "atan2": mp.atan2,
    "sinh": lambda x: x if x == 0 else x + x**3 / 6 if abs(x) < TINY else wide(mp.sinh, 2000)(x),
    "cosh": wide(mp.cosh, 2000),
    "asinh": lambda x: x if x == 0 else x - x**3 / 6 if abs(x) < TINY else mp.asinh(x),
    "acosh": lambda x: mp.nan if x < 1 else mp.acosh(x),
    "atanh": lambda x: x if x == 0 else mp.nan if abs(x) > 1 else mp.sign(x) * mp.inf if abs(x) == 1 else x + x**3 / 3 if abs(x) < TINY else mp.atanh(x),
    "exp2": wide(lambda x: mp.mpf(2) ** x, 3000),
    "log2": lambda x: mp.nan if mp.isnan(x) or x < 0 else -mp.inf if x == 0 else mp.log(x, 2),
    "log10": lambda x: mp.nan if mp.isnan(x) or x < 0 else -mp.inf if x == 0 else mp.log10(x),
    "erfc": wide(mp.erfc, 60),
    "lgamma": lambda x: mp.inf if x == 0 or mp.isinf(x) else mp.loggamma(x),
}
ODD = ("expm1", "log1p", "tanh", "sin", "erf", "tan", "asin", "atan", "sinh", "asinh", "atanh")

# ── where to look ────────────────────────────────────────────────────────────────────────────────────────────────────


def spread(rng, low, high):
    """± 2^uniform(low, high)."""
    return rng.choice((-1, 1)) * 2.0 ** rng.uniform(low, high)


def arguments(name, fmt, rng, scale):
    wide_type = fmt.name == "float64"
    exp_top, exp_bottom = (709.79, -745.2) if wide_type else (88.73, -104)
    out = [fmt.random_bits(rng) for _ in range(200 * scale)]
    out += [spread(rng, -40, 12) for _ in range(500 * scale)]

    def uniform(count, low, high):
        out.extend(rng.uniform(low, high) for _ in range(count * scale))

    def around(points, count=6):
        for point in points:
            x = fmt.nearest(point)
            out.extend(fmt.step(x, d) for d in range(-(count // 2), count // 2 + 1))

    if name in ("exp", "expm1", "sigmoid", "softplus", "tanh", "sinh", "cosh", "exp2"):
        uniform(500, exp_bottom, exp_top)
        uniform(800, -1, 1)
        uniform(500, -20, 20)
        around(n * mp.log(2) / 2 for n in range(-40, 40))
        around([exp_top, exp_bottom, math.log(2.0**fmt.lowest), 9.01, 18.7, 19.06, 16.6, 17.3, 36.7, 37.4])
    elif name in ("log", "log1p", "log2", "log10"):
        out += [abs(spread(rng, fmt.lowest, fmt.highest)) for _ in range(500 * scale)]
        out += [abs(spread(rng, fmt.lowest - fmt.precision, fmt.lowest)) for _ in range(200 * scale)]
        uniform(800, 0.5, 2)
        uniform(600, -1, 1)
        around([1, math.sqrt(2), math.sqrt(0.5), 2, 0.5, 4, fmt.top * 0.999, 2.0**fmt.lowest], 12)
        around([math.sqrt(2) - 1, math.sqrt(0.5) - 1, -1 + 2.0**-20], 12)
    elif name in ("sin", "cos", "tan"):
        bound = 2.0**20 if wide_type else 1e5
        uniform(700, -4, 4)
        uniform(700, -bound, bound)
        out += [spread(rng, -3, math.log2(bound)) for _ in range(600 * scale)]
        quarters = [rng.randrange(1, int(bound / 1.5708)) for _ in range(100 * scale)] + list(range(1, 40)) + [161, 29]
        around((n * mp.pi / 2 for n in quarters), 2)
        around(((2 * n + 1) * mp.pi / 4 for n in quarters[-60:]), 2)
        out = [x for x in out if not abs(x) > bound]
    elif name == "erf":
        uniform(1200, -1.5, 1.5)
        uniform(1000, -6.2, 6.2)
        around([0.92, 3.9, 3.95, 5.9, 5.95, 6, 1, 0.5])
    elif name in ("asin", "acos", "atanh"):
        out = [x for x in out if abs(x) <= 1]
        uniform(1200, -1, 1)
        uniform(400, -0.51, 0.51)
        out += [rng.choice((-1, 1)) * (1 - abs(spread(rng, -fmt.precision, -1))) for _ in range(600 * scale)]
        around([0.5, -0.5], 12)
        out += [1, -1]
    elif name in ("atan", "asinh"):
        out += [spread(rng, fmt.lowest, fmt.highest) for _ in range(200 * scale)]
        uniform(900, -1.2, 1.2)
        uniform(500, -4, 4)
        around([0.5, -0.5, math.tan(math.pi / 8), 1, 2.41421356, 2.0**28, 2.0**-30], 12)
    elif name == "acosh":
        out = [abs(x) for x in out if abs(x) >= 1]
        out += [1 + abs(spread(rng, -fmt.precision, 0)) for _ in range(1000 * scale)]
        out += [abs(spread(rng, 0, fmt.highest)) for _ in range(400 * scale)]
        uniform(700, 1, 4)
        around([2.0**28], 12)
    elif name == "erfc":
        uniform(700, -1.5, 1.5)
        uniform(700, -6.2, 6.2)
        uniform(900, 0.4, 27.3 if wide_type else 10.1)
        around([0.25, 0.5, -0.5, 1, 3], 12)
    elif name == "lgamma":
        out = [abs(x) for x in out]
        out += [abs(spread(rng, fmt.lowest, fmt.highest)) for _ in range(200 * scale)]
        uniform(700, 0, 3.5)
        uniform(500, 0, 30)
        out += [rng.choice((1, 2)) + spread(rng, -fmt.precision + 1, -2) for _ in range(500 * scale)]
        around([0.6, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 2.0**-60], 12)
    elif name == "normalQuantile":
        out = [abs(fmt.random_bits(rng)) for _ in range(100 * scale)]
        out = [x for x in out if not x > 2]
        out += [abs(spread(rng, fmt.lowest - fmt.precision + 1, 0)) for _ in range(500 * scale)]
        uniform(1200, 0, 1)
        out += [0.5 + spread(rng, -fmt.precision, -1) for _ in range(400 * scale)]
        out += [1 - abs(spread(rng, -fmt.precision, -1)) for _ in range(400 * scale)]
        around([0.075, 0.925, 0.5, 0.25, math.exp(-25), 2.0**fmt.lowest])
    return [fmt.nearest(x) if math.isfinite(x) else x for x in out]


def power_arguments(fmt, rng, scale):
    reach = fmt.highest
    out = []
    for _ in range(900 * scale):  # results all over the range
        x = abs(spread(rng, fmt.lowest - 20, fmt.highest)) if rng.random() < 0.3 else abs(spread(rng, -6, 6))
        e = rng.uniform(-reach - 60, reach + 5)
        out.append((x, e / math.log2(x) if x != 1 else e))
    for _ in range(500 * scale):  # near 1, large exponents
        x = 1 + spread(rng, -fmt.precision + 1, -2)
        out.append((x, rng.uniform(-reach, reach) / math.log2(x) if x != 1 else 1e9))
    out += [(abs(spread(rng, -5, 5)), spread(rng, -4, 4)) for _ in range(700 * scale)]
    out += [(spread(rng, -5, 5), float(rng.randrange(-20, 21))) for _ in range(300 * scale)]
    out += [(spread(rng, -5, 5), spread(rng, -3, 3)) for _ in range(50 * scale)]
    out += [(abs(spread(rng, -5, 5)), rng.choice((0.5, -0.5, 2.0, -1.0, 3.0, 1 / 3, 0.75))) for _ in range(200 * scale)]
    out += [(fmt.random_bits(rng), fmt.random_bits(rng)) for _ in range(200 * scale)]
    out = [(x, y) for x, y in out if math.isfinite(x) and math.isfinite(y)]
    out = [(fmt.nearest(x), fmt.nearest(y)) for x, y in out]
    return [(x, y) for x, y in out if x not in (0, INF, -INF) and y not in (0, INF, -INF)]


def angle_arguments(fmt, rng, scale):
    out = [(spread(rng, -6, 6), spread(rng, -6, 6)) for _ in range(1200 * scale)]
    out += [(rng.uniform(-1, 1), rng.uniform(-1, 1)) for _ in range(800 * scale)]
    out += [(spread(rng, fmt.lowest, fmt.highest), spread(rng, fmt.lowest, fmt.highest)) for _ in range(200 * scale)]
    for _ in range(300 * scale):  # near the borders of the reduction
        x, t = spread(rng, -3, 3), rng.choice((1, 0.41421356237309503, 2.414213562373095)) * (1 + spread(rng, -50, -20))
        out.append((x * t, x * rng.choice((-1, 1))))
    out = [(fmt.nearest(y), fmt.nearest(x)) for y, x in out]
    return [(y, x) for y, x in out if x != 0 and y != 0]


def near_overflow(fmt, exact):
    """Whether a result one ulp off could be infinite, or finite by mistake: such points have no meaningful ulp."""
    return mp.isfinite(exact) and abs(abs(exact) / mp.ldexp(1, fmt.highest + 1) - 1) < mp.ldexp(1, 4 - fmt.precision)


def table(name, fmt, scale):
    rng = random.Random(f"{name} {fmt.name}")
    two = {"pow": power_arguments, "atan2": angle_arguments}
    points = two[name](fmt, rng, scale) if name in two else [(x,) for x in arguments(name, fmt, rng, scale)]
    columns = [[] for _ in range(3 if name in two else 2)]
    rest = []
    for point in dict.fromkeys(p for p in points if not any(math.isnan(x) for x in p)):
        exact = FUNCTIONS[name](*[mp.mpf(x) for x in point])
        if near_overflow(fmt, exact):
            continue
        value, residue = fmt.round(exact)
        if value == 0 and residue == 0 and point[0] == 0:
            value = point[0] if name in ODD else value
        for column, number in zip(columns, (*point, value)):
            column.append(number)
        rest.append(max(-127, min(127, round(residue * 254))))
    return columns, rest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    parser.add_argument("--scale", default=1, type=int)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    index, data = [], bytearray()
    for fmt in FORMATS:
        for name in FUNCTIONS:
            if options.only and name not in options.only.split(","):
                continue
            columns, rest = table(name, fmt, options.scale)
            index.append({"name": name, "type": fmt.name, "count": len(rest), "columns": len(columns), "offset": len(data)})
            for column in columns:
                data += struct.pack(f"<{len(column)}{fmt.code}", *column)
            data += array.array("b", rest).tobytes()
            data += bytes(-len(data) % 8)
            print(index[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "math.bin").write_bytes(data)
    (options.out / "math.json").write_text("[\n" + ",\n".join("  " + json.dumps(row) for row in index) + "\n]\n")
    print(len(data), "bytes")


if __name__ == "__main__":
    main()
