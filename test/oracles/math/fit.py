"""Prints the polynomials of inverse.ts and gamma.ts, and those of sinh, asinh, atanh and erfc: python fit.py (needs mpmath).

Each is the interpolation of a smooth function at the Chebyshev points of its interval, in 60 digits, turned into powers
of the variable and rounded to float64; its error is within a factor of two of the best possible. The number of
coefficients is the smallest whose error stays below `wanted` (relative to `scale`).
"""

import mpmath as mp

mp.mp.dps = 60


def chebyshev(f, low, high, count):
    """Coefficients, in powers of the variable, of the interpolation at `count` Chebyshev points of [low, high]."""
    low, high = mp.mpf(low), mp.mpf(high)
    middle, half = (high + low) / 2, (high - low) / 2
    angles = [mp.pi * (2 * j + 1) / (2 * count) for j in range(count)]
    values = [f(middle + half * mp.cos(a)) for a in angles]
    c = [2 * mp.fsum(v * mp.cos(k * a) for v, a in zip(values, angles)) / count for k in range(count)]
    c[0] /= 2
    # Sum of c[k]·T_k(u) in powers of u, then u = (x - middle)/half in powers of x.
    before, now = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    powers = [mp.mpf(0)] * count
    for k in range(count):
        t = before if k == 0 else now
        for i, a in enumerate(t):
            powers[i] += c[k] * a
        if k > 0:
            after = [mp.mpf(0)] + [2 * a for a in now]
            for i, a in enumerate(before):
                after[i] -= a
            before, now = now, after
    result = [mp.mpf(0)]
    for a in reversed(powers):
        shifted = [mp.mpf(0)] * (len(result) + 1)
        for i, r in enumerate(result):
            shifted[i] -= r * middle / half
            shifted[i + 1] += r / half
        shifted[0] += a
        result = shifted
    return [float(a) for a in result[:count]]


def error(f, low, high, coefficients, scale):
    worst = mp.mpf(0)
    for j in range(400):
        x = mp.mpf(low) + (mp.mpf(high) - mp.mpf(low)) * (j + mp.mpf("0.5")) / 400
        worst = max(worst, abs(mp.polyval([mp.mpf(c) for c in reversed(coefficients)], x) - f(x)) / scale)
    return worst


def fit(name, f, low, high, scale=1, wanted=mp.mpf(2) ** -56):
    for count in range(3, 40):
        coefficients = chebyshev(f, low, high, count)
        worst = error(f, low, high, coefficients, scale)
        if worst < wanted:
            break
    print(f"// {name}: {count} coefficients, error 2^{float(mp.log(worst, 2)):.1f}")
    print("[" + ", ".join(repr(c) for c in coefficients) + "],\n")


def odd(f, taylor):
    """(f(x) - x)/x³ as a function of x²."""

    def g(z):
        if z == 0:
            return mp.mpf(taylor)
        x = mp.sqrt(abs(z))
        if z < 0:
            raise ValueError(z)
        return (f(x) - x) / x**3

    return g


def around(at):
    """lgamma(at + t)/t."""

    def g(t):
        return mp.digamma(at) if t == 0 else mp.loggamma(at + t) / t

    return g


def stirling(z):
    """What Stirling's formula leaves, times x, in z = 1/x²."""
    if z < mp.mpf(10) ** -12:
        return mp.mpf(1) / 12 - z / 360
    x = 1 / mp.sqrt(z)
    return (mp.loggamma(x) - (x - mp.mpf("0.5")) * mp.log(x) + x - mp.log(2 * mp.pi) / 2) * x


def scaled_erfc(s):
    """(1 + 2x)·e^(x²)·erfc(x) in s = (x - 3)/(x + 3)."""
    if s > 1 - mp.mpf(10) ** -15:
        return 2 / mp.sqrt(mp.pi)
    x = 3 * (1 + s) / (1 - s)
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


if __name__ == "__main__":
    fit("asin", odd(mp.asin, mp.mpf(1) / 6), 0, 0.25, wanted=mp.mpf(2) ** -55)
    fit("atan", odd(mp.atan, -mp.mpf(1) / 3), 0, 0.1717, wanted=mp.mpf(2) ** -55)
    fit("sinh", odd(mp.sinh, mp.mpf(1) / 6), 0, 1, wanted=mp.mpf(2) ** mp.mpf("-55.5"))
    fit("asinh", odd(mp.asinh, -mp.mpf(1) / 6), 0, 0.25, wanted=mp.mpf(2) ** -55)
    fit("atanh", odd(mp.atanh, mp.mpf(1) / 3), 0, 0.25, wanted=mp.mpf(2) ** -55)
    fit("lgamma around 1", around(1), -0.4, 0.6)
    fit("lgamma around 2", around(2), -0.5, 1)
    fit("Stirling", stirling, 0, mp.mpf(1) / 64, wanted=mp.mpf(2) ** -57)
    fit("erfc", scaled_erfc, (0.5 - 3) / 3.5, 25 / mp.mpf(31), wanted=mp.mpf(2) ** -53)
